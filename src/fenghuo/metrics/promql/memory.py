"""A store in memory: series as lists. The reference that tests and the test language run against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.selection import RaggedBlock, Selection


class MemoryStore:
    """Plain and obvious rather than fast. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._series: dict[Labels, dict[int, float]] = {}
        self._starts: dict[Labels, dict[int, int]] = {}

    def add(self, labels: Labels, samples: Iterable[tuple[int, float]]) -> None:
        """Add samples (time in ms, value) to a series; a sample of the same time is replaced."""
        self._series.setdefault(labels, {}).update(samples)

    def add_starts(self, labels: Labels, starts_ms: Mapping[int, int]) -> None:
        """Since when samples of a series count, by their times in ms."""
        self._starts.setdefault(labels, {}).update(starts_ms)

    def clear(self) -> None:
        self._series.clear()
        self._starts.clear()

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """The series that match all matchers, with their samples from ``start_ms`` to ``end_ms``, both inclusive."""
        found: list[Labels] = []
        times: list[int] = []
        values: list[float] = []
        starts: list[int] = []
        offsets = [0]
        for labels, samples in self._series.items():
            if not all(matcher.matches_labels(labels) for matcher in matchers):
                continue
            inside = sorted(time_ms for time_ms in samples if start_ms <= time_ms <= end_ms)
            if inside:
                found.append(labels)
                times.extend(inside)
                values.extend(samples[time_ms] for time_ms in inside)
                known = self._starts.get(labels, {})
                starts.extend(known.get(time_ms, 0) for time_ms in inside)
                offsets.append(len(times))
        block = RaggedBlock(
            np.arange(len(found), dtype=np.int64),
            np.array(offsets, dtype=np.int64),
            np.array(times, dtype=np.int64),
            np.array(values, dtype=np.float64),
            np.array(starts, dtype=np.int64) if self._starts else None,
        )
        return Selection(LabelTable.of(found), (block,))
