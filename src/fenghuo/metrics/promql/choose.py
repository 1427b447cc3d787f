"""Aggregation operators that choose some series of each group: ``topk``, ``bottomk``, ``limitk``.

Choosing from thousands of series begins with a look at each slab: once as many series as are wanted have been seen,
a series that is not among the best so far at any step is not chosen in the end either.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.fold import Groups
from fenghuo.metrics.promql.numbers import format_general
from fenghuo.metrics.promql.vector import Slabs, Vector
from fenghuo.model.sample import Bools, Floats, Ints

BY_VALUE: Final = frozenset({"topk", "bottomk"})
CHOOSING: Final = BY_VALUE | {"limitk"}
_CANDIDATES_SHARE = 8
"""Series are looked at beforehand when fewer than this part of a slab's rows are wanted."""
_INT64_MAX = float(1 << 63)


def counts(param: Floats | str | None) -> Ints:
    """How many to choose at each step, int64[S]. Raises ExecutionError for what is no number of series."""
    assert isinstance(param, np.ndarray)
    if np.isnan(param).any():
        raise ExecutionError("Parameter value is NaN")
    for wrong, edge in ((param >= _INT64_MAX, "overflows"), (param < -_INT64_MAX, "underflows")):
        if wrong.any():
            raise ExecutionError(f"Scalar value {format_general(float(param[wrong][0]))} {edge} int64")
    return np.clip(param, 0, _INT64_MAX / 4).astype(np.int64)


def candidates(slabs: Slabs, op: str, count: Ints) -> Vector:
    """A vector of the rows from which ``op``, of :data:`BY_VALUE`, chooses ``count`` of all at each step."""
    kept: list[tuple[Ints, Floats, Bools]] = []
    best = _Best(int(count.max(initial=0)), slabs.steps)
    for slab in slabs.make():
        rows = np.arange(slabs.labels.size)[slab.rows]
        present = np.broadcast_to(slab.present, slab.values.shape)
        among = best.seen(rows, slab.values if op == "bottomk" else -slab.values, present)
        kept.append((rows[among], slab.values[among], present[among]))
    if not kept:
        nothing = np.zeros((0, slabs.steps))
        kept.append((np.zeros(0, np.int64), nothing, nothing.astype(np.bool_)))
    rows, values, present = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    left = np.flatnonzero(best.still_among(values if op == "bottomk" else -values, present))
    order = left[np.argsort(rows[left])]
    chosen = rows[order]
    return Vector(slabs.labels.take(chosen), values[order], present[order], slabs.drop_name[chosen]).pruned()


class _Best:
    """The smallest keys so far, for each step as many as are wanted at any; infinity where there are fewer."""

    def __init__(self, count: int, steps: int) -> None:
        self._count = count
        self._keys = np.zeros((0, steps))
        self._last_row = -1

    def seen(self, rows: Ints, keys: Floats, present: Bools) -> Bools:
        """Look at some rows, float64[n, S] and bool[n, S]; bool[n] says which of them may be chosen."""
        if self._count == 0 or self._count * _CANDIDATES_SHARE > len(rows):
            return np.ones(len(rows), dtype=np.bool_)
        among = self._may_be_chosen(rows, keys, present)
        self._last_row = max(self._last_row, int(rows.max()))
        if among.any():
            fresh = np.where(present[among] & ~np.isnan(keys[among]), keys[among], np.inf)
            pool = np.concatenate((self._keys, fresh))
            wanted = min(self._count, len(pool))
            self._keys = np.partition(pool, wanted - 1, axis=0)[:wanted]
        return among

    def _may_be_chosen(self, rows: Ints, keys: Floats, present: Bools) -> Bools:
        # Of equals the earlier row is chosen.
        is_later = int(rows[0]) > self._last_row and bool((rows[1:] > rows[:-1]).all())
        return self._among(keys, present, np.greater_equal if is_later else np.greater)

    def still_among(self, keys: Floats, present: Bools) -> Bools:
        """bool[n]: of rows that were seen, those that may be chosen by all that is known now."""
        return self._among(keys, present, np.greater)

    def _among(self, keys: Floats, present: Bools, is_behind: np.ufunc) -> Bools:
        if not self._count or len(self._keys) < self._count:
            return np.ones(len(keys), dtype=np.bool_)
        edge = self._keys.max(axis=0)
        # Where too few were seen, nobody is behind them; NaN, which is chosen when nothing else is left, never is.
        edge[edge == np.inf] = np.nan
        behind = is_behind(keys, edge)
        among: Bools = ~(behind if present.all() else behind | ~present).all(axis=1)
        return among


def chosen(vector: Vector, groups: Groups, op: str, count: Ints) -> Vector:
    """The first ``count`` of each group at each step: by value, NaN last, or as they come.

    An instant query shows the rows of each group in the order of choice.
    """
    kept = np.zeros(vector.values.shape, dtype=np.bool_)
    orders = []
    for group in range(groups.size):
        rows = groups.rows(group)
        present = vector.present[rows].T
        keys = _keys_of_choice(vector.values[rows].T, present, op)
        kept[rows] = _smallest(keys, present, count).T
        orders.append(rows[np.lexsort((keys[0], ~present[0]))] if len(keys) == 1 else rows)
    return vector.with_values(vector.values, kept).take(np.concatenate(orders)).pruned()


def _keys_of_choice(values: Floats, present: Bools, op: str) -> Floats:
    """float64[S, n]: what is chosen first has the smallest key; NaN where nothing is present."""
    if op == "limitk":
        return np.where(present, np.arange(values.shape[1], dtype=np.float64), np.nan)
    return np.where(present, values if op == "bottomk" else -values, np.nan)


def _smallest(keys: Floats, present: Bools, count: Ints) -> Bools:
    """bool[S, n]: the ``count`` smallest keys of each step, earlier rows first among equals; then present NaN."""
    steps, size = keys.shape
    most = int(min(count.max(initial=0), size))
    if most == 0:
        return np.zeros(keys.shape, dtype=np.bool_)
    ranked = np.partition(keys, np.unique(np.clip(count, 1, size)) - 1, axis=1)
    edge = ranked[np.arange(steps), np.clip(count, 1, size) - 1][:, None]
    below = keys < edge
    left = count[:, None] - below.sum(axis=1, keepdims=True)
    # Where fewer than ``count`` keys are numbers the edge is NaN: all numbers are in, then NaN as they come.
    lacking = np.isnan(edge)[:, 0]
    below[lacking] = ~np.isnan(keys[lacking])
    left[lacking] = count[lacking, None] - below[lacking].sum(axis=1, keepdims=True)
    next_in_line = np.where(lacking[:, None], np.isnan(keys) & present, keys == edge)
    chosen: Bools = below & (count > 0)[:, None] | next_in_line & (np.cumsum(next_in_line, axis=1) <= left)
    return chosen
