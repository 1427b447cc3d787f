"""Deletion hits what is there, in memory and in blocks, for good; what is written later is not hit."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store import Store
from fenghuo.metrics.store.tombstones import Tombstones, read_tombstones, write_tombstones
from fenghuo.model.matcher import Matcher, MatchOp
from unit.metrics.store.look import EVERYTHING, Samples, bits, equal, everything, metric, named

Make = Callable[..., Store]
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
ALWAYS = (-(1 << 62), 1 << 62)


@pytest.fixture
def clock() -> ManualClock:
    """At the beginning of a day, so that slices are whole."""
    return ManualClock(20_000 * 24 * HOUR_MS)


def run(store: Store, clock: ManualClock, minutes: int) -> None:
    """Scrape two targets every minute, and push."""
    cohorts = {key: store.cohort(key) for key in "tu"}
    rows = {key: cohort.rows([named("m", key=key, id=str(i)) for i in range(3)]) for key, cohort in cohorts.items()}
    for minute in range(minutes):
        for key, cohort in cohorts.items():
            cohort.append(clock.now_ms(), rows[key], np.arange(3.0) + minute)
        store.append_samples([named("pushed")], np.array([clock.now_ms() + 1]), np.array([float(minute)]))
        clock.step_wall(60)


def without(samples: Samples, start_ms: int, end_ms: int, **labels: str) -> Samples:
    """The samples that a deletion leaves."""
    left = {
        series: pairs
        if any(series.get(name) != text for name, text in labels.items())
        else [pair for pair in pairs if not start_ms <= pair[0] <= end_ms]
        for series, pairs in samples.items()
    }
    return {series: pairs for series, pairs in left.items() if pairs}


def files(tmp_path: Path, pattern: str) -> list[Path]:
    return sorted((tmp_path / "store" / "blocks").glob(pattern))


@pytest.mark.parametrize("in_blocks", [False, True])
@pytest.mark.parametrize("pieces", [(0, 1 << 62), (61, 90), (0, 60), (100, 1 << 62), (100, 100)])
def test_a_deletion_holds_over_restarts_and_cuts(
    make: Make, clock: ManualClock, in_blocks: bool, pieces: tuple[int, int]
) -> None:
    store, begin = make(), clock.now_ms()
    run(store, clock, 150)
    start_ms, end_ms = begin + pieces[0] * MINUTE_MS, begin + pieces[1] * MINUTE_MS
    if in_blocks:
        clock.step_wall(24 * 3600)
        store.keeper.maintain()
        assert metric(store, "blocks") >= 1
    expected = without(everything(store), start_ms, end_ms, __name__="m", key="t")
    store.delete([*equal(name_="m"), *equal(key="t")], start_ms, end_ms)
    assert everything(store) == expected
    assert store.series([], *ALWAYS) == sorted(expected)
    store = make()
    assert everything(store) == expected
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    assert everything(store) == expected
    assert store.series([], *ALWAYS) == sorted(expected)
    store.clean_tombstones()
    assert metric(store, "tombstones") == 0
    assert everything(store) == expected
    assert everything(make()) == expected


def test_samples_written_after_a_deletion_are_seen(make: Make, clock: ManualClock) -> None:
    """New ones of a scrape that goes on, and late ones at the very times that were deleted."""
    store, begin = make(), clock.now_ms()
    run(store, clock, 20)
    store.delete(EVERYTHING, *ALWAYS)
    assert everything(store) == {}
    assert store.series([], *ALWAYS) == []
    now = clock.now_ms()
    target = store.cohort("t")
    series = named("m", key="t", id="1")
    target.append(now, target.rows([series]), np.array([7.0]))
    late = store.append_samples([series, series], np.array([now - 5 * MINUTE_MS, now - 1]), np.array([8.0, 9.0]))
    assert late.accepted == 2
    expected = {series: [(now - 5 * MINUTE_MS, bits(8)), (now - 1, bits(9)), (now, bits(7))]}
    assert everything(store) == expected
    store = make()
    assert everything(store) == expected
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    assert everything(store) == expected
    assert everything(store, begin, now - MINUTE_MS) == {series: expected[series][:1]}


def test_the_newest_sample_may_be_written_again_after_its_deletion(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    series = [named("a")]
    store.append_samples(series * 2, np.array([now - 10, now]), np.array([1.0, 2.0]))
    for value in (2.0, 3.0):
        store.delete(EVERYTHING, now, now)
        assert everything(store) == {named("a"): [(now - 10, bits(1))]}
        assert store.append_samples(series, np.array([now]), np.array([value])).accepted == 1
        assert everything(store) == {named("a"): [(now - 10, bits(1)), (now, bits(value))]}
    again = store.append_samples(series, np.array([now - 10]), np.array([5.0]))
    assert again.rejected == {"duplicate_timestamp": 1}
    assert everything(make()) == {named("a"): [(now - 10, bits(1)), (now, bits(3))]}


def test_a_sample_of_a_deleted_block_may_be_written_again(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    store.append_samples([named("a")], np.array([now]), np.array([1.0]))
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    store.delete(EVERYTHING, *ALWAYS)
    for _ in range(2):
        assert everything(store) == {}
        store = make()
    assert store.append_samples([named("a")], np.array([now]), np.array([1.0])).accepted == 1
    assert everything(store) == {named("a"): [(now, bits(1))]}


def test_deletions_of_several_matchers_and_times_add_up(make: Make, clock: ManualClock) -> None:
    store, begin = make(), clock.now_ms()
    run(store, clock, 60)
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    expected = everything(store)
    for minute in range(0, 60, 10):
        times = begin + minute * MINUTE_MS, begin + (minute + 3) * MINUTE_MS
        store.delete(equal(id="1"), *times)
        store.delete(equal(id="1"), *times)
        expected = without(expected, *times, id="1")
    assert metric(store, "tombstones") == 12
    assert everything(store) == expected
    assert everything(make()) == expected


def test_cleaning_takes_the_bytes_off_the_disk(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make()
    run(store, clock, 110)
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    (block,) = files(tmp_path, "*.block")
    size = block.stat().st_size
    store.delete(equal(key="t"), *ALWAYS)
    assert block.stat().st_size == size
    assert len(files(tmp_path, "*.tombstones")) == 1
    left = everything(store)
    store.clean_tombstones()
    (block,) = files(tmp_path, "*")
    assert block.stat().st_size < size
    assert everything(make()) == left
    store = make()
    store.delete(EVERYTHING, *ALWAYS)
    store.clean_tombstones()
    assert files(tmp_path, "*") == []
    assert everything(make()) == {}


def test_a_block_that_is_all_deleted_stays_while_the_wal_has_its_samples(
    make: Make, clock: ManualClock, tmp_path: Path
) -> None:
    """Its file says what replay must leave out."""
    store = make()
    run(store, clock, 3 * 60 + 5)
    store.keeper.maintain()
    run(store, clock, 5)
    assert len(files(tmp_path, "*.block")) == 1
    expected = everything(store, 20_000 * 24 * HOUR_MS + 2 * HOUR_MS)
    store.delete(EVERYTHING, 0, 20_000 * 24 * HOUR_MS + 2 * HOUR_MS - 1)
    store.clean_tombstones()
    store.keeper.maintain()
    assert everything(store) == expected
    assert everything(make()) == expected
    clock.step_wall(24 * 3600)
    store = make()
    store.keeper.maintain()
    store.keeper.maintain()
    assert everything(store) == expected
    assert len(files(tmp_path, "*.block")) == 1


def test_damaged_tombstones_are_set_apart(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make()
    run(store, clock, 30)
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    whole = everything(store)
    store.delete(equal(key="t"), *ALWAYS)
    store.close()
    (path,) = files(tmp_path, "*.tombstones")
    good = path.read_bytes()
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        store = make()
        assert everything(store) == whole, place
        assert metric(store, "blocks_damaged_total") == 1
        (aside,) = files(tmp_path, "*.tombstones-damaged")
        aside.unlink()
    path.write_bytes(good)
    assert everything(make()) == without(whole, *ALWAYS, key="t")


def test_tombstones_without_their_block_go(make: Make, tmp_path: Path) -> None:
    make().close()
    write_tombstones(tmp_path / "store" / "blocks" / "0000000007.block", Tombstones())
    make()
    assert files(tmp_path, "*") == []


def test_tombstones_come_back(tmp_path: Path) -> None:
    block = tmp_path / "1.block"
    assert read_tombstones(block, 5) == Tombstones()
    tombstones = Tombstones().add(-5, 10, np.array([3, 0])).add(20, 1 << 62, np.array([4])).add(-5, 10, np.array([1]))
    assert tombstones.add(-5, 10, np.array([1, 3])) is tombstones
    write_tombstones(block, tombstones)
    found = read_tombstones(block, 5)
    assert [(each.start_ms, each.end_ms, each.series.tolist()) for each in found.graves] == [
        (20, 1 << 62, [4]),
        (-5, 10, [0, 1, 3]),
    ]
    assert found.covering(5, -5, 10).tolist() == [True, True, False, True, False]
    assert found.hits(np.array([0, 2, 4, 4]), np.array([10, 0, 19, 20])).tolist() == [True, False, False, True]


@pytest.mark.parametrize("in_blocks", [False, True])
def test_a_disk_that_refuses_a_deletion_leaves_everything(
    make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, in_blocks: bool
) -> None:
    store = make()
    run(store, clock, 30)
    if in_blocks:
        clock.step_wall(24 * 3600)
        store.keeper.maintain()
    whole = everything(store)

    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refuse)
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OperatingError, match="No space left on device") as caught:
            store.delete(EVERYTHING, *ALWAYS)
        assert caught.value.retryable
    assert everything(store) == whole
    assert everything(make()) == whole


def test_only_what_the_matchers_accept_is_hit(make: Make, clock: ManualClock) -> None:
    store = make()
    run(store, clock, 10)
    whole = everything(store)
    store.delete([Matcher("nobody", MatchOp.EQUAL, "has this")], *ALWAYS)
    store.delete(equal(key="t"), 0, 1)
    assert everything(store) == whole
