"""A request that is being read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.sample import Exemplar, Floats, Ints, Metadata
from fenghuo.wire.remote_write.message import TYPES, Key, Problem, WriteRequest, labels_of
from fenghuo.wire.remote_write.protobuf import MalformedError

NO_INTS: Final[Ints] = np.empty(0, dtype=np.int64)
NO_FLOATS: Final[Floats] = np.empty(0, dtype=np.float64)


class TooManyError(MalformedError):
    """The message may be well formed, and has more in it than is taken."""


@dataclass(slots=True)
class Draft:
    """What was read so far; see :class:`WriteRequest`."""

    items_left: int
    """How many more series, samples, exemplars and metadata the message may have."""
    keys: list[Key] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    exemplars: list[tuple[int, Exemplar]] = field(default_factory=list)
    histograms: list[int] = field(default_factory=list)
    metadata: list[tuple[str, Metadata]] = field(default_factory=list)

    def count(self, items: int = 1) -> None:
        """Raises TooManyError when there are too many."""
        self.items_left -= items
        if self.items_left < 0:
            raise TooManyError("it has more series, samples and metadata than are taken at once")

    def sample(self, place: int, time_ms: int, value: float) -> None:
        self.count()
        self.owners.append(place)
        self.times_ms.append(time_ms)
        self.values.append(value)

    def request(self, owners: Ints = NO_INTS, times_ms: Ints = NO_INTS, values: Floats = NO_FLOATS) -> WriteRequest:
        """The whole, with samples that were read elsewhere."""
        return WriteRequest(
            self.keys,
            np.concatenate([owners, np.array(self.owners, dtype=np.int64)]),
            np.concatenate([times_ms, np.array(self.times_ms, dtype=np.int64)]),
            np.concatenate([values, np.array(self.values, dtype=np.float64)]),
            self.exemplars,
            self.histograms,
            self.metadata,
        )


def refused(error: MalformedError) -> WriteRequest:
    """A request that is only a problem."""
    problem = Problem(f"the message cannot be read: {error}", too_large=isinstance(error, TooManyError))
    return WriteRequest([], NO_INTS, NO_INTS, NO_FLOATS, problem=problem)


def exemplar(key: Key, value: float, time_ms: int) -> Exemplar:
    """An exemplar whose labels are written as those of a series are; labels that cannot be read are none."""
    labels = labels_of(key)
    return Exemplar(labels if isinstance(labels, Labels) else EMPTY, value, time_ms)


def type_of(number: int) -> str:
    """The word for a metric type."""
    return TYPES[number] if number < len(TYPES) else TYPES[0]
