"""Reports on a store's files: sums that fit the file, and damage by its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store
from fenghuo.metrics.store.block import read_block
from fenghuo.metrics.store.inspection import Flaw, Share, inspect_block, inspect_segment
from unit.metrics.store.look import equal, everything, named

Make = Callable[..., Store]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(20_000 * 86_400_000)


@pytest.fixture
def directory(make: Make, clock: ManualClock, tmp_path: Path) -> Path:
    """A store with a block of two hours, deletions, and the WAL of the minutes after it."""
    store = make()
    cohort = store.cohort("t")
    rows = cohort.rows([*(named("m", id=str(i)) for i in range(3)), named("still")])
    for minute in range(3 * 60 + 10):
        cohort.append(clock.now_ms(), rows, np.array([minute, minute / 10, minute / 7, 5.0]))
        if minute % 2:
            store.append_samples([named("pushed")], np.array([clock.now_ms() - 1]), np.ones(1))
        clock.step_wall(60)
    store.keeper.maintain()
    assert len(everything(store)) == 5
    store.delete(equal(id="1"), 0, 1 << 62)
    return tmp_path / "store"


def test_a_report_on_a_block(directory: Path) -> None:
    (path,) = (directory / "blocks").glob("*.block")
    report = inspect_block(path, verify=True)
    assert (report.series, report.cohorts, report.loose_series, report.chunks) == (5, 1, 1, 2)
    assert (report.samples, report.tombstones, report.origin) == (120 * 4 + 60, 1, "head")
    assert (report.first_ms, report.last_ms) == (20_000 * 86_400_000, 20_000 * 86_400_000 + 119 * 60_000)
    assert sum(part.bytes for part in report.parts) == report.size_bytes == path.stat().st_size
    rows = next(part for part in report.parts if part.name == "rows")
    assert sum(kind.bytes for kind in report.rows) == sum(metric.bytes for metric in report.metrics) == rows.bytes
    assert {kind.name: kind.count for kind in report.rows} == {"constant": 2, "floats": 1, "decimals": 2}
    assert {metric.name: metric.count for metric in report.metrics} == {"m": 3, "pushed": 1, "still": 1}
    assert report.labels == [Share("__name__", 3, 12), Share("id", 3, 3)]
    assert (report.verified, report.flaws) == (True, [])


def test_damage_is_named_by_its_place(directory: Path) -> None:
    (path,) = (directory / "blocks").glob("*.block")
    good = path.read_bytes()
    arrays = read_block(path).index.arrays
    row = int(arrays["chunk_offset"][0] + arrays["chunk_times_size"][0])
    index = int(len(good) - 32 - int.from_bytes(good[-24:-16], "little"))

    def flipped(place: int) -> list[Flaw]:
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        return inspect_block(path, verify=True).flaws

    assert [flaw.offset for flaw in flipped(0)] == [0]
    assert [(flaw.offset, "times" in flaw.what) for flaw in flipped(12)] == [(8, True)]
    assert [(flaw.offset, "row" in flaw.what) for flaw in flipped(row)] == [(row, True)]
    assert [(flaw.offset, "index" in flaw.what) for flaw in flipped(len(good) - 60)] == [(index, True)]
    assert [(flaw.offset, "footer" in flaw.what) for flaw in flipped(len(good) - 12)] == [(len(good) - 32, True)]


def test_a_report_on_a_segment(directory: Path) -> None:
    path = max((directory / "wal").glob("*.wal"))
    report = inspect_segment(path)
    assert report.flaws == []
    assert (report.number, report.size_bytes) == (int(path.stem), path.stat().st_size)
    assert {share.name for share in report.records} <= {"series", "cohort", "delete"}
    path = min((directory / "wal").glob("*.wal"))
    report = inspect_segment(path)
    assert (report.series, report.cohorts) == (5, 1)
    assert report.samples == 190 * 4 + 95
    assert report.first_ms == 20_000 * 86_400_000
    assert sum(share.bytes for share in report.records) + 20 == report.size_bytes
    good = path.read_bytes()
    path.write_bytes(good[:-3])
    assert [flaw.torn for flaw in inspect_segment(path).flaws] == [True]
    path.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    (flaw,) = inspect_segment(path).flaws
    assert (flaw.offset <= 200, flaw.torn) == (True, False)
