"""Reading: plans are made under the lock and carried out without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fenghuo.metrics.store.head import NOWHERE
from fenghuo.metrics.store.loose import Flat, flat_of, merged
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.selecting import plan_select, read_select
from fenghuo.metrics.store.source import HeadSource, Source
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Exemplar, Ints
from fenghuo.model.selection import Selection


class Reader:
    """Finds samples and series. Thread-safe."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = parts.lock
        self._index = parts.index

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """The samples between the times of the series that every matcher accepts; see :meth:`Store.select`."""
        with self._lock:
            sids = self._index.match(matchers)
            labels = self._index.label_table(sids)
            plan = plan_select(self.sources(start_ms, end_ms), sids, labels, start_ms, end_ms)
        return read_select(plan)

    def stored(self, sids: Ints, start_ms: int, end_ms: int) -> Flat:
        """The samples between the times of some series, by their numbers. Called with the lock held."""
        sources = self.sources(start_ms, end_ms)
        return merged([flat_of(part) for each in sources for part in each.plan(sids, start_ms, end_ms).read()])

    def sources(self, start_ms: int, end_ms: int) -> list[Source]:
        """The parts of the store that may have samples between the times, in order. Called with the lock held."""
        self._parts.refuse_when_closed()
        return [*self._parts.blocks.between(start_ms, end_ms), HeadSource(self._parts.head)]

    def _present(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelTable:
        """The labels of the series that any set accepts and that some part of the store has between the times."""
        with self._lock:
            sources = self.sources(start_ms, end_ms)
            sets = [self._index.match(matchers) for matchers in matcher_sets] or [self._index.all_sids()]
            sids = sets[0] if len(sets) == 1 else np.unique(np.concatenate(sets))
            present = np.zeros(len(sids), dtype=np.bool_)
            for source in sources:
                present |= source.place(sids, start_ms, end_ms) != NOWHERE
            return self._index.label_table(sids[present])

    def series(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[Labels]:
        """The label sets of the series that any set accepts, sorted; no sets means all series."""
        return sorted(self._present(matcher_sets, start_ms, end_ms).rows())

    def label_names(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """The names of the labels that those series have, sorted."""
        table = self._present(matcher_sets, start_ms, end_ms)
        return sorted(name for name, column in table.columns.items() if column.codes.any())

    def label_values(
        self, name: str, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """The values that those series have for one label, sorted."""
        column = self._present(matcher_sets, start_ms, end_ms).columns.get(name)
        if column is None:
            return []
        return sorted(column.dictionary.values[code] for code in np.unique(column.codes).tolist() if code)

    def exemplars(
        self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[Labels, list[Exemplar]]]:
        """The exemplars between the times of the series that any set accepts, sorted by series."""
        with self._lock:
            known = self._parts.exemplars.series()
        wanted = [labels for labels in known if any(_accepts(matchers, labels) for matchers in matcher_sets)]
        with self._lock:
            return self._parts.exemplars.between(wanted, start_ms, end_ms)


def _accepts(matchers: Sequence[Matcher], labels: Labels) -> bool:
    return all(matcher.matches_labels(labels) for matcher in matchers)
