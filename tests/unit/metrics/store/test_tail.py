"""Following the WAL: what is read is what was appended, from any position, while segments come and go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store
from fenghuo.metrics.store.tail import SegmentTail, WalTail
from fenghuo.metrics.store.wal import KEPT_SUFFIX, SUFFIX
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import STALE_NAN, STALE_NAN_BITS, Exemplar
from fenghuo.model.tailed import Exemplars, Named, Position, Samples

Sample = tuple[str, int, int]
"""Labels, time, and the bits of the value."""


def bits(value: float) -> int:
    return int(np.array([value]).view(np.int64)[0])


def read(tail: WalTail, number: int, until: int | None = None, skip: int = 0) -> list[Sample]:
    """Every sample of a segment behind byte ``skip``, in order."""
    reader = tail.open(number)
    assert reader is not None
    with reader:
        found = samples_of(reader, tail.size_of(number) if until is None else until, skip)
        assert reader.damage == ""
        return found


def samples_of(reader: SegmentTail, until: int, skip: int = 0) -> list[Sample]:
    names: list[Labels] = []
    found: list[Sample] = []
    for item in reader.read(until):
        if isinstance(item, Named):
            names += item.labels
        elif isinstance(item, Samples) and reader.offset > skip:
            values = np.ascontiguousarray(item.values).view(np.int64).tolist()
            rows = zip(item.series.tolist(), item.times_ms.tolist(), values, strict=True)
            found += [(str(names[series]), time_ms, value) for series, time_ms, value in rows]
    return found


def series(*names: str) -> list[Labels]:
    return [Labels({"__name__": name}) for name in names]


def scrape(store: Store, key: str, time_ms: int, **values: float) -> list[Sample]:
    cohort = store.cohort(key)
    rows = cohort.rows(series(*values))
    assert cohort.append(time_ms, rows, np.array(list(values.values()))).rejected == {}
    return [(name, time_ms, bits(value)) for name, value in values.items()]


@pytest.fixture
def store(make: Callable[..., Store]) -> Store:
    return make()


def test_scrapes_of_every_kind_and_loose_samples_come_out_as_they_went_in(store: Store, clock: ManualClock) -> None:
    now_ms = clock.now_ms()
    wide = {f"m{number}": float(number) for number in range(40)}
    written = scrape(store, "a", now_ms, **wide)
    written += scrape(store, "b", now_ms + 1, up=1.0)
    written += scrape(store, "a", now_ms + 2, **{**wide, "m3": STALE_NAN})  # Only changes are written.
    written += scrape(store, "a", now_ms + 3, **{name: value + 0.5 for name, value in wide.items()})
    written += scrape(store, "a", now_ms + 4, m7=7.0, later=8.0)
    store.append_samples(series("x", "up"), np.array([now_ms + 9, now_ms + 8]), np.array([1.5, 2.5]))
    written += [("up", now_ms + 8, bits(2.5)), ("x", now_ms + 9, bits(1.5))]
    tail = store.tail()

    assert sorted(read(tail, tail.end.segment)) == sorted(written)
    assert STALE_NAN_BITS in {value for _, _, value in read(tail, tail.end.segment)}


def test_a_reader_follows_what_is_written_behind_its_back(store: Store, clock: ManualClock) -> None:
    first = scrape(store, "a", clock.now_ms(), up=1.0, down=0.0)
    tail = store.tail()
    reader = tail.open(tail.end.segment)
    assert reader is not None
    names: list[Labels] = []
    with reader:
        items = list(reader.read(tail.end.offset))
        assert reader.offset == tail.end.offset
        names += [name for item in items if isinstance(item, Named) for name in item.labels]
        second = scrape(store, "a", clock.now_ms() + 5, up=2.0, down=0.0)
        third = scrape(store, "b", clock.now_ms() + 5, fresh=3.0)
        more = list(reader.read(tail.end.offset))

    assert [len(item.series) for item in items if isinstance(item, Samples)] == [len(first)]
    names += [name for item in more if isinstance(item, Named) for name in item.labels]
    found = [
        (str(names[series]), time_ms)
        for item in more
        if isinstance(item, Samples)
        for series, time_ms in zip(item.series.tolist(), item.times_ms.tolist(), strict=True)
    ]
    assert found == [(name, time_ms) for name, time_ms, _ in second + third]


def test_every_record_boundary_is_a_place_to_go_on_from(store: Store, clock: ManualClock) -> None:
    written: list[Sample] = []
    boundaries: list[tuple[int, int]] = []
    tail = store.tail()
    for step in range(30):
        boundaries.append((tail.end.offset, len(written)))
        written += scrape(store, f"cohort{step % 3}", clock.now_ms() + step, a=step / 2, b=1.0, **{f"c{step % 7}": 1.0})
    number = tail.end.segment

    for offset, before in boundaries:
        assert read(tail, number, skip=offset) == written[before:]


def test_a_record_longer_than_what_is_read_at_once_is_read_whole(store: Store, clock: ManualClock) -> None:
    wide = {f"metric_{number}": number / 3 for number in range(150_000)}
    written = scrape(store, "wide", clock.now_ms(), **wide)
    tail = store.tail()

    assert tail.end.offset > 3 << 20
    assert read(tail, tail.end.segment) == written


def test_exemplars_come_with_the_labels_of_their_series(store: Store, clock: ManualClock) -> None:
    (labels,) = series("x")
    exemplar = Exemplar(Labels({"trace_id": "abc"}), 0.25, clock.now_ms())
    store.append_exemplars([(labels, exemplar)])
    tail = store.tail()
    reader = tail.open(tail.end.segment)
    assert reader is not None
    with reader:
        assert list(reader.read(tail.end.offset)) == [Exemplars([(labels, exemplar)])]


def test_an_exemplar_that_is_shown_again_is_neither_kept_nor_passed_on(store: Store, clock: ManualClock) -> None:
    (labels,) = series("x")
    shown = [
        Exemplar(Labels({"trace_id": "abc"}), 0.25, clock.now_ms()),
        Exemplar(Labels({"trace_id": "abc"}), 0.5),
        Exemplar(Labels({"trace_id": "def"}), 0.5),
    ]
    for each in shown:
        for _ in range(3):
            clock.step_wall(15)
            store.append_exemplars([(labels, each)])
    tail = store.tail()
    reader = tail.open(tail.end.segment)
    assert reader is not None
    with reader:
        passed = [
            each for item in reader.read(tail.end.offset) if isinstance(item, Exemplars) for _, each in item.found
        ]
    assert [(each.labels, each.value) for each in passed] == [(each.labels, each.value) for each in shown]
    assert [each.time_ms for each in passed] == [shown[0].time_ms, clock.now_ms() - 75_000, clock.now_ms() - 30_000]
    assert store.exemplars([[Matcher(METRIC_NAME, MatchOp.EQUAL, "x")]], 0, 1 << 60) == [(labels, passed)]


def test_a_new_segment_begins_with_each_start_and_the_old_ones_are_there(
    make: Callable[..., Store], clock: ManualClock
) -> None:
    first = scrape(make(), "a", clock.now_ms(), up=1.0)
    again = make()
    second = scrape(again, "a", clock.now_ms() + 1, up=2.0)
    tail = again.tail()
    numbers = [number for number, _ in tail.sizes()]

    assert [read(tail, number) for number in numbers] == [first, second]
    assert tail.end == Position(numbers[-1], tail.size_of(numbers[-1]))


async def cut(store: Store, clock: ManualClock) -> None:
    """Let all that is in the head go to a block."""
    await clock.advance(4 * 3600)
    store.keeper.maintain()


@pytest.mark.anyio
async def test_what_somebody_follows_is_kept_over_cuts_and_starts(
    make: Callable[..., Store], clock: ManualClock, tmp_path: Path
) -> None:
    store = make()
    written = scrape(store, "a", clock.now_ms(), up=1.0)
    tail = store.tail()
    number = tail.end.segment
    reader = tail.open(number)
    assert reader is not None
    tail.keep_from(number)
    await cut(store, clock)
    (kept,) = (tmp_path / "store" / "wal").glob(f"*{KEPT_SUFFIX}")

    assert read(tail, number) == written
    assert samples_of(reader, tail.size_of(number)) == written  # It was opened under the old name.
    reader.close()

    later = make()
    assert read(later.tail(), number) == written
    assert later.select([], clock.now_ms() - 5 * 3600_000, clock.now_ms()).labels.size == 1

    later.tail().keep_from(number + 1)
    assert not kept.exists()
    assert later.tail().open(number) is None


@pytest.mark.anyio
async def test_what_nobody_follows_is_deleted(store: Store, clock: ManualClock, tmp_path: Path) -> None:
    scrape(store, "a", clock.now_ms(), up=1.0)
    await cut(store, clock)

    assert list((tmp_path / "store" / "wal").glob("*")) == []


@pytest.mark.parametrize("where", [0, 0.3, 0.6, 0.9])
def test_damage_ends_a_segment_and_says_where(store: Store, clock: ManualClock, tmp_path: Path, where: float) -> None:
    written: list[Sample] = []
    for step in range(50):
        written += scrape(store, "a", clock.now_ms() + step, a=step / 3, b=step / 7)
    tail = store.tail()
    size = tail.end.offset
    (path,) = (tmp_path / "store" / "wal").glob(f"*{SUFFIX}")
    data = bytearray(path.read_bytes())
    data[int(size * where)] ^= 0x10
    path.write_bytes(data)
    reader = tail.open(tail.end.segment)
    assert reader is not None
    with reader:
        found = samples_of(reader, size)

        assert found == written[: len(found)]
        assert len(found) < len(written)
        assert "at byte" in reader.damage or "header is damaged" in reader.damage
        assert samples_of(reader, size) == []  # Nothing is read beyond it.


def test_a_segment_that_became_shorter_is_damage(store: Store, clock: ManualClock, tmp_path: Path) -> None:
    scrape(store, "a", clock.now_ms(), up=1.0)
    tail = store.tail()
    (path,) = (tmp_path / "store" / "wal").glob(f"*{SUFFIX}")
    path.write_bytes(path.read_bytes()[:20])
    reader = tail.open(tail.end.segment)
    assert reader is not None
    with reader:
        assert samples_of(reader, tail.end.offset) == []
        assert "ends at byte 20" in reader.damage
