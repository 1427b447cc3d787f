"""Edges of windows: worked off in one run where windows move on by a sample a step, else one by one."""

from __future__ import annotations

import numpy as np
import pytest

from fenghuo.metrics.promql.windows import across, gather, neighbours

VALUES = np.arange(40.0).reshape(4, 10) ** 2


def test_neighbours_do_not_reach_into_the_next_row() -> None:
    for by in (1, 3, 9):
        found = neighbours(np.subtract, VALUES, by)[:, : 10 - by]
        np.testing.assert_array_equal(found, VALUES[:, by:] - VALUES[:, :-by])


@pytest.mark.parametrize("start", [-2, 0, 3, 8])
@pytest.mark.parametrize("by", [-1, 0, 1, 4, 12])
@pytest.mark.parametrize("stride", [0, 1, 2])
@pytest.mark.parametrize("rows", [1, 4])
def test_both_edges_are_looked_at_wherever_they_are(start: int, by: int, stride: int, rows: int) -> None:
    earlier = np.broadcast_to(start + stride * np.arange(4), (rows, 4))
    found = across(lambda a, b, c, d: a + 3 * b + 5 * c + 7 * d, [VALUES, -VALUES], earlier + by, earlier)
    later, before = gather(VALUES, earlier + by), gather(VALUES, earlier)
    np.testing.assert_array_equal(found, later - 3 * later + 5 * before - 7 * before)
