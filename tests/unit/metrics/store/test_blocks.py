"""Blocks: cut from the head, merged, kept for as long as retention says, and set apart when damaged."""

from __future__ import annotations

import errno
import logging
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store import Store, block_write
from fenghuo.metrics.store.block import read_block
from fenghuo.metrics.store.block_format import FOOTER_SIZE, Cuts, parse_footer
from fenghuo.metrics.store.blocks import merge_ranges_ms
from fenghuo.model.sample import STALE_NAN
from fenghuo.model.selection import DenseBlock
from unit.metrics.store.look import bits, equal, everything, is_part, look, metric, named

Make = Callable[..., Store]
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def clock() -> ManualClock:
    """At the beginning of a day, so that slices and windows are whole."""
    return ManualClock(20_000 * 24 * HOUR_MS)


def run(store: Store, clock: ManualClock, minutes: int, size: int = 5, step_min: int = 1) -> None:
    """Scrape every minute, with series that come and go, pushed samples and staleness markers."""
    target, other = store.cohort("t"), store.cohort("u")
    rows = target.rows([named("m", id=str(i)) for i in range(size)])
    lone = other.rows([named("up")])
    for minute in range(0, minutes, step_min):
        now = clock.now_ms()
        present = rows if minute % 7 else rows[: size // 2]
        values = np.arange(len(present)) + minute * 0.25
        if minute % 11 == 0:
            values[-1] = STALE_NAN
        target.append(now, present, values)
        other.append(now, lone, np.array([1.0]))
        store.append_samples([named("pushed"), named("up")], np.array([now + 1, now + 2]), np.array([minute, 0.0]))
        clock.step_wall(60 * step_min)


def block_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store" / "blocks").glob("*.block"))


def test_the_head_becomes_blocks_and_answers_stay_the_same(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make(max_block_duration="2h")
    start = clock.now_ms()
    run(store, clock, 7 * 60)
    whole = everything(store)
    store.keeper.maintain()
    assert len(block_files(tmp_path)) == 3
    assert everything(store) == whole
    window = (start + 90 * MINUTE_MS + 1, start + 130 * MINUTE_MS)
    part = {labels: [s for s in samples if window[0] <= s[0] <= window[1]] for labels, samples in whole.items()}
    assert everything(store, *window) == {labels: samples for labels, samples in part.items() if samples}
    store = make()
    assert everything(store) == whole
    run(store, clock, 30)
    assert everything(store, 0, start + 7 * 60 * MINUTE_MS - 1) == whole
    whole = everything(store)
    assert everything(make()) == whole


def test_memory_and_wal_shrink_when_a_block_is_cut(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make(max_block_duration="2h")
    for _ in range(3):
        run(store, clock, 4 * 60)
        store.keeper.maintain()
        assert metric(store, "head_pages") < 12
        assert len(list((tmp_path / "store" / "wal").iterdir())) <= 2
    assert metric(store, "blocks_written_total") == 5


def test_a_large_cohort_comes_dense_across_blocks_and_head(make: Make, clock: ManualClock) -> None:
    store, start = make(max_block_duration="2h"), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("m", id=str(i)) for i in range(50)])
    clock.step_wall(5 * 3600)
    for minute in range(300):
        target.append(start + minute * MINUTE_MS, rows, np.arange(50.0) + minute)
    store.keeper.maintain()
    assert metric(store, "blocks") == 2
    (block,) = store.select(equal(name_="m"), start, clock.now_ms()).blocks
    assert isinstance(block, DenseBlock)
    assert block.values.shape == (50, 300)
    assert np.array_equal(block.values, np.arange(50.0)[:, None] + np.arange(300))


def test_neighbours_are_merged(make: Make, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute's step gives more columns than a chunk of this test holds: 500, and 300 of the cohort of five series."""
    monkeypatch.setattr(block_write, "CHUNK_COLUMNS", 500)
    monkeypatch.setattr(block_write, "CHUNK_CELLS", 1500)
    store = make()
    run(store, clock, 26 * 60)
    whole = everything(store)
    store.keeper.maintain()
    (block,) = block_files(tmp_path)
    chunks = read_block(block).index.arrays["chunk_columns"].tolist()
    assert (chunks.count(300), chunks.count(500) >= 2, max(chunks)) == (4, True, 500)
    assert metric(store, "blocks") == 1
    assert everything(store) == whole
    assert everything(make()) == whole


def test_ranges_for_merging() -> None:
    assert merge_ranges_ms(2 * HOUR_MS, 24 * HOUR_MS) == [6 * HOUR_MS, 24 * HOUR_MS]
    assert merge_ranges_ms(2 * HOUR_MS, 3 * HOUR_MS) == []


def test_late_samples_after_a_cut_are_kept_over_restart_and_the_next_cut(make: Make, clock: ManualClock) -> None:
    store, start = make(), clock.now_ms()
    run(store, clock, 3 * 60 + 1)
    store.keeper.maintain()
    assert metric(store, "blocks") == 1
    clock.step_wall(-2 * 3600)
    late = start + 60 * MINUTE_MS + 777
    assert store.append_samples([named("late"), named("m", id="0")], np.full(2, late), np.ones(2)).accepted == 2
    clock.step_wall(2 * 3600)
    whole = everything(store)
    assert (late, bits(1)) in whole[named("m", id="0")]
    store = make()
    assert everything(store) == whole
    store.keeper.maintain()
    assert metric(store, "blocks") == 2
    assert everything(store) == whole
    assert everything(make()) == whole


def test_retention_by_age(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make(retention_ms=12 * HOUR_MS)
    run(store, clock, 8 * 60, step_min=5)
    store.keeper.maintain()
    clock.step_wall(9 * 3600)
    store.keeper.maintain()
    found = everything(store)
    assert min(time for samples in found.values() for time, _ in samples) >= clock.now_ms() - 14 * HOUR_MS
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    assert everything(store) == {}
    assert block_files(tmp_path) == []
    assert store.statistics().head_series == 0


def test_retention_by_size_drops_the_oldest(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make(max_block_duration="2h")
    run(store, clock, 11 * 60)
    store.keeper.maintain()
    files = block_files(tmp_path)
    assert len(files) == 5
    keep = sum(path.stat().st_size for path in files[-2:])
    store = make(max_block_duration="2h", retention_size=f"{keep}B")
    store.keeper.maintain()
    assert block_files(tmp_path) == files[-2:]


def test_what_retention_by_size_dropped_stays_away_after_a_restart(make: Make, clock: ManualClock) -> None:
    """A bound that not even one block keeps: the newest stays while the WAL has its samples, too."""
    settings = {"max_block_duration": "2h", "retention_size": "1B"}
    store = make(**settings)
    run(store, clock, 7 * 60)
    store.keeper.maintain()
    left = everything(store)
    assert 0 < metric(store, "blocks") < 3
    store = make(**settings)
    store.keeper.maintain()
    assert everything(store) == left


@pytest.mark.parametrize("by_size", [False, True])
def test_of_blocks_that_overlap_the_one_that_ends_first_goes_first(
    make: Make, clock: ManualClock, tmp_path: Path, by_size: bool
) -> None:
    """As an import leaves them: one begins before the other, and ends after it."""
    store, start = make(max_block_duration="1d"), clock.now_ms()
    clock.step_wall(48 * 3600)
    sizes = []
    for name, first_h, last_h in (("long", 0, 23), ("short", 5, 8)):
        times = np.arange(start + first_h * HOUR_MS, start + last_h * HOUR_MS, MINUTE_MS)
        work = store.backfill()
        work.add([named(name)], np.zeros(len(times), dtype=np.int64), times, np.arange(len(times)) / 7)
        work.finish()
        sizes.append(block_files(tmp_path)[-1].stat().st_size)
    if by_size:
        store = make(max_block_duration="1d", retention_size=f"{sizes[0]}B")
    else:
        store = make(max_block_duration="1d", retention_ms=clock.now_ms() - start - 12 * HOUR_MS)
    store.keeper._retain()
    assert set(everything(store)) == {named("long")}


def test_series_that_nothing_knows_are_forgotten_and_their_numbers_used_again(make: Make, clock: ManualClock) -> None:
    store = make(retention_ms=4 * HOUR_MS)
    for number in range(30):
        target = store.cohort(f"t{number}")
        target.append(clock.now_ms(), target.rows([named("m", run=str(number))]), np.array([float(number)]))
        del target
        clock.step_wall(3600)
        store.keeper.maintain()
        assert metric(store, "series") <= 8
    found = everything(store)
    assert all(samples[-1][1] == bits(int(labels["run"])) for labels, samples in found.items())
    assert everything(make(retention_ms=4 * HOUR_MS)) == found


def test_a_full_disk_while_a_block_is_written(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make()
    run(store, clock, 4 * 60)
    whole, real = everything(store), os.fsync

    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        store.keeper.maintain()
    assert os.fsync is real
    assert list((tmp_path / "store" / "blocks").iterdir()) == []
    assert metric(store, "block_write_failures_total") == 1
    assert everything(store) == whole
    store.keeper.maintain()
    assert everything(store) == whole
    assert metric(store, "blocks") == 1


def test_a_fault_while_a_block_is_written_is_tried_again(make: Make, clock: ManualClock) -> None:
    store = make()
    run(store, clock, 4 * 60)
    whole = everything(store)

    def break_down(*args: object) -> None:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fenghuo.metrics.store.keeper.write_block", break_down)
        with pytest.raises(ZeroDivisionError):
            store.keeper.maintain()
    store.keeper.maintain()
    assert everything(store) == whole
    assert metric(store, "blocks") == 1


def test_every_flipped_byte_of_a_block_costs_its_row_its_chunk_or_the_block(
    make: Make, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And never gives a wrong value. ``FENGHUO_FLIPS=all`` flips a bit of every byte."""
    store = make(max_block_duration="2h")
    run(store, clock, 7 * 60)
    whole = everything(store)
    store.keeper.maintain()
    store.close()
    victim = block_files(tmp_path)[1]
    good = victim.read_bytes()
    index = read_block(victim).index
    chunks = zip(index.arrays["chunk_offset"].tolist(), index.arrays["chunk_times_size"].tolist(), strict=True)
    times = {place for offset, size in chunks for place in range(offset, offset + size)}
    frame = len(good) - FOOTER_SIZE - parse_footer(victim, good[-FOOTER_SIZE:], len(good) - FOOTER_SIZE)[1]
    chance = random.Random(11)
    sampled = {*range(8), *range(len(good) - 40, len(good)), *chance.sample(range(len(good)), 60)}
    block = {labels: [s for s in samples if 2 <= (s[0] // HOUR_MS) % 24 < 4] for labels, samples in whole.items()}
    for place in range(len(good)) if os.environ.get("FENGHUO_FLIPS") == "all" else sorted(sampled):
        damaged = bytearray(good)
        damaged[place] ^= 1 << chance.randrange(8)
        victim.write_bytes(damaged)
        caplog.clear()
        try:
            store = make()
        except OperatingError as error:
            assert place == 7, "only the format version may stop the start"
            assert "newer" in str(error)  # noqa: PT017
            continue
        with caplog.at_level(logging.ERROR):
            found = everything(store)
            assert everything(store) == found
        lost = {labels: set(samples) - set(found.get(labels, [])) for labels, samples in whole.items()}
        assert is_part(found, whole), place
        assert metric(store, "blocks_damaged_total") == 1, place
        if 8 <= place < frame:
            assert all(each <= set(block[labels]) for labels, each in lost.items()), place
            assert place in times or sum(bool(each) for each in lost.values()) == 1, place
            assert found != whole
            assert victim.exists()
        else:
            assert lost == {labels: set(samples) for labels, samples in block.items()}
            victim.with_suffix(".damaged").unlink()
        assert len(caplog.records) == 1
        assert "damage" in caplog.text
    victim.write_bytes(good)
    assert everything(make()) == whole


def test_merging_keeps_what_is_good_of_a_damaged_block(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make(max_block_duration="2h")
    run(store, clock, 8 * 60)
    store.keeper.maintain()
    store.close()
    victim = block_files(tmp_path)[1]
    good = victim.read_bytes()
    offset = int(read_block(victim).index.arrays["chunk_offset"][-1])
    victim.write_bytes(good[: offset + 3] + bytes([good[offset + 3] ^ 1]) + good[offset + 4 :])
    store = make()
    left = everything(store)
    clock.step_wall(3600)
    store.keeper.maintain()
    assert len(block_files(tmp_path)) < 4
    assert victim.with_suffix(".damaged").stat().st_size == len(good)
    assert everything(store) == left
    assert everything(make()) == left


def test_a_disk_that_cannot_be_read_stops_a_merge(
    make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not give now it may give later, so that nothing is written without it."""
    store = make(max_block_duration="2h")
    run(store, clock, 8 * 60)
    store.keeper.maintain()
    clock.step_wall(3600)
    store = make()
    whole, real = everything(store), os.pread

    merged = {block.file._descriptor for block in store._parts.blocks.blocks}

    def refuse(descriptor: int, size: int, offset: int) -> bytes:
        if descriptor in merged:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, size, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", refuse)
        assert everything(store) != whole
        store.keeper.maintain()
    assert os.pread is real
    assert "cannot be read" in store.health().troubles[0]
    assert metric(store, "blocks") == len(merged) + 1, "the head was cut"
    store.keeper.maintain()
    assert metric(store, "blocks") < len(merged)
    assert store.health().troubles == ()
    assert everything(store) == whole


def test_a_block_that_was_replaced_goes_at_the_next_start(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    """As after a crash between the appearance of a merged block and the deletion of what it replaces."""
    store = make(max_block_duration="2h")
    run(store, clock, 8 * 60)
    whole = everything(store)
    store.keeper.maintain()
    old = {path: path.read_bytes() for path in block_files(tmp_path)}
    clock.step_wall(3600)
    store = make()
    store.keeper.maintain()
    assert len(block_files(tmp_path)) < len(old)
    for path, data in old.items():
        path.write_bytes(data)
    assert everything(make()) == whole
    assert len(block_files(tmp_path)) < len(old)


def test_a_leftover_of_a_killed_writer_goes(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    make().close()
    (tmp_path / "store" / "blocks" / "0000000009.tmp").write_bytes(b"half")
    make()
    assert list((tmp_path / "store" / "blocks").iterdir()) == []


def test_readers_finish_on_a_deleted_block(make: Make, clock: ManualClock) -> None:
    store = make(retention_ms=6 * HOUR_MS)
    run(store, clock, 4 * 60)
    store.keeper.maintain()
    reading = [*store._parts.blocks.blocks]
    clock.step_wall(48 * 3600)
    store.keeper.maintain()
    assert everything(store) == {}
    assert reading[0].plan(reading[0].sids, 0, 1 << 62).read()


@pytest.mark.parametrize(
    ("pairs", "covered"),
    [
        ([], {0: None, 5: None}),
        ([(5, 100)], {4: 100, 5: None}),
        ([(5, 100), (7, 50)], {4: 100, 5: 50, 6: 50, 7: None}),
        ([(5, 50), (7, 100)], {4: 100, 6: 100, 7: None}),
    ],
)
def test_cuts(pairs: list[tuple[int, int]], covered: dict[int, int | None]) -> None:
    cuts = Cuts.of(pairs)
    for segment, until_ms in covered.items():
        assert cuts.covered_ms(segment) == (-(1 << 63) if until_ms is None else until_ms)
    assert Cuts.of(reversed(pairs)) == cuts


def test_a_selection_of_some_series_reads_only_them(make: Make, clock: ManualClock) -> None:
    store = make()
    run(store, clock, 4 * 60)
    whole = everything(store)
    store.keeper.maintain()
    found = look(store.select(equal(name_="m", id="3"), 0, 1 << 62))
    assert found == {named("m", id="3"): whole[named("m", id="3")]}


def test_a_cohort_with_other_series_after_a_restart(make: Make, clock: ManualClock) -> None:
    """A block knows series of the cohort that the head, started anew, does not."""
    store = make()
    target = store.cohort("t")
    target.append(clock.now_ms(), target.rows([named("a"), named("b")]), np.array([1.0, 2.0]))
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    store = make()
    target = store.cohort("t")
    target.append(clock.now_ms(), target.rows([named("b")]), np.array([3.0]))
    first, last = clock.now_ms() - 24 * HOUR_MS, clock.now_ms()
    assert everything(store) == {named("a"): [(first, bits(1))], named("b"): [(first, bits(2)), (last, bits(3))]}


def test_duplicates_are_found_in_blocks_and_order_is_known_after_a_restart(make: Make, clock: ManualClock) -> None:
    store, start = make(), clock.now_ms()
    pushed = [named("a")] * 3
    times = start + np.array([0, 1, 2]) * MINUTE_MS
    store.append_samples(pushed, times, np.array([1.0, 2.0, 3.0]))
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    for _ in range(2):
        again = store.append_samples(pushed, times, np.array([1.0, 9.0, 9.0]))
        assert (again.accepted, again.rejected) == (1, {"duplicate_timestamp": 2})
        old = store.append_samples(pushed[:1], np.array([start - HOUR_MS]), np.ones(1))
        assert old.rejected == {"too_old": 1}
        store = make()
    assert everything(store) == {named("a"): [(int(t), bits(v)) for t, v in zip(times, (1, 2, 3), strict=True)]}
