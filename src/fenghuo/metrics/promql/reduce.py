"""Aggregation operators that look at each row once: ``sum``, ``avg``, ``count``, ``min``, ``max``, ``group``.

Rows come slab by slab and are never there all at once, so that a sum over many series needs little memory and works
in a core's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np

from fenghuo.metrics.promql.fold import Members, Sums
from fenghuo.metrics.promql.vector import Slabs
from fenghuo.model.sample import Bools, Floats, Ints

_SCALE = 1 / 2048.0
"""Brings sums beyond float64 back into it, when their mean is within it."""


class Walk:
    """Goes through the rows of G groups, and counts on its way. ``ids``: int64[N] below ``size``.

    With ``adds`` nothing but sums and counts are made of the rows, so that some may come added up already.
    """

    def __init__(self, slabs: Slabs, ids: Ints, size: int, *, adds: bool) -> None:
        self._slabs = slabs
        self._ids = ids
        self._make = partial(slabs.make_sums, ids) if adds and slabs.make_sums is not None else slabs.make
        self.shape = (size, slabs.steps)
        self.counts: Ints = np.zeros(self.shape, dtype=np.int64)
        """int64[G, S]: rows that are present."""
        self.drop: Bools = np.zeros(size, dtype=np.bool_)
        """bool[G]: groups of which a row that is present somewhere loses its name."""

    def parts(self, filler: float | None) -> Iterator[tuple[Members, Floats]]:
        """The rows of each slab by group, and their values float64[n, S].

        Where a row is not present stands ``filler``; with None, anything.
        """
        self.counts[:], self.drop[:] = 0, False
        for slab in self._make():
            ids, present = self._ids[slab.rows], slab.present
            members = Members(ids, slab.members)
            self._count_drops(ids, slab.rows, present)
            if present.all():
                self.counts[members.groups] += members.counts[:, None]
                yield members, slab.values
                continue
            self.counts[members.groups] += members.count(present)
            yield members, slab.values if filler is None else np.where(present, slab.values, filler)

    def _count_drops(self, ids: Ints, rows: slice | Ints, present: Bools) -> None:
        drops = self._slabs.drop_name[rows]
        if drops.any():
            self.drop[ids[drops & present.any(axis=1)]] = True

    def sums(self, scale: float = 1.0) -> Floats:
        """float64[G, S]: the compensated sums of the values times ``scale``."""
        sums = self._added(Sums(*self.shape), scale)
        if sums.doubtful:
            sums = self._added(Sums(*self.shape, careful=True), scale)
        return sums.result()

    def _added(self, sums: Sums, scale: float) -> Sums:
        for members, values in self.parts(0.0):
            sums.add(members, values if scale == 1.0 else values * scale)
        return sums


def _mean(walk: Walk) -> Floats:
    mean: Floats = walk.sums() / walk.counts
    if not np.isfinite(mean[walk.counts > 0]).all():
        scaled = walk.sums(_SCALE) / walk.counts / _SCALE
        mean = np.where(np.isfinite(mean), mean, scaled)
    return mean


def _extreme(walk: Walk, pick: np.ufunc) -> Floats:
    found = np.full(walk.shape, np.nan)
    for members, values in walk.parts(np.nan):
        rows = members.groups
        found[rows] = pick(found[rows], members.reduce(pick, members.sorted(values)))
    return found


def _count(walk: Walk) -> Floats:
    for _ in walk.parts(None):
        # The walk counts by itself.
        continue
    return walk.counts.astype(np.float64)


def _group(walk: Walk) -> Floats:
    return np.ones_like(_count(walk))


REDUCTIONS: Final[dict[str, Callable[[Walk], Floats]]] = {
    "sum": Walk.sums,
    "avg": _mean,
    "count": _count,
    "min": partial(_extreme, pick=np.fmin),
    "max": partial(_extreme, pick=np.fmax),
    "group": _group,
}

ADDING: Final = frozenset({"sum", "avg", "count", "group"})
"""Those that make nothing but sums and counts of the rows."""
