"""Exemplars: the newest of them, in memory, bounded for the whole store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from fenghuo.base.limits import Policy, declare
from fenghuo.model.labels import Labels
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

    def timed(self, series: Labels, exemplar: Exemplar, now_ms: int) -> Exemplar | None:
        """The exemplar with a time, which is now if it brings none; None for one that is kept already, or too old.

        A target shows the same exemplar scrape after scrape, until it has another.
        """
        kept = self._by_series.get(series)
        last = kept[-1] if kept else None
        if exemplar.time_ms is None:
            is_last = last is not None and (last.labels, last.value) == (exemplar.labels, exemplar.value)
            return None if is_last else Exemplar(exemplar.labels, exemplar.value, now_ms)
        return None if last is not None and (last.time_ms or 0) >= exemplar.time_ms else exemplar

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

    def series(self) -> list[Labels]:
        """The series that have exemplars."""
        return list(self._by_series)

    def between(self, series: Iterable[Labels], start_ms: int, end_ms: int) -> list[tuple[Labels, list[Exemplar]]]:
        """The exemplars of some series between the times, sorted by series; those without any are left out."""
        found = []
        for labels in sorted(series):
            inside = [each for each in self._by_series.get(labels, ()) if start_ms <= (each.time_ms or 0) <= end_ms]
            if inside:
                found.append((labels, inside))
        return found
