"""Exemplars: the newest of them, in memory, bounded for the whole store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from fenghuo.base.limits import Policy, declare
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Exemplar

EXEMPLARS = declare(
    "store_exemplars", 100_000, Policy.DROP_OLDEST, "Exemplars kept in memory, over all series; see max_exemplars."
)


class ExemplarRing:
    """The last ``size_max`` exemplars, by series and in order of time. Not locked."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._order: deque[Labels] = deque()
        self._by_series: dict[Labels, deque[Exemplar]] = {}

    def __len__(self) -> int:
        return len(self._order)

    def add(self, series: Labels, exemplar: Exemplar) -> bool:
        """Keep an exemplar that has a time. False for one that is not newer than its series' last."""
        assert exemplar.time_ms is not None
        if self._size_max == 0:
            return False
        kept = self._by_series.setdefault(series, deque())
        if kept and (kept[-1].time_ms or 0) >= exemplar.time_ms:
            return False
        kept.append(exemplar)
        self._order.append(series)
        if len(self._order) > self._size_max:
            self._drop_oldest()
        return True

    def _drop_oldest(self) -> None:
        EXEMPLARS.hit()
        series = self._order.popleft()
        kept = self._by_series[series]
        kept.popleft()
        if not kept:
            del self._by_series[series]

    def select(
        self, matcher_sets: Iterable[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[Labels, list[Exemplar]]]:
        """The exemplars between the times of the series that any of the matcher sets accepts, sorted by series."""
        sets = [list(matchers) for matchers in matcher_sets]
        found = []
        for series, kept in self._by_series.items():
            if any(all(matcher.matches_labels(series) for matcher in matchers) for matchers in sets):
                inside = [each for each in kept if start_ms <= (each.time_ms or 0) <= end_ms]
                if inside:
                    found.append((series, inside))
        return sorted(found, key=lambda pair: pair[0])
