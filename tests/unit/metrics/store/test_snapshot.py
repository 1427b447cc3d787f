"""A snapshot is the store of one moment, whatever happens to the store afterwards."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store import Store, StoreSettings
from unit.metrics.store.look import EVERYTHING, Samples, equal, everything, named

Make = Callable[..., Store]
DAY_MS = 86_400_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(20_000 * DAY_MS)


def run(store: Store, clock: ManualClock, minutes: int) -> None:
    cohort = store.cohort("t")
    rows = cohort.rows([named("m", id=str(i)) for i in range(3)])
    for _ in range(minutes):
        cohort.append(clock.now_ms(), rows, np.arange(3.0) + clock.now_ms() % 977)
        store.append_samples([named("pushed")], np.array([clock.now_ms()]), np.ones(1))
        clock.step_wall(60)


def opened(directory: Path, clock: ManualClock) -> Samples:
    store = Store.open(directory, StoreSettings(), clock, CollectorRegistry())
    try:
        return everything(store)
    finally:
        store.close()


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_a_snapshot_keeps_what_the_store_loses(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make(max_block_duration="2h")
    run(store, clock, 200)
    store.keeper.maintain()
    store.delete(equal(id="0"), 0, 20_000 * DAY_MS + 50 * 60_000)
    whole = everything(store)
    name = store.snapshot(tmp_path / "snapshots")
    assert re.fullmatch(r"20241004T032000Z-[0-9a-f]{16}", name)
    run(store, clock, 300)
    store.delete(EVERYTHING, 0, 1 << 62)
    store.clean_tombstones()
    store.keeper.maintain()
    assert everything(store) == {}
    snapshot = tmp_path / "snapshots" / name
    assert files(snapshot) == [
        "store/blocks/0000000001.block",
        "store/blocks/0000000001.tombstones",
        "store/wal/0000000001.wal",
    ]
    shutil.copytree(snapshot, tmp_path / "restored")
    assert opened(tmp_path / "restored" / "store", clock) == whole
    assert opened(snapshot / "store", clock) == whole


def test_a_snapshot_without_the_head_has_the_blocks(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    store = make(max_block_duration="2h")
    run(store, clock, 200)
    store.keeper.maintain()
    name = store.snapshot(tmp_path / "snapshots", skip_head=True)
    whole = everything(store, 0, 20_000 * DAY_MS + 2 * 3_600_000 - 1)
    assert opened(tmp_path / "snapshots" / name / "store", clock) == whole


def test_a_snapshot_of_an_empty_store_can_be_opened(make: Make, clock: ManualClock, tmp_path: Path) -> None:
    name = make().snapshot(tmp_path / "snapshots")
    assert opened(tmp_path / "snapshots" / name / "store", clock) == {}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EXDEV])
def test_a_snapshot_is_whole_or_not_there(
    make: Make, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where nothing can be linked, copies are made; where nothing can be written, nothing is left."""
    store = make()
    run(store, clock, 20)
    leftover = tmp_path / "snapshots" / "20200101T000000Z-00.tmp"
    leftover.mkdir(parents=True)

    def refuse(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    if number == errno.ENOSPC:
        with pytest.raises(OperatingError, match="No space left on device"):
            store.snapshot(tmp_path / "snapshots")
        assert list((tmp_path / "snapshots").iterdir()) == []
    else:
        name = store.snapshot(tmp_path / "snapshots")
        assert [path.name for path in (tmp_path / "snapshots").iterdir()] == [name]
        assert opened(tmp_path / "snapshots" / name / "store", clock) == everything(store)
