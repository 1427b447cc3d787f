"""An engine over a store of its own, for rules that are tried out and write nowhere else."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from fenghuo.app.glue import instant_query
from fenghuo.base.clock import SystemClock
from fenghuo.base.errors import InputError
from fenghuo.metrics.promql import Engine, Queryable, QueryOptions
from fenghuo.metrics.promql.script.series import parse_series_line
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import AppendResult, Floats, Ints
from fenghuo.model.selection import RaggedBlock, Selection


class _Samples:
    """One series: times in ms, strictly increasing, and their values."""

    __slots__ = ("times_ms", "values")

    def __init__(self) -> None:
        self.times_ms: list[int] = []
        self.values: list[float] = []

    def add(self, time_ms: int, value: float) -> bool:
        """False when there is another value at that time already."""
        at = bisect_left(self.times_ms, time_ms)
        if at < len(self.times_ms) and self.times_ms[at] == time_ms:
            return _bits(self.values[at]) == _bits(value)
        self.times_ms.insert(at, time_ms)
        self.values.insert(at, value)
        return True


def _bits(value: float) -> bytes:
    return np.float64(value).tobytes()


class LaboratoryCohort:
    """Where one rule writes."""

    def __init__(self, store: Laboratory) -> None:
        self._store = store

    def rows(self, series: Sequence[Labels]) -> Ints:
        """The numbers of series; they stay the same."""
        return np.array([self._store.number(labels) for labels in series], dtype=np.int64)

    def append(self, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        return self._store.append(time_ms, rows.tolist(), values)


class Laboratory:
    """Series in memory, found by name. Not for use by several threads at once."""

    def __init__(self, options: QueryOptions, beneath: Queryable | None = None, own: Collection[str] = ()) -> None:
        """With a store ``beneath``, metrics of ``own`` names are sought here and all others there."""
        self._beneath = beneath
        self._own = frozenset(own)
        self._known: dict[Labels, int] = {}
        self._series: list[tuple[Labels, _Samples]] = []
        self._by_name: dict[str, list[int]] = {}
        self._until_ms: int | None = None
        self.query = instant_query(Engine(self, SystemClock(), options=lambda: options))

    @staticmethod
    def evaluating_each(interval_ms: int) -> Laboratory:
        """One whose subqueries without a step take ``interval_ms``, as a server's do with that interval."""
        return Laboratory(replace(QueryOptions(), subquery_step_ms=interval_ms))

    def load(self, series: str, values: str, start_ms: int, interval_ms: int) -> None:
        """Put a series in, in the notation of PromQL's tests. One that stands there is replaced.

        Raises InputError for what is not in the notation, and for native histograms.
        """
        line = parse_series_line(f"{series} {values}")
        if line.labels != self.labels(series):
            raise InputError(f"{series!r} is not a series")
        _, samples = self._series[self.number(line.labels)]
        samples.times_ms, samples.values = [], []
        for position, item in enumerate(line.items):
            if item is None:
                continue
            if not isinstance(item, float):
                raise InputError("native histograms are not supported")
            samples.times_ms.append(start_ms + position * interval_ms)
            samples.values.append(item)

    def labels(self, text: str) -> Labels:
        """The labels of a series as it is written. Raises InputError."""
        return parse_series_line(f"{text} 0").labels

    def show_until(self, time_ms: int) -> None:
        """Let queries see samples up to this moment, inclusive; before the first call they see all."""
        self._until_ms = time_ms

    def cohort(self, key: str) -> LaboratoryCohort:
        return LaboratoryCohort(self)

    def number(self, labels: Labels) -> int:
        """The number of a series, which is made when there is none."""
        known = self._known.get(labels)
        if known is None:
            known = self._known[labels] = len(self._series)
            self._series.append((labels, _Samples()))
            self._by_name.setdefault(labels.get(METRIC_NAME, ""), []).append(known)
        return known

    def add(self, labels: Labels, time_ms: int, value: float) -> bool:
        """Add a sample; false when the series has another value at that time."""
        return self._series[self.number(labels)][1].add(time_ms, value)

    def append(self, time_ms: int, rows: Sequence[int], values: Floats) -> AppendResult:
        """One sample for each of some series; another value at the same time is refused."""
        refused = 0
        for row, value in zip(rows, values, strict=True):
            refused += not self._series[row][1].add(time_ms, value)
        return AppendResult(len(rows) - refused, {"duplicate_timestamp": refused} if refused else {})

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """The series that match all matchers, with their samples from ``start_ms`` to ``end_ms``, both inclusive."""
        if self._beneath is not None and _name(matchers) not in self._own:
            return self._beneath.select(matchers, start_ms, end_ms)
        if self._until_ms is not None:
            end_ms = min(end_ms, self._until_ms)
        found: list[Labels] = []
        offsets, times, values = [0], list[int](), list[float]()
        for number in self._candidates(matchers):
            labels, samples = self._series[number]
            if not all(matcher.matches_labels(labels) for matcher in matchers):
                continue
            first, end = bisect_left(samples.times_ms, start_ms), bisect_right(samples.times_ms, end_ms)
            if first < end:
                found.append(labels)
                times += samples.times_ms[first:end]
                values += samples.values[first:end]
                offsets.append(len(times))
        block = RaggedBlock(
            np.arange(len(found), dtype=np.int64),
            np.array(offsets, dtype=np.int64),
            np.array(times, dtype=np.int64),
            np.array(values, dtype=np.float64),
        )
        return Selection(LabelTable.of(found), (block,))

    def _candidates(self, matchers: Sequence[Matcher]) -> Sequence[int]:
        """The series of the wanted name, or all when any name will do."""
        name = _name(matchers)
        return range(len(self._series)) if name is None else self._by_name.get(name, ())


def _name(matchers: Sequence[Matcher]) -> str | None:
    """The metric name that is asked for; None when it is not one."""
    wanted = (each.value for each in matchers if each.name == METRIC_NAME and each.op is MatchOp.EQUAL)
    return next(wanted, None)
