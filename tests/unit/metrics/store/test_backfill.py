"""Old samples go into blocks, beside everything that is there already."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.base.limits import Limit, Policy
from fenghuo.metrics.store import Store, backfill
from fenghuo.model.labels import Labels
from fenghuo.model.sample import ABSENT_NAN, NAN_BITS, STALE_NAN, STALE_NAN_BITS
from fenghuo.model.selection import DenseBlock
from unit.metrics.store.look import EVERYTHING, Samples, bits, everything, metric, named

Make = Callable[..., Store]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def fill(store: Store, samples: Samples) -> int:
    """Import samples, one series after another; how many blocks that made."""
    work = store.backfill()
    for labels, points in samples.items():
        times = np.array([time_ms for time_ms, _ in points], dtype=np.int64)
        values = np.array([value for _, value in points], dtype=np.int64).view(np.float64)
        assert work.add([labels], np.zeros(len(points), dtype=np.int64), times, values).accepted == len(points)
    work.finish()
    return work.blocks


def regular(first_ms: int, step_ms: int, count: int, series: int = 6) -> Samples:
    times = [first_ms + step * step_ms for step in range(count)]
    return {
        named("m", n=str(number)): [(time_ms, bits(number + time_ms / 7)) for time_ms in times]
        for number in range(series)
    }


def test_samples_of_days_are_found_again_also_after_a_restart(make: Make, clock: ManualClock) -> None:
    store = make()
    first_ms = clock.now_ms() - 3 * DAY_MS
    samples = {**regular(first_ms, 60_000, 4000), named("odd"): [(first_ms + 5, bits(1)), (first_ms + 9, bits(2))]}
    assert 3 <= fill(store, samples) <= 5
    assert everything(store) == samples
    assert everything(make()) == samples


def test_series_with_the_same_timestamps_are_one_cohort_through_all_blocks(make: Make, clock: ManualClock) -> None:
    store = make()
    fill(store, regular(clock.now_ms() - 3 * DAY_MS, 60_000, 4000, series=40))
    selection = store.select(EVERYTHING, 0, 1 << 62)
    assert [type(block) for block in selection.blocks] == [DenseBlock]


def test_special_values_keep_their_bits(make: Make, clock: ManualClock) -> None:
    store = make()
    at = clock.now_ms() - DAY_MS
    values = np.array([STALE_NAN, np.inf, -0.0, ABSENT_NAN, np.nan])
    work = store.backfill()
    work.add([named("m")], np.zeros(5, dtype=np.int64), at + np.arange(5), values)
    work.finish()
    assert [value for _, value in everything(store)[named("m")]] == [
        STALE_NAN_BITS, bits(np.inf), bits(-0.0), NAN_BITS, bits(np.nan)
    ]  # fmt: skip


def test_what_comes_in_any_order_and_twice_is_stored_once(make: Make, clock: ManualClock) -> None:
    store = make()
    at = clock.now_ms() - 2 * DAY_MS
    work = store.backfill()
    rng = np.random.default_rng(3)
    times = at + rng.permutation(np.repeat(np.arange(500), 2)) * 1000
    work.add([named("a"), named("b")], rng.integers(0, 2, 1000), times, np.zeros(1000))
    work.add([named("a")], np.zeros(500, dtype=np.int64), at + np.arange(500) * 1000, np.zeros(500))
    work.finish()
    found = everything(store)
    assert [time_ms for time_ms, _ in found[named("a")]] == [at + step * 1000 for step in range(500)]


def test_blocks_that_overlap_are_read_as_one_and_merged(make: Make, clock: ManualClock) -> None:
    store = make()
    first_ms = clock.now_ms() // DAY_MS * DAY_MS - 3 * DAY_MS
    even, odd = regular(first_ms, 120_000, 600), regular(first_ms + 60_000, 120_000, 600)
    fill(store, even)
    fill(store, odd)
    fill(store, even)
    both = {labels: sorted([*even[labels], *odd[labels]]) for labels in even}
    assert everything(store) == both
    store.keeper.maintain()
    assert metric(store, "blocks") == 1
    assert everything(store) == both


def test_old_and_new_samples_of_a_series_meet(make: Make, clock: ManualClock) -> None:
    """The head goes on from where the import ends, and an import may reach into the time of the head."""
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    series = [named("m", n=str(number)) for number in range(6)]
    rows = target.rows(series)
    for step in range(10):
        target.append(now - 600_000 + step * 60_000, rows, np.arange(6.0))
    old = regular(now - DAY_MS, 60_000, 1438)
    fill(store, old)
    found = everything(store)
    # Eight of the times were in both; which of the two values stays is not said.
    assert [len(found[labels]) for labels in series] == [1438 + 10 - 8] * 6
    assert everything(make()).keys() == found.keys()


def test_a_pushed_sample_older_than_what_was_imported_is_late(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    fill(store, regular(now - 2 * HOUR_MS, 60_000, 100, series=1))
    refused = store.append_samples([named("m", n="0")], np.array([now - 3 * HOUR_MS]), np.array([1.0]))
    assert refused.rejected == {"too_old": 1}


def test_what_is_beyond_retention_is_counted_and_left_out(make: Make, clock: ManualClock) -> None:
    store = make(retention="5d")
    at = clock.now_ms()
    work = store.backfill()
    times = np.array([at - 6 * DAY_MS, at - 4 * DAY_MS])
    result = work.add([named("m")], np.zeros(2, dtype=np.int64), times, np.ones(2))
    work.finish()
    assert (result.accepted, result.rejected) == (1, {"too_old": 1})
    assert everything(store) == {named("m"): [(at - 4 * DAY_MS, bits(1))]}


def test_large_imports_are_written_in_parts(make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "GATHERED", Limit("few", 1000, Policy.WAIT, "Few."))
    store = make()
    samples = regular(clock.now_ms() - DAY_MS, 60_000, 400, series=10)
    assert fill(store, samples) >= 4
    assert everything(store) == samples


def test_a_full_disk_is_told_and_leaves_nothing_behind(
    make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = make()
    monkeypatch.setattr(backfill, "write_block", refuse)
    with pytest.raises(OperatingError, match="No space left"):
        fill(store, regular(clock.now_ms() - DAY_MS, 60_000, 10))
    assert everything(store) == {}
    monkeypatch.undo()
    assert fill(store, regular(clock.now_ms() - DAY_MS, 60_000, 10)) == 1


def test_labels_of_any_text_are_kept(make: Make, clock: ManualClock) -> None:
    store = make()
    labels = Labels({"__name__": "http.requests total", "烽": "火\n\"'", "empty": ""})
    samples = {labels: [(clock.now_ms() - DAY_MS, bits(1))]}
    fill(store, samples)
    assert everything(make()) == samples


def test_series_beyond_the_limit_are_refused_and_known_ones_go_on(make: Make, clock: ManualClock) -> None:
    store, at = make(max_series=3, max_label_value_length=10), clock.now_ms() - DAY_MS
    store.append_samples([named("known")], np.array([clock.now_ms()]), np.ones(1))
    series = [named("a"), named("b"), named("c"), named("known"), named("d", n="x" * 11)]
    work = store.backfill()
    result = work.add(series, np.array([0, 1, 2, 3, 4, 0]), at + np.arange(6), np.ones(6))
    work.finish()
    assert (result.accepted, result.rejected) == (4, {"limit": 2})
    assert everything(store).keys() == {named("a"), named("b"), named("known")}
