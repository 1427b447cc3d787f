"""Sums over groups of rows, compensated as Prometheus' are, without a loop over series.

Rows come in slabs that fit in a core's cache. A slab's values are split into high parts, which are whole multiples of
one power of two and few enough to be added without any rounding, and low parts, whose rounding is far below what a
float64 can show ("pre-rounding": Rump, Ogita, Oishi, Accurate floating-point summation I, 2008, section 3). Where that
does not hold, because a sum is tiny beside what went into it, everything is added up again with care: the members of a
group are dealt to lanes; round by round every lane of every group takes one member with Knuth's TwoSum, then the lanes
of a group are added up alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fenghuo.model.sample import Bools, Floats, Ints

SLAB_ELEMENTS = 1 << 15
"""Elements of one array of a slab: 256 KB of float64, so that several of them stay in a core's L2 cache."""
_ROUND_ELEMENTS = 1 << 13
"""Elements a round should have, so that NumPy's cost per call does not count. Found with the benchmark."""
_ROUNDS_MIN = 8
"""Fewer rounds would leave nearly as many lanes to add up as there were rows."""
_SPLIT_MAX = 1e280
"""Values of this size and above are not split: the power of two above their sum could overflow."""
_VISIBLE = 2.0**54
"""A sum this many times as large as its error shows nothing of it."""
_FEW_STEPS = 16
"""Below this many steps adding up along the rows is quicker than across them."""


