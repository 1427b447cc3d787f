"""The WAL: torn tails are cut, damage is set apart, a disk that refuses loses nothing, and nothing comes back wrong."""

from __future__ import annotations

import errno
import logging
import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store import Store, StoreHealth
from fenghuo.metrics.store.records import HEADER, Kind, framed
from fenghuo.metrics.store.wal import SEGMENT_HEADER, SegmentReader, segment_header
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar
from unit.metrics.store.look import bits, everything, is_part, metric, named

Make = Callable[..., Store]


def scrape(store: Store, time_ms: int, value: float, key: str = "t", size: int = 3) -> None:
    target = store.cohort(key)
    rows = target.rows([named("m", key=key, id=str(i)) for i in range(size)])
    target.append(time_ms, rows, np.arange(size) + value)


def fill(store: Store, now_ms: int) -> None:
    """Some of every kind of record."""
    for step in range(6):
        scrape(store, now_ms + step * 1000, float(step // 2), size=3 + step // 3)
        store.append_samples([named("pushed")], np.array([now_ms + step]), np.array([float(step)]))
        store.append_exemplars([(named("m"), Exemplar(Labels({"trace_id": "x"}), 1.0, now_ms + step))])
        scrape(store, now_ms + step * 1000, 0.5, key="u")


def segment(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "store" / "wal").glob("*.wal")
    return path


def test_a_restart_keeps_everything(make: Make, clock: ManualClock) -> None:
    store = make()
    fill(store, clock.now_ms())
    whole = everything(store)
    for _ in range(3):
        store = make()
        assert everything(store) == whole
        assert metric(store, "wal_corruptions_total") == 0
    assert metric(store, "replayed_samples") == sum(len(samples) for samples in whole.values())


def test_appending_goes_on_after_a_restart(make: Make, clock: ManualClock) -> None:
    now = clock.now_ms()
    for number in range(4):
        store = make()
        scrape(store, now + number, float(number), size=1 + number)
    assert everything(make())[named("m", key="t", id="0")] == [(now + i, bits(i)) for i in range(4)]


def test_segments_stand_for_themselves(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    """With any one segment gone, the samples of all others are there."""
    store, now = make(wal_segment_bytes=1 << 16), clock.now_ms()
    for step in range(60):
        scrape(store, now + step, step * 0.1, size=300)
    store.close()
    whole = everything(make())
    segments = sorted((tmp_path / "store" / "wal").glob("*.wal"))
    assert len(segments) > 2
    for victim in segments:
        bytes_ = victim.read_bytes()
        victim.unlink()
        found = everything(make())
        assert is_part(found, whole)
        assert set(found) == set(whole)
        assert 0 < len(found[named("m", key="t", id="0")]) < 60
        victim.write_bytes(bytes_)


def test_a_torn_tail_is_cut_and_counted(
    make: Make, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, now = make(), clock.now_ms()
    scrape(store, now, 1.0)
    store.close()
    whole, path = everything(make()), segment(tmp_path)
    good = path.read_bytes()
    record = framed(Kind.LOOSE, bytes(50))
    for torn in (record[:1], record[: HEADER.size], record[:-1], bytes(40)):
        path.write_bytes(good + torn)
        with caplog.at_level(logging.WARNING):
            store = make()
        assert "cut" in caplog.text
        caplog.clear()
        assert everything(store) == whole
        assert path.read_bytes() == good
        assert metric(store, "wal_corruptions_total") == 1


@pytest.mark.parametrize("header", [b"", segment_header(2)[:9]])
def test_a_segment_without_its_header_goes(make: Make, clock: ManualClock, tmp_path: Path, header: bytes) -> None:
    """As a writer leaves it that was killed when it began one."""
    store = make()
    scrape(store, clock.now_ms(), 1.0)
    store.close()
    whole, path = everything(make()), segment(tmp_path)
    empty = path.with_name("0000000002.wal")
    empty.write_bytes(header)
    store = make()
    assert everything(store) == whole
    assert metric(store, "wal_corruptions_total") == 1
    assert not empty.exists()
    store.keeper.maintain()
    scrape(store, clock.now_ms() + 1, 2.0)
    whole = everything(store)
    store = make()
    assert everything(store) == whole
    assert metric(store, "wal_corruptions_total") == 0


def test_damage_is_kept_aside(make: Make, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store, now = make(), clock.now_ms()
    for step in range(3):
        scrape(store, now + step, float(step))
    store.close()
    path = segment(tmp_path)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with caplog.at_level(logging.ERROR):
        store = make()
    assert "checksum does not fit" in caplog.text
    assert everything(store)[named("m", key="t", id="0")] == [(now, bits(0)), (now + 1, bits(1))]
    (aside,) = path.parent.glob("*.corrupt*")
    assert path.read_bytes() + aside.read_bytes() == bytes(data)
    assert metric(make(), "wal_corruptions_total") == 0


def test_every_flipped_byte_is_an_error_or_a_repaired_start(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    """``FENGHUO_FLIPS=all`` flips a bit of every byte."""
    store = make()
    fill(store, clock.now_ms())
    store.close()
    whole, directory, kept = everything(make()), tmp_path / "store", tmp_path / "kept"
    make().close()
    shutil.copytree(directory, kept)
    good = segment(tmp_path).read_bytes()
    chance = random.Random(7)
    sampled = {*range(SEGMENT_HEADER.size + 2 * HEADER.size), *chance.sample(range(len(good)), 120)}
    for place in range(len(good)) if os.environ.get("FENGHUO_FLIPS") == "all" else sorted(sampled):
        shutil.rmtree(directory)
        shutil.copytree(kept, directory)
        damaged = bytearray(good)
        damaged[place] ^= 1 << chance.randrange(8)
        segment(tmp_path).write_bytes(damaged)
        try:
            store = make()
        except OperatingError as error:
            assert place == 5, "only the format version may stop the start"
            assert "newer version" in str(error)  # noqa: PT017
            shutil.rmtree(directory)
            shutil.copytree(kept, directory)
            continue
        found = everything(store)
        assert is_part(found, whole), place
        assert found != whole or place < SEGMENT_HEADER.size, place
        assert metric(store, "wal_corruptions_total") == 1, place


def test_an_unknown_record_kind_stops_the_start(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make()
    scrape(store, clock.now_ms(), 1.0)
    store.close()
    path = segment(tmp_path)
    good = path.read_bytes()
    path.write_bytes(good + framed(17, b"histogram"))  # type: ignore[arg-type]
    with pytest.raises(OperatingError, match="kind 17"):
        make()
    assert path.read_bytes() == good + framed(17, b"histogram")  # type: ignore[arg-type]
    path.write_bytes(good)


def test_the_reader_tells_torn_from_damaged() -> None:
    first, second = framed(Kind.LOOSE, b"abc"), framed(Kind.SERIES, b"defg")
    data = segment_header(3) + first + second
    reader = SegmentReader(data, 3)
    assert [(kind, bytes(body)) for kind, body in reader] == [(Kind.LOOSE, b"abc"), (Kind.SERIES, b"defg")]
    assert reader.damage is None
    for end in range(len(data) - len(second) + 1, len(data)):
        reader = SegmentReader(data[:end], 3)
        assert len(list(reader)) == 1
        assert reader.damage is not None
        assert (reader.damage.torn, reader.damage.offset) == (True, len(data) - len(second))
    wrong = SegmentReader(data, 4)
    assert list(wrong) == []
    assert wrong.damage is not None
    assert not wrong.damage.torn


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    """Sets how large a file this process may write: a disk that is full, without being root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_keeps_nothing_and_recovers(
    make: Make, clock: ManualClock, tmp_path: Path, file_size_limit: Callable[[int], None]
) -> None:
    store, now = make(), clock.now_ms()
    scrape(store, now, 1.0)
    whole = everything(store)
    size = segment(tmp_path).stat().st_size
    for room in (0, 5, 60):  # Nothing of the next record fits, or a part of it.
        file_size_limit(size + room)
        with pytest.raises(OperatingError, match="cannot be written") as caught:
            scrape(store, now + 1, 2.0, size=50)
        assert caught.value.retryable
        with pytest.raises(OperatingError, match="resumes by itself"):
            store.append_samples([named("pushed")] * 9, np.arange(now, now + 9), np.zeros(9))
        assert everything(store) == whole
        assert store.series([], now, now + 9) == sorted(whole)
        assert "appending resumes by itself" in store.health().troubles[0]
        assert store.health().last_append_ms == now
    clock.step_wall(1)
    file_size_limit(resource.RLIM_INFINITY)
    scrape(store, now + 1, 2.0, size=50)
    assert store.health() == StoreHealth((), now + 1000, 0)
    scrape(store, now + 2, 3.0, size=50)
    after = everything(store)
    assert after[named("m", key="t", id="0")] == [(now, bits(1)), (now + 1, bits(2)), (now + 2, bits(3))]
    reopened = make()
    assert everything(reopened) == after
    assert metric(reopened, "wal_corruptions_total") == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_what_a_refusing_system_call_leaves_behind_is_cut_off(
    make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A write that fails half way, and then cannot even be cut off until later."""
    store, now = make(), clock.now_ms()
    scrape(store, now, 1.0)
    write, truncate = os.pwrite, os.ftruncate

    def half(descriptor: int, data: bytes, offset: int) -> int:
        write(descriptor, data[: len(data) // 2], offset)
        raise OSError(number, os.strerror(number))

    def refuse(descriptor: int, size: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        patch.setattr(os, "ftruncate", refuse)
        for _ in range(2):
            with pytest.raises(OperatingError):
                scrape(store, now + 1, 2.0)
        patch.setattr(os, "pwrite", write)
        with pytest.raises(OperatingError):
            scrape(store, now + 1, 2.0)
    assert os.ftruncate is truncate
    scrape(store, now + 1, 9.0)
    expected = everything(store)
    assert expected[named("m", key="t", id="0")] == [(now, bits(1)), (now + 1, bits(9))]
    reopened = make()
    assert everything(reopened) == expected
    assert metric(reopened, "wal_corruptions_total") == 0


def test_a_failing_fsync_is_counted_and_tried_again(
    make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(fsync_interval_ms=3_600_000)
    scrape(store, clock.now_ms(), 1.0)
    calls = []

    def refuse(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", refuse)
        store.keeper.sync()
        store.keeper.sync()
    assert len(calls) == 2
    assert metric(store, "wal_write_failures_total") == 2
    assert "cannot be forced to the disk" in store.health().troubles[0]
    store.keeper.sync()
    assert store.health().troubles == ()
    assert metric(store, "wal_fsync_duration_seconds_count") == 3
