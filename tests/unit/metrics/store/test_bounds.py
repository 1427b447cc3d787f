"""A store takes so many series, of such a size; what it has goes on, whatever comes beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, bounds
from fenghuo.model.labels import Labels
from fenghuo.model.sample import REFUSED
from unit.metrics.store.look import bits, everything, metric, named

Make = Callable[..., Store]
HOUR_MS = 3_600_000


def numbered(first: int, end: int) -> list[Labels]:
    return [named("m", n=str(number)) for number in range(first, end)]


def test_series_beyond_the_bound_are_refused_and_the_others_go_on(make: Make, clock: ManualClock) -> None:
    store, now, hits = make(max_series=5), clock.now_ms(), bounds.SERIES.hits
    good, bad = store.cohort("good"), store.cohort("bad")
    rows = good.rows(numbered(0, 3))
    many = bad.rows(numbered(2, 9))
    assert (many == REFUSED).tolist() == [False] * 3 + [True] * 4
    result = bad.append(now, many, np.arange(7.0))
    assert (result.accepted, result.rejected) == (3, {"limit": 4})
    assert good.append(now + 1, rows, np.arange(3.0)).rejected == {}
    assert set(everything(store)) == set(numbered(0, 5))
    assert metric(store, "rejected_samples_total") == 4
    assert bounds.SERIES.hits == hits + 4
    assert store.health().troubles == ("new series are refused: max_series is 5",)
    clock.step_wall(600)
    assert store.health().troubles == ()


def test_refused_series_find_room_when_others_are_forgotten(make: Make, clock: ManualClock) -> None:
    store = make(max_series=3, retention_ms=4 * HOUR_MS)
    target = store.cohort("t")
    target.append(clock.now_ms(), target.rows(numbered(0, 3)), np.zeros(3))
    assert target.rows(numbered(3, 5)).tolist() == [REFUSED] * 2
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    assert target.append(clock.now_ms(), target.rows(numbered(3, 5)), np.ones(2)).accepted == 2
    assert set(everything(store)) == set(numbered(3, 5))


def test_one_target_cannot_fill_the_store(make: Make, clock: ManualClock) -> None:
    store, hits = make(max_series_per_target=3), bounds.TARGET_SERIES.hits
    greedy, modest = store.cohort("greedy"), store.cohort("modest")
    rows = greedy.rows(numbered(0, 10))
    assert np.count_nonzero(rows == REFUSED) == 7
    assert (modest.rows(numbered(10, 13)) != REFUSED).all()
    assert greedy.rows(numbered(0, 4)).tolist() == rows[:4].tolist()
    assert len(store._parts.index) == 6
    assert bounds.TARGET_SERIES.hits == hits + 8
    assert "max_series_per_target is 3" in store.health().troubles[0]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (named("m", a="1", b="2", c="3"), "it has 4 labels, max_labels is 3"),
        (named("m", **{"é" * 6: "1"}), "a name of 12 bytes, max_label_name_length is 10"),
        (named("m", a="é" * 6), "a value of 12 bytes, max_label_value_length is 11"),
    ],
)
@pytest.mark.parametrize("way", ["cohort", "samples", "push"])
def test_series_that_are_too_large_are_refused_alone(
    make: Make, clock: ManualClock, labels: Labels, said: str, way: str
) -> None:
    store = make(max_labels=3, max_label_name_length=10, max_label_value_length=11)
    series, now, values = [named("m", a="1", b="2"), labels], clock.now_ms(), np.array([1.0, 2.0])
    for _ in range(2):
        now += 1
        if way == "cohort":
            result = store.cohort("t").append(now, store.cohort("t").rows(series), values)
        elif way == "samples":
            result = store.append_samples(series, np.full(2, now), values)
        else:
            result = store.push(store.refs(series), np.full(2, now), values).result
        assert (result.accepted, result.rejected) == (1, {"limit": 1})
    assert everything(store) == {series[0]: [(now - 1, bits(1)), (now, bits(1))]}
    assert said in store.health().troubles[0]
    assert not any(len(key) > 11 for each in store._parts.index.dictionaries.values() for key in each.codes)


def test_a_start_refuses_nothing(make: Make, clock: ManualClock) -> None:
    store = make()
    target = store.cohort("t")
    target.append(clock.now_ms(), target.rows(numbered(0, 9)), np.zeros(9))
    whole = everything(store)
    again = make(max_series=2, max_series_per_target=2, max_labels=1)
    assert everything(again) == whole
    rows = again.cohort("t").rows(numbered(0, 10))
    assert (rows == REFUSED).tolist() == [False] * 9 + [True]
    assert again.cohort("t").append(clock.now_ms() + 1, rows, np.zeros(10)).accepted == 9


def test_zero_sets_no_bound(make: Make) -> None:
    unbounded = dict.fromkeys(
        ("max_series", "max_series_per_target", "max_labels", "max_label_name_length", "max_label_value_length"), 0
    )
    series = [named("m", **{f"{number}{'x' * 2000}": "y" * 20_000 for number in range(150)})]
    assert (make(**unbounded).cohort("t").rows(series) != REFUSED).all()