class Groups:
    """Rows in G groups. ``ids`` is int64[N] below ``size``; every group has a member."""

    def __init__(self, ids: Ints, size: int) -> None:
        self.ids = ids
        self.size = size
        self.order = np.argsort(ids, kind="stable")
        self.members = np.bincount(ids, minlength=size)
        self.starts = np.concatenate(([0], np.cumsum(self.members)[:-1])).astype(np.int64)

    def rows(self, group: int) -> Ints:
        """The rows of one group, in their order."""
        start = int(self.starts[group])
        rows: Ints = self.order[start : start + int(self.members[group])]
        return rows

    def reduce(self, ufunc: np.ufunc, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """``ufunc`` over the rows of each group: [N, S] to [G, S]."""
        reduced: npt.NDArray[Any] = ufunc.reduceat(array[self.order], self.starts, axis=0)
        return reduced

    def sums(self, values: Floats) -> Floats:
        """Compensated sums, float64[N, S] to float64[G, S]."""
        sums = self._sums(values, Sums(self.size, values.shape[1]))
        if sums.doubtful:
            sums = self._sums(values, Sums(self.size, values.shape[1], careful=True))
        return sums.result()

    def _sums(self, values: Floats, sums: Sums) -> Sums:
        for part in slab_slices(*values.shape):
            sums.add(Members(self.ids[part]), values[part])
        return sums


def slab_slices(rows: int, steps: int) -> Iterator[slice]:
    """Slices of rows that make slabs of float64[:, steps]."""
    height = max(1, SLAB_ELEMENTS // max(steps, 1))
    return (slice(top, top + height) for top in range(0, rows, height))


class Members:
    """The rows of one slab by group. ``ids``: int64[n], n at least 1; ``weights`` int64[n], how many each row is."""

    def __init__(self, ids: Ints, weights: Ints | None = None) -> None:
        self._order: Ints | None = None
        self._weights = weights
        if (ids == ids[0]).all():
            self.starts: Ints = np.zeros(1, np.int64)
        else:
            if (ids[1:] < ids[:-1]).any():
                self._order = np.argsort(ids, kind="stable")
                ids = ids[self._order]
            self.starts = np.concatenate(([0], np.flatnonzero(ids[1:] != ids[:-1]) + 1))
        self.groups: Ints = ids[self.starts]
        """int64[g]: the groups that have rows here, ascending."""
        self.sizes: Ints = np.diff(np.append(self.starts, len(ids)))
        """int64[g]: their rows."""
        self.counts: Ints = self.sizes if weights is None else np.add.reduceat(self.sorted(weights), self.starts)
        """int64[g]: what the rows are counted as."""

    def sorted(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """[n, S] with the rows of a group one after another."""
        return array if self._order is None else array[self._order]

    def reduce(self, ufunc: np.ufunc, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """``ufunc`` over the rows of each group, of an array that :meth:`sorted` has seen: [n, S] to [g, S]."""
        if len(self.starts) == len(array):
            return array
        if array.shape[1] < _FEW_STEPS:
            turned: npt.NDArray[Any] = ufunc.reduceat(np.ascontiguousarray(array.T), self.starts, axis=1).T
            return turned
        if len(self.starts) == 1:
            single: npt.NDArray[Any] = ufunc.reduce(array, axis=0, keepdims=True)
            return single
        reduced: npt.NDArray[Any] = ufunc.reduceat(array, self.starts, axis=0)
        return reduced

    def count(self, present: Bools) -> Ints:
        """int64[g, S]: what is present of each group; bool[n, S], or [1, S] when all rows are alike."""
        if len(present) == 1:
            return self.counts[:, None] * present
        each = present.astype(np.int64) if self._weights is None else present * self._weights[:, None]
        counts: Ints = self.reduce(np.add, self.sorted(each))
        return counts


class Sums:
    """Compensated sums of G groups over S steps, of rows that come slab by slab.

    When they are :attr:`doubtful` in the end, the same slabs are to be added up again by careful sums.
    """

    def __init__(self, size: int, steps: int, *, careful: bool = False) -> None:
        self._careful = careful
        self._total = np.zeros((size, steps))
        self._lost = np.zeros((size, steps))
        self._doubt = np.zeros((size, steps))
        """How far off the sums may be."""

    def add(self, members: Members, values: Floats) -> None:
        """Add the rows float64[n, S] of a slab to their groups."""
        rows, values = members.groups, members.sorted(values)
        if len(rows) == len(values):
            total: Floats = values
            lost: Floats | float = 0.0
        elif (unit := _unit(members, values)) is None or self._careful:
            ids = np.repeat(np.arange(len(rows)), members.sizes)
            total, lost = _lane_sums(ids, len(rows), values)
        else:
            total, lost, doubt = _split_sums(members, values, unit)
            self._doubt[rows] += doubt
        before = self._total[rows]
        after = before + total
        added = after - before
        self._lost[rows] += (before - (after - added)) + (total - added) + lost
        self._total[rows] = after

    @property
    def doubtful(self) -> bool:
        """Whether a sum may be off by more than a bit."""
        return bool((np.abs(self._total + self._lost) < self._doubt * _VISIBLE).any())

    def result(self) -> Floats:
        """float64[G, S]."""
        # An infinite sum has lost NaN on the way.
        return np.where(np.isinf(self._total), self._total, self._total + self._lost)


def _unit(members: Members, values: Floats) -> float | None:
    """A power of two: multiples of its 2^-53 below the largest value, as many as a group has, are added exactly.

    None when there is none, or the values are not finite.
    """
    largest = max(float(values.max()), -float(values.min()))
    if not largest < _SPLIT_MAX:
        return None
    return 2.0 ** (math.frexp(largest)[1] + (int(members.sizes.max()) - 1).bit_length() + 1)


def _split_sums(members: Members, values: Floats, unit: float) -> tuple[Floats, Floats, Floats | float]:
    """Sums of each group's rows float64[g, S], what rounding has taken from them, and how far off they may be."""
    high = values + unit
    high -= unit
    low = values - high
    total, lost = members.reduce(np.add, high), members.reduce(np.add, low)
    doubt = float(members.sizes.max()) ** 2 * unit * 2.0**-106
    small = np.abs(total + lost) < doubt * _VISIBLE
    if not small.any():
        return total, lost, doubt
    # Without low parts a sum is exact, be it zero.
    exact = members.reduce(np.add, np.abs(low)) == 0
    return total, lost, np.where(exact, 0.0, doubt)


def _lane_sums(ids: Ints, size: int, values: Floats) -> tuple[Floats, Floats]:
    """Sums of groups of neighbouring rows, and what rounding has taken from them. ``ids`` int64[n] ascends."""
    deal, lane_groups = _dealt(ids, size, values.shape[1])
    total = np.zeros((len(lane_groups), values.shape[1]))
    lost = np.zeros_like(total)
    for rows in deal:
        taken = np.flatnonzero(rows >= 0)
        part, part_lost = total[taken], lost[taken]
        _add(part, part_lost, values[rows[taken]])
        total[taken], lost[taken] = part, part_lost
    if len(lane_groups) == size:
        return total, lost
    total, lost_between = _lane_sums(lane_groups, size, total)
    starts = np.flatnonzero(np.concatenate(([True], lane_groups[1:] != lane_groups[:-1])))
    return total, np.add.reduceat(lost, starts, axis=0) + lost_between


def _dealt(ids: Ints, size: int, steps: int) -> tuple[Ints, Ints]:
    """Rows int64[rounds, lanes], -1 for none, and the group of each lane. Lanes are fewer than rows."""
    wanted = max(1, _ROUND_ELEMENTS // max(steps, 1))
    depth = max(_ROUNDS_MIN, -(-len(ids) // wanted))
    members = np.bincount(ids, minlength=size)
    lanes = -(-members // depth)
    lane_groups = np.repeat(np.arange(size), lanes)
    first_lane = np.cumsum(lanes) - lanes
    position = np.arange(len(ids)) - (np.cumsum(members) - members)[ids]
    # Neighbours share a lane: what cancels between neighbours cancels before it is rounded away.
    deal = np.full((min(depth, int(members.max(initial=0))), len(lane_groups)), -1, dtype=np.int64)
    deal[position % depth, first_lane[ids] + position // depth] = np.arange(len(ids))
    return deal, lane_groups


def _add(total: Floats, lost: Floats, values: Floats) -> None:
    """Add ``values`` to ``total`` in place; what rounding takes goes to ``lost`` (Knuth's TwoSum)."""
    after = total + values
    added = after - total
    total -= after - added
    values = values - added
    total += values
    lost += total
    total[...] = after


def held(values: Floats, present: Bools, filler: float) -> Floats:
    """``values`` with ``filler`` where nothing is present."""
    return values if present.all() else np.where(present, values, filler)
