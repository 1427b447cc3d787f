"""Samples that are pushed: kept as cohorts where they come as scrapes, and complete in any case."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.selection import DenseBlock
from unit.metrics.store.look import EVERYTHING, Samples, bits, everything, metric, named

Make = Callable[..., Store]
STEP_MS = 15_000
HOUR_MS = 3_600_000


def target(instance: int, count: int = 50, job: str = "api") -> list[Labels]:
    return [named(f"m{number}", job=job, instance=f"host-{instance}") for number in range(count)]


def push(store: Store, time_ms: int, series: list[Labels], value: float = 1.0) -> dict[str, int]:
    """Push one sample of each series; what was refused."""
    found = store.push(
        store.refs(series), np.full(len(series), time_ms), np.full(len(series), value) + np.arange(len(series))
    )
    assert found.gone is None
    assert found.result.accepted + sum(found.result.rejected.values()) == len(series)
    return found.result.rejected


def dense(store: Store) -> tuple[int, int]:
    """How many blocks of cohorts a query finds, and how many series stand in none of them."""
    selection = store.select(EVERYTHING, 0, 1 << 62)
    blocks = [block for block in selection.blocks if isinstance(block, DenseBlock)]
    return len(blocks), selection.labels.size - sum(len(block.series) for block in blocks)


def test_pushed_scrapes_are_found_again_and_are_one_cohort_each(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    for step in range(20):
        for instance in range(3):
            push(store, now + step * STEP_MS + instance * 100, target(instance))
    assert everything(store)[target(1)[7]] == [(now + step * STEP_MS + 100, bits(8.0)) for step in range(20)]
    assert dense(store) == (3, 0)


def test_one_request_may_hold_several_targets_and_several_times(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    series = [*target(0), *target(1)]
    for start in range(0, 12, 4):
        times = np.concatenate([np.full(100, now + (start + step) * STEP_MS) for step in range(4)])
        result = store.push(np.tile(store.refs(series), 4), times, np.arange(400.0)).result
        assert result.accepted == 400
    found = everything(store)
    assert len(found) == 100
    assert [time_ms for time_ms, _ in found[series[99]]] == [now + step * STEP_MS for step in range(12)]
    assert dense(store) == (2, 0)


def test_a_request_may_end_within_a_scrape_anywhere(make: Make, clock: ManualClock) -> None:
    """A sender fills its requests, whose bounds then lie elsewhere in each scrape."""
    store, now = make(), clock.now_ms()
    series = target(0, 100)
    for step in range(30):
        bound = (step * 7) % 90 + 5
        push(store, now + step * STEP_MS, series[:bound])
        push(store, now + step * STEP_MS, series[bound:])
    assert all(len(samples) == 30 for samples in everything(store).values())
    blocks, others = dense(store)
    assert blocks <= 3
    assert others == 0


def test_a_connection_that_lags_behind_gets_cohorts_of_its_own(make: Make, clock: ManualClock) -> None:
    """Two connections share the series of each target; one is a scrape ahead from the third one on."""
    store, now = make(), clock.now_ms() - 60 * STEP_MS
    series = target(0, 80)
    for step in range(3):
        push(store, now + step * STEP_MS, series)
    left, right = series[::2], series[1::2]
    for step in range(3, 60):
        push(store, now + step * STEP_MS, left)
        if step > 3:
            push(store, now + (step - 1) * STEP_MS, right)
    push(store, now + 59 * STEP_MS, right)
    assert all(len(samples) == 60 for samples in everything(store).values())
    head = store._parts.head
    assert head.loose.size == 0
    assert len(head.cohorts) == 2


def test_what_was_pushed_already_stays_single_and_another_value_is_refused(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    for step in range(3):
        push(store, now + step * STEP_MS, target(0))
    before = everything(store)
    assert push(store, now + 2 * STEP_MS, target(0)) == {}
    assert push(store, now, target(0)) == {}
    assert push(store, now + 2 * STEP_MS, target(0), value=9.0) == {"duplicate_timestamp": 50}
    assert everything(store) == before


def test_the_same_sample_twice_in_one_request_is_stored_once(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    refs = np.tile(store.refs(target(0)), 2)
    assert store.push(refs, np.full(100, now), np.tile(np.arange(50.0), 2)).result.accepted == 100
    assert everything(store)[target(0)[3]] == [(now, bits(3.0))]
    refused = store.push(refs, np.full(100, now + 1), np.arange(100.0)).result
    assert (refused.accepted, refused.rejected) == (50, {"duplicate_timestamp": 50})


def test_bounds_of_time_hold(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    assert push(store, now + HOUR_MS, target(0)) == {"too_far_in_future": 50}
    assert push(store, now - 16 * 24 * HOUR_MS, target(0)) == {"too_old": 50}
    assert push(store, now, target(0)) == {}
    assert push(store, now - HOUR_MS, target(0)) == {"too_old": 50}
    assert push(store, now - 60_000, target(0)) == {}
    assert len(everything(store)[target(0)[0]]) == 2
    assert metric(store, "appended_samples_total") == 100


def test_a_few_series_that_appear_later_join_their_target(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    push(store, now, target(0))
    for step in range(1, 5):
        push(store, now + step * STEP_MS, target(0, 52))
    assert len(store._parts.head.cohorts) == 1
    assert store._parts.head.loose.size == 0


def test_ragged_samples_are_loose(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    series = target(0, 30)
    for step in range(3):
        times = now + step * STEP_MS + np.arange(30) * 7
        assert store.push(store.refs(series), times, np.arange(30.0)).result.accepted == 30
    assert store._parts.head.loose.size == 90
    assert everything(store)[series[2]] == [(now + step * STEP_MS + 14, bits(2.0)) for step in range(3)]


def test_cohorts_go_on_after_a_restart(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    for step in range(3):
        push(store, now + step * STEP_MS, [*target(0), *target(1)])
    before = everything(store)
    store = make()
    assert everything(store) == before
    for step in range(3, 6):
        push(store, now + step * STEP_MS, [*target(0), *target(1)])
    assert len(store._parts.head.cohorts) == 2
    assert dense(store) == (2, 0)
    assert all(len(samples) == 6 for samples in everything(store).values())


def test_references_to_forgotten_series_are_told_and_nothing_is_stored(make: Make, clock: ManualClock) -> None:
    store, now = make(block_duration="1m", retention="5m", out_of_order_time_window="0"), clock.now_ms()
    refs = store.refs(target(0))
    store.push(refs, np.full(50, now), np.zeros(50))
    clock.step_wall(3600)
    store.keeper.maintain()
    now = clock.now_ms()
    assert everything(store) == {}
    others = store.refs(target(1, 20))
    found = store.push(np.concatenate([others, refs]), np.full(70, now), np.zeros(70))
    assert found.gone is not None
    assert found.gone.tolist() == [False] * 20 + [True] * 50
    assert everything(store) == {}
    again = store.push(np.concatenate([others, store.refs(target(0))]), np.full(70, now), np.zeros(70))
    assert again.gone is None
    assert len(everything(store)) == 70


def test_targets_that_come_no_more_are_forgotten(make: Make, clock: ManualClock) -> None:
    store = make(block_duration="1m", retention="10m", out_of_order_time_window="0")
    cohorts = store._pusher._cohorts
    for number in range(600):
        if number % 100 == 0:
            clock.step_wall(3600)
            store.keeper.maintain()
        push(store, clock.now_ms() + number, target(number, 5))
    assert len(everything(store)) == 500
    assert len(cohorts._of_target) <= 2 * 100 + 200
    assert metric(store, "appended_samples_total") == 3000


def test_pushed_and_scraped_series_do_not_disturb_each_other(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    scraped = store.cohort("scraped")
    rows = scraped.rows(target(0))
    for step in range(4):
        scraped.append(now + step * STEP_MS, rows, np.arange(50.0))
        push(store, now + step * STEP_MS + 5000, target(0, 60), value=7.0)
    found = everything(store)
    assert len(found[target(0)[0]]) == 8
    assert len(found[target(0, 60)[59]]) == 4


@pytest.mark.parametrize("size", [1, 3, 4])
def test_small_pushes_of_one_series_group_are_kept(make: Make, clock: ManualClock, size: int) -> None:
    store, now = make(), clock.now_ms()
    for step in range(3):
        push(store, now + step * STEP_MS, target(0, size))
    assert all(len(samples) == 3 for samples in everything(store).values())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_order_of_pushes_and_restarts_keeps_each_admitted_sample_once(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against a dictionary: samples within the out-of-order window, the first value of a time counts."""
    clock = ManualClock(now_ms=1_750_000_000_000)
    directory = tmp_path_factory.mktemp("pushes")
    open_settings = StoreSettings.model_validate({"out_of_order_time_window": "10d"})
    store = Store.open(directory, open_settings, clock, CollectorRegistry())
    series = [*target(0, 6), *target(1, 5), *target(2, 1)]
    model: Samples = {}
    try:
        for _ in range(data.draw(st.integers(1, 12))):
            if data.draw(st.integers(0, 9)) == 0:
                store.close()
                store = Store.open(directory, open_settings, clock, CollectorRegistry())
            picked = data.draw(st.lists(st.integers(0, 11), min_size=1, max_size=14))
            steps = data.draw(st.lists(st.integers(0, 8), min_size=len(picked), max_size=len(picked)))
            same = data.draw(st.booleans())
            times = np.array([clock.now_ms() + (steps[0] if same else step) * 1000 for step in steps])
            values = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(picked), max_size=len(picked))), float)
            chosen = [series[number] for number in picked]
            result = store.push(store.refs(chosen), times, values).result
            accepted = 0
            for labels, time_ms, value in zip(chosen, times.tolist(), values.tolist(), strict=True):
                known = dict(model.get(labels, []))
                accepted += known.get(time_ms, bits(value)) == bits(value)
                known.setdefault(time_ms, bits(value))
                model[labels] = sorted(known.items())
            assert result.accepted + sum(result.rejected.values()) == len(picked)
            if len(set(zip(picked, times.tolist(), strict=True))) == len(picked):
                assert result.accepted == accepted
            assert everything(store) == model
    finally:
        store.close()
