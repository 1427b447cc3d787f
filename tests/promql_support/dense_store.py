"""A store that hands out matrices, as the real one does: series in cohorts of common timestamps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fenghuo.model.label_table import Dictionary, LabelColumn, LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import ABSENT_NAN
from fenghuo.model.selection import DenseBlock, Selection

SCRAPE_MS = 10_000


class DenseStore:
    """Series whose first samples have the same place in the scrape interval are one cohort.

    A place without a sample is marked absent.
    """

    def __init__(self) -> None:
        self._series: dict[Labels, dict[int, float]] = {}
        self._dictionaries: dict[str, Dictionary] = {}

    def add(self, labels: Labels, samples: Iterable[tuple[int, float]]) -> None:
        self._series.setdefault(labels, {}).update(samples)

    def add_starts(self, labels: Labels, starts_ms: Mapping[int, int]) -> None:
        """Start timestamps are not kept."""

    def clear(self) -> None:
        self._series.clear()

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        chosen = [labels for labels in self._series if all(matcher.matches_labels(labels) for matcher in matchers)]
        cohorts: dict[int, list[int]] = {}
        for row, labels in enumerate(chosen):
            cohorts.setdefault(min(self._series[labels], default=0) % SCRAPE_MS, []).append(row)
        blocks = (self._block(chosen, rows, start_ms, end_ms) for rows in cohorts.values())
        return Selection(self._table(chosen), tuple(blocks))

    def _block(self, chosen: Sequence[Labels], rows: Sequence[int], start_ms: int, end_ms: int) -> DenseBlock:
        own = [self._series[chosen[row]] for row in rows]
        times = sorted({ms for samples in own for ms in samples if start_ms <= ms <= end_ms})
        values = np.full((len(rows), len(times)), ABSENT_NAN)
        for place, samples in enumerate(own):
            for column, ms in enumerate(times):
                if ms in samples:
                    values[place, column] = samples[ms]
        return DenseBlock(np.array(rows, dtype=np.int64), np.array(times, dtype=np.int64), values)

    def _table(self, rows: Sequence[Labels]) -> LabelTable:
        """Columns whose dictionaries all tables of this store share."""
        columns = {}
        for name in sorted({name for row in rows for name in row}):
            dictionary = self._dictionaries.setdefault(name, Dictionary())
            codes = np.array([dictionary.intern(row.get(name, "")) for row in rows], dtype=np.int32)
            columns[name] = LabelColumn(codes, dictionary)
        return LabelTable(len(rows), columns)
