"""A store that hands out matrices, as the real one does: series in cohorts of common timestamps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fenghuo.model.label_table import Dictionary, LabelColumn, LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import ABSENT_NAN
from fenghuo.model.selection import DenseBlock, Selection


class DenseStore:
    """Everything in one cohort: a place without a sample is marked absent."""

    def __init__(self) -> None:
        self._series: dict[Labels, dict[int, float]] = {}
        self._block: tuple[np.ndarray, np.ndarray] | None = None
        self._dictionaries: dict[str, Dictionary] = {}

    def add(self, labels: Labels, samples: Iterable[tuple[int, float]]) -> None:
        self._series.setdefault(labels, {}).update(samples)
        self._block = None

    def add_starts(self, labels: Labels, starts_ms: Mapping[int, int]) -> None:
        """Start timestamps are not kept."""

    def clear(self) -> None:
        self._series.clear()
        self._block = None

    def _matrix(self) -> tuple[np.ndarray, np.ndarray]:
        if self._block is None:
            times = np.array(sorted({time_ms for one in self._series.values() for time_ms in one}), dtype=np.int64)
            place = {time_ms: index for index, time_ms in enumerate(times.tolist())}
            values = np.full((len(self._series), len(times)), ABSENT_NAN)
            for row, samples in enumerate(self._series.values()):
                for time_ms, value in samples.items():
                    values[row, place[time_ms]] = value
            self._block = times, values
        return self._block

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        times, values = self._matrix()
        chosen = [labels for labels in self._series if all(matcher.matches_labels(labels) for matcher in matchers)]
        rows = [row for row, labels in enumerate(self._series) if labels in set(chosen)]
        first, last = np.searchsorted(times, start_ms), np.searchsorted(times, end_ms, side="right")
        part = np.ascontiguousarray(values[np.array(rows, dtype=np.int64), first:last])
        block = DenseBlock(np.arange(len(rows), dtype=np.int64), times[first:last], part)
        return Selection(self._table(chosen), (block,))

    def _table(self, rows: Sequence[Labels]) -> LabelTable:
        """Columns whose dictionaries all tables of this store share."""
        columns = {}
        for name in sorted({name for row in rows for name in row}):
            dictionary = self._dictionaries.setdefault(name, Dictionary())
            codes = np.array([dictionary.intern(row.get(name, "")) for row in rows], dtype=np.int32)
            columns[name] = LabelColumn(codes, dictionary)
        return LabelTable(len(rows), columns)
