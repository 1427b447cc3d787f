"""What a query answers, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class ScalarResult:
    """One number a moment. ``times_ms``: int64[S], ``values``: float64[S]; S is 1 for an instant query."""

    times_ms: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class StringResult:
    time_ms: int
    value: str


@dataclass(frozen=True, slots=True)
class VectorResult:
    """One sample a series, all at ``time_ms``. ``values``: float64[N]."""

    labels: LabelTable
    time_ms: int
    values: Floats

    def samples(self) -> list[tuple[Labels, float]]:
        """Label sets and values, in the order of the answer."""
        return list(zip(self.labels.rows(), self.values.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class MatrixResult:
    """A range query's answer: series in the order of their labels over common moments.

    ``times_ms`` int64[S], ``values`` float64[N, S]; where ``present`` bool[N, S] is false there is no point, and the
    value means nothing. Every series has a point somewhere.
    """

    labels: LabelTable
    times_ms: Ints
    values: Floats
    present: Bools

    def series(self) -> Iterator[tuple[Labels, Ints, Floats]]:
        """Label set, int64[n] times and float64[n] values of each series."""
        for row, labels in enumerate(self.labels.rows()):
            where = self.present[row]
            yield labels, self.times_ms[where], self.values[row][where]


@dataclass(frozen=True, slots=True)
class RangeVectorResult:
    """The answer to an instant query for a range vector: raw samples, each series with times of its own.

    ``offsets`` int64[N + 1]: series ``i`` has the samples ``offsets[i]:offsets[i + 1]`` of ``times_ms`` int64[M] and
    ``values`` float64[M].
    """

    labels: LabelTable
    offsets: Ints
    times_ms: Ints
    values: Floats

    def series(self) -> Iterator[tuple[Labels, Ints, Floats]]:
        """Label set, int64[n] times and float64[n] values of each series."""
        for row, labels in enumerate(self.labels.rows()):
            part = slice(int(self.offsets[row]), int(self.offsets[row + 1]))
            yield labels, self.times_ms[part], self.values[part]


Answer: TypeAlias = ScalarResult | StringResult | VectorResult | MatrixResult | RangeVectorResult


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer, and what its reader should know."""

    value: Answer
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    samples: int = 0
    """Samples that the query has read."""
