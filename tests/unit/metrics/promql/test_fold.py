"""Compensated sums over groups of rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fenghuo.metrics.promql.fold import Groups


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 300, 5000])
@pytest.mark.parametrize("groups", [1, 3, 40])
@pytest.mark.parametrize("steps", [1, 5])
def test_sums_are_exact(rows: int, groups: int, steps: int) -> None:
    """Every sum is what ``math.fsum`` gives, whatever the shape and the order."""
    groups = min(groups, rows)
    random = np.random.default_rng(rows * 100 + groups)
    ids = np.concatenate((np.arange(groups), random.integers(0, groups, rows - groups)))
    values = random.normal(size=(rows, steps)) * 10.0 ** random.integers(-12, 12, (rows, steps))
    sums = Groups(ids, groups).sums(values)
    for group in range(groups):
        for step in range(steps):
            exact = math.fsum(values[ids == group, step])
            assert sums[group, step] == pytest.approx(exact, rel=1e-14, abs=1e-300)


def test_small_addends_survive_large_ones() -> None:
    column = [1.0, 1e100, 1.0, -1e100] * 1000
    sums = Groups(np.zeros(4000, dtype=np.int64), 1).sums(np.array(column)[:, None])
    assert sums.tolist() == [[2000.0]]


@pytest.mark.parametrize(
    ("values", "total"),
    [([math.inf, 1.0], math.inf), ([math.inf, -math.inf], math.nan), ([math.nan, 1.0], math.nan), ([], 0.0)],
)
def test_infinities_and_nan(values: list[float], total: float) -> None:
    with np.errstate(invalid="ignore"):
        sums = Groups(np.zeros(20, dtype=np.int64), 1).sums(np.array([*values, *[0.0] * (20 - len(values))])[:, None])
    assert sums[0, 0] == pytest.approx(total, nan_ok=True)


def test_no_groups() -> None:
    assert Groups(np.zeros(0, dtype=np.int64), 0).sums(np.zeros((0, 3))).shape == (0, 3)
