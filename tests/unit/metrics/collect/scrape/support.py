"""A store in memory, bodies as text, and sources that do what a test says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fenghuo.base.errors import OperatingError
from fenghuo.metrics.collect.scrape.outcome import Read, Reading
from fenghuo.model.labels import Labels
from fenghuo.model.sample import REFUSED, STALE_NAN_BITS, AppendResult, Exemplar, Floats, Ints, RowsReleasedError
from fenghuo.wire.exposition import Parsed, parse_text

STALE = "stale"
Value = float | str


class MemoryCohort:
    """Rows are numbers of this cohort's own, as in the real store."""

    def __init__(self, sink: MemorySink) -> None:
        self._sink = sink
        self.series: list[Labels] = []
        self.released = 0
        """Rows before this one are nobody's."""
        self.refused: set[str] = set()
        """Metric names of which no new series is taken."""

    def release(self) -> None:
        """As the store does with rows that had no sample for hours."""
        self.released = len(self.series)

    def rows(self, series: Sequence[Labels]) -> Ints:
        return np.array([self._row(labels) for labels in series], np.int64)

    def _row(self, labels: Labels) -> int:
        if labels not in self.series[self.released :]:
            if labels.metric_name in self.refused:
                return REFUSED
            self.series.append(labels)
        return self.series.index(labels, self.released)

    def append(self, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        self._sink.refuse_if_full()
        if (rows < self.released).any():
            raise RowsReleasedError("t")
        assert rows.size == values.size == np.unique(rows).size
        for row, value in zip(rows.tolist(), values, strict=True):
            self._sink.put(self.series[row], time_ms, value)
        return AppendResult(accepted=rows.size)


class MemorySink:
    """Keeps what is appended, by series as text."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[int, Value]]] = {}
        self.exemplars: list[tuple[str, Exemplar]] = []
        self.cohorts: dict[str, MemoryCohort] = {}
        self.full = False

    def cohort(self, key: str) -> MemoryCohort:
        return self.cohorts.setdefault(key, MemoryCohort(self))

    def append_samples(self, series: Sequence[Labels], times_ms: Ints, values: Floats) -> AppendResult:
        self.refuse_if_full()
        for labels, time_ms, value in zip(series, times_ms.tolist(), values, strict=True):
            self.put(labels, time_ms, value)
        return AppendResult(accepted=len(series))

    def append_exemplars(self, exemplars: Sequence[tuple[Labels, Exemplar]]) -> None:
        self.exemplars += [(str(labels), exemplar) for labels, exemplar in exemplars]

    def refuse_if_full(self) -> None:
        if self.full:
            raise OperatingError("no space left on device", retryable=True)

    def put(self, labels: Labels, time_ms: int, value: float) -> None:
        stale = math.isnan(value) and np.float64(value).view(np.int64) == STALE_NAN_BITS
        self.samples.setdefault(str(labels), []).append((time_ms, STALE if stale else float(value)))

    def last(self, *series: str) -> list[Value]:
        """The last value of each series."""
        return [self.samples[name][-1][1] for name in series]

    def at(self, time_ms: int) -> dict[str, Value]:
        """Everything with this timestamp."""
        return {name: value for name, found in self.samples.items() for when_ms, value in found if when_ms == time_ms}


def body(text: str, content_type: str = "text/plain") -> Read:
    """A fetched body."""

    def read(last: Parsed | None) -> Reading:
        return Reading(parse_text(text.encode(), content_type, last), len(text))

    return read
