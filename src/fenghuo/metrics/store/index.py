"""The index: which series there are, as columns of label codes, one table for each metric name.

A series has a number (``sid``, int32, never negative) for as long as any part of the store holds a sample of it.
Label values are held once for the whole store, in one :class:`Dictionary` for each label name, so that codes of
one label name compare across metrics and across blocks.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from fenghuo.base.errors import InputError
from fenghuo.metrics.store.arrays import Growing
from fenghuo.metrics.store.matching import Judge, by_cost
from fenghuo.model.label_table import Codes, Dictionary, LabelColumn, LabelTable
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Ints


class MetricTable:
    """The series of one metric: a column of series numbers and a column of codes for each label but the name."""

    __slots__ = ("columns", "name_code", "sids")

    def __init__(self, name_code: int) -> None:
        self.name_code = name_code
        self.sids: Growing[np.int32] = Growing(np.int32, -1)
        self.columns: dict[str, Growing[np.int32]] = {}

    def add(self, sid: int, codes: Iterable[tuple[str, int]]) -> int:
        """Append a row; returns its number."""
        row = self.sids.size
        self.sids.append(sid)
        for name, code in codes:
            column = self.columns.get(name)
            if column is None:
                column = self.columns[name] = Growing(np.int32, 0)
            column.grow(row + 1)
            column.all[row] = code
        return row

    def codes(self, name: str) -> Codes | None:
        """The column of ``name`` over all rows, or None when no row has the label."""
        column = self.columns.get(name)
        if column is None:
            return None
        column.grow(self.sids.size)
        return column.view


def _refuse_broken(labels: Labels, *texts: str) -> None:
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"series {str(labels)!a} has a label that is not valid UTF-8", remedy="mend what exposes it"
        ) from error


class SeriesIndex:
    """All series of the store. Not locked: the store calls it under its own lock."""

    def __init__(self) -> None:
        self.dictionaries: dict[str, Dictionary] = {METRIC_NAME: Dictionary()}
        self._lookups: dict[str, tuple[int, Callable[[str], int | None]]] = {}
        """By label name: its number, and its dictionary's way from value to code."""
        self.label_id(METRIC_NAME)
        self._tables: dict[int, MetricTable] = {}
        self._sids: dict[bytes, int] = {}
        self._table_of: Growing[np.int32] = Growing(np.int32, -1)
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

    def register(self, labels: Labels) -> tuple[int, bool]:
        """The number of the series, and whether it is new. Raises InputError for text that is not valid UTF-8."""
        key = self._key(labels)
        if key is None:
            self._intern(labels)
            key = self._key(labels)
            assert key is not None
        sid = self._sids.get(key)
        if sid is not None:
            return sid, False
        sid = self._free.pop() if self._free else self._table_of.size
        self._table_of.grow(sid + 1)
        self._row_of.grow(sid + 1)
        self.generations.grow(sid + 1)
        name_code = self.dictionaries[METRIC_NAME].intern(labels.metric_name)
        table = self._tables.get(name_code)
        if table is None:
            table = self._tables[name_code] = MetricTable(name_code)
        self._table_of.all[sid] = name_code
        codes = ((name, self.dictionaries[name].intern(value)) for name, value in labels.pairs if name != METRIC_NAME)
        self._row_of.all[sid] = table.add(sid, codes)
        self._sids[key] = sid
        return sid, True

    def label_id(self, name: str) -> int:
        """The number of a label name in the keys of :meth:`find`, new if need be."""
        if name not in self._lookups:
            dictionary = self.dictionaries.setdefault(name, Dictionary())
            self._lookups[name] = (len(self._lookups), dictionary.code)
        return self._lookups[name][0]

    def find(self, key: bytes) -> int | None:
        """The series of a key: for each label, sorted by name, the int32 of its name and of its value's code."""
        return self._sids.get(key)

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
        return np.fromiter(self._sids.values(), dtype=np.int64, count=len(self._sids))

    def remove(self, sids: Ints) -> None:
        """Forget series of which no part of the store holds anything; their numbers may be used again."""
        gone = np.zeros(self.bound, dtype=np.bool_)
        gone[sids] = True
        for labels in self.labels(sids):
            key = self._key(labels)
            assert key is not None
            del self._sids[key]
        for code in np.unique(self._table_of.all[sids]).tolist():
            self._shrink(self._tables[code], gone)
        self.generations.all[sids] += 1
        self._free.extend(sids.tolist())

    def _shrink(self, table: MetricTable, gone: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
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

    def _key(self, labels: Labels) -> bytes | None:
        """The identity of a label set as bytes, far smaller than the texts; None when a text of it was never seen."""
        flat: list[int] = []
        for name, value in labels.pairs:
            known = self._lookups.get(name)
            if known is None or (code := known[1](value)) is None:
                return None
            flat += (known[0], code)
        return array("i", flat).tobytes()

    def _intern(self, labels: Labels) -> None:
        for name, value in labels.pairs:
            _refuse_broken(labels, name, value)
            self.label_id(name)
            self.dictionaries[name].intern(value)
