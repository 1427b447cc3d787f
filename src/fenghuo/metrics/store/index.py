"""The index: which series there are, as columns of label codes, one table for each metric name.

A series has a number (``sid``, int32, never negative) for as long as any part of the store holds a sample of it.
Label values are held once for the whole store, in one :class:`Dictionary` for each label name, so that codes of
one label name compare across metrics and across blocks.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from fenghuo.base.errors import InputError
from fenghuo.metrics.store.arrays import Growing, runs_of
from fenghuo.metrics.store.matching import Judge, by_cost
from fenghuo.model.label_table import Codes, Dictionary, LabelColumn, LabelTable
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Bools, Ints

UNKNOWN = -1
"""The number of no series."""
NO_KEY = b"\xff"
"""The key of no series."""
NO_TABLE = -1
"""The metric of a series number that is nobody's."""


class MetricTable:
    """The series of one metric: a column of series numbers and a column of codes for each label but the name."""

    __slots__ = ("columns", "name_code", "sids")

    def __init__(self, name_code: int) -> None:
        self.name_code = name_code
        self.sids: Growing[np.int32] = Growing(np.int32, -1)
        self.columns: dict[str, Growing[np.int32]] = {}

    def add(self, name: str, rows: Ints, codes: Codes) -> None:
        """Give rows, the last of which may be new, their codes of one label."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = Growing(np.int32, 0)
        column.grow(int(rows.max()) + 1)
        column.all[rows] = codes

    def codes(self, name: str) -> Codes | None:
        """The column of ``name`` over all rows, or None when no row has the label."""
        column = self.columns.get(name)
        if column is None:
            return None
        column.grow(self.sids.size)
        return column.view


class SeriesIndex:
    """All series of the store. Not locked: the store calls it under its own lock."""

    def __init__(self) -> None:
        self.dictionaries: dict[str, Dictionary] = {}
        self._names: list[str] = []
        """By number of a label name."""
        self._lookups: dict[str, tuple[int, dict[str, int]]] = {}
        """By label name: its number, and its dictionary's way from value to code."""
        self.label_id(METRIC_NAME)
        self._tables: dict[int, MetricTable] = {}
        self._sids: dict[bytes, int] = {}
        self._table_of: Growing[np.int32] = Growing(np.int32, NO_TABLE)
        self._row_of: Growing[np.int32] = Growing(np.int32, -1)
        self._free: list[int] = []
        self.generations: Growing[np.int32] = Growing(np.int32, 0)
        """By series number: how many series had it before. Who keeps a number over time compares."""
        self._judge = Judge()

    def __len__(self) -> int:
        return len(self._sids)

    @property
    def bound(self) -> int:
        """All series numbers are below this."""
        return self._table_of.size

    def register(self, series: Iterable[Iterable[tuple[str, str]]]) -> Ints:
        """int64[n]: the numbers of label sets, new ones entered; each is its pairs, sorted by name.

        Raises InputError for text that is not valid UTF-8, and has then entered none.
        """
        return self.enter(self._keys(series, intern=True))

    def find(self, series: Iterable[Iterable[tuple[str, str]]]) -> Ints:
        """int64[n]: the numbers of label sets; :data:`UNKNOWN` for those that are not entered."""
        found = map(self._sids.get, self._keys(series, intern=False), itertools.repeat(UNKNOWN))
        return np.fromiter(found, dtype=np.int64)

    def _keys(self, series: Iterable[Iterable[tuple[str, str]]], *, intern: bool) -> list[bytes]:
        lookups = self._lookups
        keys = []
        for pairs in series:
            flat: list[int] = []
            for name, value in pairs:
                known = lookups.get(name)
                code = None if known is None else known[1].get(value)
                if known is None or code is None:
                    if not intern:
                        keys.append(NO_KEY)
                        break
                    known, code = self._intern(name, value)
                flat += (known[0], code)
            else:
                keys.append(array("i", flat).tobytes())
        return keys

    def _intern(self, name: str, value: str) -> tuple[tuple[int, dict[str, int]], int]:
        try:
            name.encode()
            value.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"a series has the label {name!a} with the value {value[:100]!a}, which is not valid UTF-8",
                remedy="mend what exposes it",
            ) from error
        self.label_id(name)
        return self._lookups[name], self.dictionaries[name].intern(value)

    def label_id(self, name: str) -> int:
        """The number of a label name in the keys of :meth:`enter`, new if need be."""
        known = self._lookups.get(name)
        if known is None:
            dictionary = self.dictionaries[name] = Dictionary()
            known = self._lookups[name] = (len(self._names), dictionary.codes)
            self._names.append(name)
        return known[0]

    def enter(self, keys: Sequence[bytes]) -> Ints:
        """The numbers of series, new ones entered.

        A key is far smaller than the texts: for each label, sorted by name, the int32 of its name and of its value's
        code.
        """
        found = list(map(self._sids.get, keys))
        if None in found:
            fresh = list(dict.fromkeys(key for key, sid in zip(keys, found, strict=True) if sid is None))
            self._add(fresh)
            found = list(map(self._sids.get, keys))
        return np.array(found, dtype=np.int64)

    def _add(self, keys: list[bytes]) -> None:
        """Give new series numbers, and rows in their metrics' tables."""
        reused = min(len(keys), len(self._free))
        kept, start = len(self._free) - reused, self.bound
        sids = np.array([*self._free[kept:], *range(start, start + len(keys) - reused)], dtype=np.int64)
        del self._free[kept:]
        for column in (self._table_of, self._row_of, self.generations):
            column.grow(start + len(keys) - reused)
        self._sids.update(zip(keys, sids.tolist(), strict=True))
        pairs = np.frombuffer(b"".join(keys), dtype=np.int32).reshape(-1, 2)
        of_pair = np.repeat(np.arange(len(keys)), np.fromiter(map(len, keys), dtype=np.int64, count=len(keys)) // 8)
        is_name = pairs[:, 0] == 0
        metrics = np.zeros(len(keys), dtype=np.int32)
        metrics[of_pair[is_name]] = pairs[is_name, 1]
        self._table_of.all[sids] = metrics
        self._row_of.all[sids] = self._new_rows(metrics, sids)
        self._fill(metrics[of_pair[~is_name]], self._row_of.all[sids[of_pair[~is_name]]], pairs[~is_name])

    def _new_rows(self, metrics: Codes, sids: Ints) -> Ints:
        """Append the series to their metrics' tables; returns their rows there."""
        rows = np.empty(len(sids), dtype=np.int64)
        for picked in runs_of(metrics):
            code = int(metrics[picked[0]])
            table = self._tables.get(code)
            if table is None:
                table = self._tables[code] = MetricTable(code)
            rows[picked] = np.arange(table.sids.size, table.sids.size + len(picked))
            table.sids.append(sids[picked])
        return rows

    def _fill(self, metrics: Codes, rows: Ints, pairs: Codes) -> None:
        """Write the codes of labels, parallel arrays by pair, into the tables."""
        for picked in runs_of(metrics.astype(np.int64) << 32 | pairs[:, 0]):
            table = self._tables[int(metrics[picked[0]])]
            table.add(self._names[pairs[picked[0], 0]], rows[picked], pairs[picked, 1])

    def match(self, matchers: Sequence[Matcher]) -> Ints:
        """The numbers of the series that every matcher accepts: int64[n], grouped by metric."""
        named = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        others = by_cost([matcher for matcher in matchers if matcher.name != METRIC_NAME])
        found = [self._match_table(table, others) for table in self._tables_named(named)]
        if len(found) == 1:
            return found[0]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def _tables_named(self, matchers: Sequence[Matcher]) -> list[MetricTable]:
        names = self.dictionaries[METRIC_NAME]
        for matcher in matchers:
            if matcher.op is MatchOp.EQUAL:
                code = names.code(matcher.value)
                table = None if code is None else self._tables.get(code)
                fits = table is not None and all(each.matches(matcher.value) for each in matchers)
                return [table] if table is not None and fits else []
        codes = np.fromiter(self._tables, dtype=np.int64, count=len(self._tables))
        for matcher in matchers:
            codes = codes[self._judge.accepted(matcher, names)[codes]]
        return [self._tables[code] for code in codes.tolist()]

    def _match_table(self, table: MetricTable, matchers: Sequence[Matcher]) -> Ints:
        rows: Ints | None = None
        for matcher in matchers:
            codes = table.codes(matcher.name)
            if codes is None:
                if matcher.matches(""):
                    continue
                return np.empty(0, dtype=np.int64)
            rows = self._judge.rows(matcher, codes, self.dictionaries[matcher.name], rows)
            if not len(rows):
                break
        sids = table.sids.view
        return (sids if rows is None else sids[rows]).astype(np.int64)

    def label_table(self, sids: Ints) -> LabelTable:
        """The labels of the series, in the order given, on the store's own dictionaries."""
        owners = self._table_of.all[sids]
        rows = self._row_of.all[sids]
        columns: dict[str, Codes] = {METRIC_NAME: owners}
        for table, picked in self._split(owners):
            for name in table.columns:
                codes = table.codes(name)
                assert codes is not None
                if picked is None:
                    columns[name] = codes[rows]
                    continue
                column = columns.get(name)
                if column is None:
                    column = columns[name] = np.zeros(len(sids), dtype=np.int32)
                column[picked] = codes[rows[picked]]
        return LabelTable(
            len(sids), {name: LabelColumn(codes, self.dictionaries[name]) for name, codes in columns.items()}
        )

    def _split(self, owners: Codes) -> Iterable[tuple[MetricTable, Ints | None]]:
        """The tables that own the rows, each with its positions; None for "all of them"."""
        if not len(owners):
            return
        if owners[0] == owners[-1] and (owners == owners[0]).all():
            yield self._tables[int(owners[0])], None
            return
        order = np.argsort(owners, kind="stable")
        ordered = owners[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        for start, picked in zip(starts.tolist(), np.split(order, starts[1:]), strict=True):
            yield self._tables[int(ordered[start])], picked

    def labels(self, sids: Ints) -> list[Labels]:
        """The label sets of the series, in the order given."""
        return list(self.label_table(sids).rows())

    def all_sids(self) -> Ints:
        return np.flatnonzero(self._table_of.view != NO_TABLE)

    def texts(self, sids: Ints) -> list[list[str]]:
        """For each series ``[name, value, name, value, …]``, sorted by name."""
        table = self.label_table(sids)
        flat: list[list[str]] = [[] for _ in range(len(sids))]
        for name in sorted(table.columns):
            column = table.columns[name]
            values = column.dictionary.values
            for own, code in zip(flat, column.codes.tolist(), strict=True):
                if code:
                    own += (name, values[code])
        return flat

    def unname(self, sids: Ints) -> None:
        """Begin to forget series of which no part of the store holds anything: their labels name them no more."""
        table = self.label_table(sids)
        names = sorted(table.columns)
        pairs = np.empty((len(sids), len(names), 2), dtype=np.int32)
        for place, name in enumerate(names):
            pairs[:, place, 0] = self._lookups[name][0]
            pairs[:, place, 1] = table.columns[name].codes
        present = pairs[:, :, 1] != 0
        data = pairs[present].tobytes()
        ends = (8 * np.cumsum(np.count_nonzero(present, axis=1))).tolist()
        for start, end in itertools.pairwise([0, *ends]):
            del self._sids[data[start:end]]
        self.generations.all[sids] += 1

    def strike(self, sids: Ints) -> None:
        """Forget series of one metric that are unnamed; their numbers may be used again."""
        table = self._tables[int(self._table_of.all[sids[0]])]
        gone = np.zeros(self.bound, dtype=np.bool_)
        gone[sids] = True
        self._shrink(table, gone)
        self._table_of.all[sids] = NO_TABLE
        self._free.extend(sids.tolist())

    def by_metric(self, sids: Ints) -> list[Ints]:
        """The series, those of a metric together."""
        return [sids[picked] for picked in runs_of(self._table_of.all[sids])]

    def used(self, name: str) -> Bools:
        """bool[codes]: the codes of a label's dictionary that series have."""
        used = np.zeros(len(self.dictionaries[name]), dtype=np.bool_)
        used[0] = True
        if name == METRIC_NAME:
            used[list(self._tables)] = True
            return used
        for table in self._tables.values():
            codes = table.codes(name)
            if codes is not None:
                used[codes] = True
        return used

    def replace(self, name: str, dictionary: Dictionary) -> None:
        """Put another dictionary in the place of a label's, in which all codes that series have mean the same."""
        self._judge.forget(self.dictionaries[name])
        self.dictionaries[name] = dictionary
        self._lookups[name] = (self._lookups[name][0], dictionary.codes)

    def _shrink(self, table: MetricTable, gone: Bools) -> None:
        kept = np.flatnonzero(~gone[table.sids.view])
        if not len(kept):
            del self._tables[table.name_code]
            return
        small = MetricTable(table.name_code)
        small.sids.append(table.sids.view[kept])
        for name in table.columns:
            codes = table.codes(name)
            assert codes is not None
            if codes[kept].any():
                small.columns[name] = Growing(np.int32, 0)
                small.columns[name].append(codes[kept])
        self._tables[table.name_code] = small
        self._row_of.all[small.sids.view] = np.arange(len(kept))
