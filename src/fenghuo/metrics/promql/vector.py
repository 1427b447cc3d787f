"""Values while they are worked on: whole vectors over the whole grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from fenghuo.metrics.promql.fold import slab_slices
from fenghuo.metrics.promql.label_arrays import concat, group_rows
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import METRIC_NAME
from fenghuo.model.sample import Bools, Floats, Ints

NAME_LIKE = (METRIC_NAME, "__type__", "__unit__")
"""The labels that say what a metric is; a function that makes something else of it drops them together."""


@dataclass(frozen=True, slots=True)
class ScalarValue:
    """One number a step. ``values``: float64[S]."""

    values: Floats


@dataclass(frozen=True, slots=True)
class StringValue:
    value: str


@dataclass(frozen=True, slots=True)
class Vector:
    """N series at S moments.

    Absence is kept apart from NaN: where ``present`` is false there is no sample, and what stands in ``values``
    there means nothing. Either array may be a read-only broadcast view.
    """

    labels: LabelTable
    values: Floats
    """float64[N, S]."""
    present: Bools
    """bool[N, S]."""
    drop_name: Bools
    """bool[N]: rows whose metric name goes when the query is answered; until then it can still be used."""

    @property
    def size(self) -> int:
        return self.labels.size

    def take(self, rows: Ints) -> Vector:
        return Vector(self.labels.take(rows), self.values[rows], self.present[rows], self.drop_name[rows])

    def with_values(self, values: Floats, present: Bools | None = None) -> Vector:
        """The same series with other values."""
        return Vector(self.labels, values, self.present if present is None else present, self.drop_name)

    def relabelled(self, labels: LabelTable) -> Vector:
        """The same values under other labels."""
        return Vector(labels, self.values, self.present, self.drop_name)

    def renamed(self, values: Floats, present: Bools | None = None) -> Vector:
        """The same series with values that mean something else, so that the name will go."""
        dropped = np.ones(self.size, dtype=np.bool_)
        return Vector(self.labels, values, self.present if present is None else present, dropped)

    def pruned(self) -> Vector:
        """Without the rows that are nowhere present."""
        if not self.size or self.present.all():  # As it nearly always is, and told in one step.
            return self
        alive = self.present.any(axis=1)
        return self if alive.all() else self.take(np.flatnonzero(alive))

    def slabs(self) -> Slabs:
        """The same rows, some at a time."""

        def cut() -> Iterator[Slab]:
            for part in slab_slices(*self.values.shape):
                yield Slab(part, self.values[part], self.present[part])

        return Slabs(self.labels, self.values.shape[1], self.drop_name, cut)


@dataclass(frozen=True, slots=True)
class Slab:
    """Some rows of a vector, few enough to stay in a core's cache while they are worked on."""

    rows: slice | Ints
    """Which rows of the label table; int64[n]."""
    values: Floats
    """float64[n, S]."""
    present: Bools
    """bool[n, S], or bool[1, S] when all rows are present at the same moments."""
    members: Ints | None = None
    """int64[n]: how many series each row is the sum of, ``rows`` naming one of them; None where each is one series."""


@dataclass(frozen=True, slots=True)
class Slabs:
    """A vector for who needs it only once and row by row, such as a sum: it is never there as a whole.

    ``labels`` and ``drop_name`` may have rows that no slab has; nothing is present there.
    """

    labels: LabelTable
    steps: int
    drop_name: Bools
    make: Callable[[], Iterator[Slab]]
    """Makes the slabs; each row is in one at most. May be called again."""
    make_sums: Callable[[Ints], Iterator[Slab]] | None = None
    """Makes slabs for who only adds up, if that is quicker: of the groups of rows, int64[N], some rows of one group may
    come as their sum."""


Value: TypeAlias = ScalarValue | StringValue | Vector

EMPTY_TABLE = LabelTable(0, {})


def empty_vector(steps: int) -> Vector:
    return Vector(EMPTY_TABLE, np.zeros((0, steps)), np.zeros((0, steps), np.bool_), np.zeros(0, np.bool_))


def stack(parts: Iterable[Vector]) -> Vector:
    """The rows of all parts, in order. At least one part."""
    first, *rest = parts
    for other in rest:
        first = Vector(
            concat(first.labels, other.labels),
            np.concatenate((first.values, other.values)),
            np.concatenate((first.present, other.present)),
            np.concatenate((first.drop_name, other.drop_name)),
        )
    return first


def merge_equal(vector: Vector) -> Vector | None:
    """One row for each label set; None when two rows of one label set are present at the same moment."""
    ids, first = group_rows(vector.labels)
    if len(first) == vector.size:
        return vector
    order = np.argsort(ids, kind="stable")
    starts = np.searchsorted(ids[order], np.arange(len(first)))
    count = np.add.reduceat(vector.present[order].astype(np.int32), starts, axis=0)
    if (count > 1).any():
        return None
    held = np.where(vector.present, vector.values, -np.inf)[order]
    # At most one row of each is present: with the others at minus infinity, the maximum is that one's value.
    values = np.maximum.reduceat(held, starts, axis=0)
    drop = np.logical_or.reduceat(vector.drop_name[order], starts)
    return Vector(vector.labels.take(first), values, count > 0, drop)
