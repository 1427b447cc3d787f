"""Choosing beforehand leaves out only what is not chosen in the end."""

from __future__ import annotations

import numpy as np
import pytest

from fenghuo.metrics.promql import fold
from fenghuo.metrics.promql.choose import candidates, chosen
from fenghuo.metrics.promql.fold import Groups
from fenghuo.metrics.promql.vector import Vector
from fenghuo.model.label_table import LabelTable

ROWS, STEPS = 300, 6


def vector(seed: int) -> Vector:
    """Values with ties, infinities, NaN and gaps; some steps have hardly anything."""
    random = np.random.default_rng(seed)
    values = random.choice(
        [0.0, 1.0, 2.0, 7.5, np.inf, -np.inf, np.nan], (ROWS, STEPS), p=[0.3, 0.2, 0.2, 0.1] + [0.2 / 3] * 3
    )
    values += random.choice([0.0, 0.001], (1, 1)) * np.arange(ROWS)[:, None]
    present = random.random((ROWS, STEPS)) < random.choice([0.004, 0.5, 1.0], STEPS)
    labels = LabelTable.of([{"n": f"{row:03}"} for row in range(ROWS)])
    return Vector(labels, values, present, np.zeros(ROWS, np.bool_))


def shown(vector: Vector) -> dict[str, list[float | None]]:
    return {
        labels["n"]: [float(value) if there else None for value, there in zip(row, here, strict=True)]
        for labels, row, here in zip(vector.labels.rows(), vector.values, vector.present, strict=True)
    }


@pytest.mark.parametrize("op", ["topk", "bottomk"])
@pytest.mark.parametrize("seed", range(12))
def test_the_same_are_chosen(op: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "SLAB_ELEMENTS", 40 * STEPS)
    whole = vector(seed)
    count = np.random.default_rng(seed).integers(0, 5, STEPS)
    few = candidates(whole.slabs(), op, count)
    expected = chosen(whole, Groups(np.zeros(ROWS, np.int64), 1), op, count)
    got = chosen(few, Groups(np.zeros(few.size, np.int64), 1), op, count)
    assert repr(shown(got)) == repr(shown(expected))


def test_most_series_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "SLAB_ELEMENTS", 40 * STEPS)
    values = np.random.default_rng(1).random((ROWS, STEPS))
    labels = LabelTable.of([{"n": f"{row:03}"} for row in range(ROWS)])
    whole = Vector(labels, values, np.ones_like(values, np.bool_), np.zeros(ROWS, np.bool_))
    assert candidates(whole.slabs(), "topk", np.full(STEPS, 1)).size < ROWS // 2
