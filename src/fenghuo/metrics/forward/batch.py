"""What is sent: a round is a stretch of the log, cut into lanes, each a sequence of requests.

A series always falls into the same lane of a round, lanes are sent beside each other, and a round is begun when the one
before is through: so the samples of a series keep their order, however many requests are in flight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Floats, Ints, Metadata
from fenghuo.model.tailed import Position

NEIGHBOURS: Final = 256
"""So many series, in the order in which they were named, share a lane: those of a target mostly stay together."""
NO_INTS: Final[Ints] = np.empty(0, dtype=np.int64)
NO_FLOATS: Final[Floats] = np.empty(0, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The content of one request: samples, or exemplars, or metadata."""

    names: Sequence[bytes | Labels | None] = ()
    """What ``series`` counts: encoded labels or label sets."""
    series: Ints = field(default_factory=lambda: NO_INTS)
    times_ms: Ints = field(default_factory=lambda: NO_INTS)
    values: Floats = field(default_factory=lambda: NO_FLOATS)
    exemplars: Sequence[tuple[Labels, Exemplar]] = ()
    metadata: Sequence[tuple[str, Metadata]] = ()
    again: bool = False
    """Whether it may have been sent before."""

    @property
    def newest_ms(self) -> int | None:
        """The newest time of its samples."""
        return int(self.times_ms.max()) if len(self.times_ms) else None


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """Samples in the order of the log; parallel arrays as in :class:`Piece`."""

    end: Position
    """All before it is in this round or an earlier one."""
    names: Sequence[bytes | Labels | None]
    series: Ints
    times_ms: Ints
    values: Floats
    exemplars: list[tuple[Labels, Exemplar]]
    lanes_max: int = 1
    """How many lanes it is meant for."""
    full: bool = False
    """Whether it has as much as was wanted, so that more may wait."""
    again: bool = False
    """Whether an earlier process has sent it, or a part of it, and did not learn what became of it."""

    def lanes(self, samples_max: int) -> list[list[Piece]]:
        """The samples in pieces of at most ``samples_max``, in lanes."""
        count = min(self.lanes_max, -(-len(self.series) // samples_max))
        if count <= 1:
            return [self._pieces(np.arange(len(self.series)), samples_max)] if len(self.series) else []
        lane = self.series // NEIGHBOURS % count
        order = np.argsort(lane, kind="stable")
        ends = np.searchsorted(lane[order], np.arange(1, count))
        return [self._pieces(part, samples_max) for part in np.split(order, ends) if len(part)]

    def exemplar_pieces(self, size_max: int) -> list[Piece]:
        starts = range(0, len(self.exemplars), size_max)
        parts = (self.exemplars[start : start + size_max] for start in starts)
        return [Piece(exemplars=part, again=self.again) for part in parts]

    def _pieces(self, which: Ints, samples_max: int) -> list[Piece]:
        parts = (which[start : start + samples_max] for start in range(0, len(which), samples_max))
        return [
            Piece(self.names, self.series[at], self.times_ms[at], self.values[at], again=self.again) for at in parts
        ]


@dataclass(slots=True)
class Draft:
    """A round that is being read. It holds series of one segment only, since numbers mean them there."""

    lanes_max: int = 1
    until: Position | None = None
    """Where it is to end, at the latest. A round that was sent before ends where it did."""
    names: Sequence[bytes | Labels | None] = ()
    end: Position | None = None
    """Up to where was read; None before anything was."""
    closed: bool = False
    """Whether a segment ended, or what was to be read did, so that no more fits."""
    samples: int = 0
    series: list[Ints] = field(default_factory=list)
    times_ms: list[Ints] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    exemplars: list[tuple[Labels, Exemplar]] = field(default_factory=list)

    def __len__(self) -> int:
        return self.samples + len(self.exemplars)

    def add(self, series: Ints, times_ms: Ints, values: Floats) -> None:
        self.samples += len(series)
        self.series.append(series)
        self.times_ms.append(times_ms)
        self.values.append(values)

    def round(self, size_max: int) -> Round:
        """What was read, which must be something, when ``size_max`` was wanted."""
        assert self.end is not None
        return Round(
            self.end,
            self.names,
            np.concatenate([NO_INTS, *self.series]),
            np.concatenate([NO_INTS, *self.times_ms]),
            np.concatenate([NO_FLOATS, *self.values]),
            self.exemplars,
            self.lanes_max,
            len(self) >= size_max,
            self.until is not None,
        )
