"""Sums over groups of rows, compensated as Prometheus' are, without a loop over series.

The members of a group are cut into lanes; round by round every lane of every group takes one member, so that
a round is one array operation over all lanes. Then the lanes of a group are added up in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fenghuo.model.sample import Bools, Floats, Ints

_ROUND_ELEMENTS = 1 << 13
"""Elements a round should have, so that NumPy's cost per call does not count. Found with the benchmark."""
_ROUNDS_MIN = 8
"""Fewer rounds would leave nearly as many lanes to add up as there were rows."""


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
        total, lost = self._sums(values)
        # An infinite sum has lost NaN on the way.
        return np.where(np.isinf(total), total, total + lost)

    def _sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Sums, and what rounding has taken from them."""
        deal, lane_groups = self._deal(values.shape[1])
        total = np.zeros((len(lane_groups), values.shape[1]))
        lost = np.zeros_like(total)
        for rows in deal:
            if rows[-1] >= 0 and (rows >= 0).all():
                _add(total, lost, values[rows])
                continue
            taken = np.flatnonzero(rows >= 0)
            part, part_lost = total[taken], lost[taken]
            _add(part, part_lost, values[rows[taken]])
            total[taken], lost[taken] = part, part_lost
        if len(lane_groups) == self.size:
            return total, lost
        lanes = Groups(lane_groups, self.size)
        total, lost_between = lanes._sums(total)
        return total, lanes.reduce(np.add, lost) + lost_between

    def _deal(self, steps: int) -> tuple[Ints, Ints]:
        """Rows int64[rounds, lanes], -1 for none, and the group of each lane. Lanes are fewer than rows."""
        wanted = max(1, _ROUND_ELEMENTS // max(steps, 1))
        depth = max(_ROUNDS_MIN, -(-len(self.ids) // wanted))
        lanes = -(-self.members // depth)
        lane_groups = np.repeat(np.arange(self.size), lanes)
        first_lane = np.concatenate(([0], np.cumsum(lanes)[:-1]))
        ids = self.ids[self.order]
        position = np.arange(len(ids)) - self.starts[ids]
        # Neighbours share a lane: what cancels between neighbours cancels before it is rounded away.
        deal = np.full((min(depth, int(self.members.max(initial=0))), len(lane_groups)), -1, dtype=np.int64)
        deal[position % depth, first_lane[ids] + position // depth] = self.order
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
