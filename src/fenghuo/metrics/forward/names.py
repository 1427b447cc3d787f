"""What series are called when they leave: external labels put under theirs, then relabelled, once for a segment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.relabel import RelabelRule, relabel
from fenghuo.model.sample import Bools
from fenghuo.wire.remote_write import label_bytes


class Naming:
    """From a series as it is stored to what it is called elsewhere."""

    def __init__(self, external: Labels, rules: Sequence[RelabelRule]) -> None:
        self._external = external
        self._rules = rules

    def outside(self, labels: Labels) -> Labels | None:
        """None when the rules drop the series."""
        named = Labels({**self._external, **labels}) if self._external else labels
        if self._rules:
            changed = relabel(named, self._rules)
            return changed or None
        return named


class Names:
    """The series of one segment by number, as they leave: encoded labels for version 1.0, label sets for 2.0."""

    def __init__(self, naming: Naming, *, encoded: bool) -> None:
        self._naming = naming
        self._encoded = encoded
        self.all: list[bytes | Labels | None] = []
        """None for a series that does not leave."""
        self._leaves = np.zeros(1024, dtype=np.bool_)
        self.dropped = False
        """Whether any series does not leave."""

    @property
    def leaves(self) -> Bools:
        """bool[n]: which series leave."""
        return self._leaves[: len(self.all)]

    def add(self, labels: Iterable[Labels]) -> None:
        """The next series, in the order of their numbers."""
        start = len(self.all)
        self.all += [self._named(each) for each in labels]
        if len(self.all) > len(self._leaves):
            wider = np.zeros(2 * len(self.all), dtype=np.bool_)
            wider[:start] = self._leaves[:start]
            self._leaves = wider
        kept = [each is not None for each in self.all[start:]]
        self._leaves[start : len(self.all)] = kept
        self.dropped = self.dropped or not all(kept)

    def _named(self, labels: Labels) -> bytes | Labels | None:
        outside = self._naming.outside(labels)
        return label_bytes(outside) if outside is not None and self._encoded else outside
