"""What is read by following the store's log: series, samples and exemplars in the order in which they were appended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Floats, Ints


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the WAL: everything before byte ``offset`` of ``segment``, and all segments before, is behind it."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Named:
    """Series that samples will be given of. They are numbered one after another, from 0 in each segment."""

    labels: list[Labels]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """``values[i]`` (float64, staleness markers included) of series ``series[i]`` at ``times_ms[i]``; int64[n]."""

    series: Ints
    times_ms: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Exemplars:
    """Exemplars, each with the labels of its series."""

    found: list[tuple[Labels, Exemplar]]


Tailed: TypeAlias = Named | Samples | Exemplars
