"""What the names that senders give series stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat

import numpy as np

from fenghuo.base import garbage
from fenghuo.metrics.receive.bounds import KNOWN
from fenghuo.metrics.receive.sink import PushSink
from fenghuo.model.labels import Labels
from fenghuo.model.sample import REFUSED, Ints
from fenghuo.wire.remote_write import Key, Problem, labels_of

UNKNOWN = -1
"""A reference to no series."""


class KnownSeries:
    """References to series by the keys of remote write. Calls may overlap: what they write is the same."""

    def __init__(self, sink: PushSink) -> None:
        self._sink = sink
        self._refs: dict[Key, int] = {}

    @property
    def keys(self) -> dict[Key, int]:
        """The keys that were read whole. Only to be looked into."""
        return self._refs

    def refs(self, keys: Sequence[Key], problem: Callable[[int, Problem], None]) -> Ints:
        """int64[n]: a reference for each key, :data:`UNKNOWN` for those that ``problem`` is told of."""
        refs = np.fromiter(map(self._refs.get, keys, repeat(UNKNOWN)), dtype=np.int64, count=len(keys))
        missing = np.flatnonzero(refs == UNKNOWN)
        if len(missing):
            with garbage.growing():
                self._learn(keys, refs, missing.tolist(), problem)
        return refs

    def _learn(
        self, keys: Sequence[Key], refs: Ints, missing: list[int], problem: Callable[[int, Problem], None]
    ) -> None:
        places, labels = [], []
        for place in missing:
            found = labels_of(keys[place])
            if isinstance(found, Labels) and not found.metric_name:
                found = Problem(f"{found} has no metric name")
            if isinstance(found, Problem):
                problem(place, found)
            else:
                places.append(place)
                labels.append(found)
        found_refs = self._sink.refs(labels)
        refs[places] = found_refs
        # A series that a limit of the store refuses may find room later.
        places = [place for place, ref in zip(places, found_refs.tolist(), strict=True) if ref != REFUSED]
        if len(self._refs) + len(places) > KNOWN.default:
            KNOWN.hit(len(self._refs))
            self._refs = {}
        self._refs.update(zip((keys[place] for place in places), refs[places].tolist(), strict=True))

    def forget(self, keys: Sequence[Key]) -> None:
        """These references hold no longer."""
        for key in keys:
            self._refs.pop(key, None)
