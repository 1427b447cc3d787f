"""A store on a disk without a byte to spare: everything is refused clearly, reading goes on, and all works again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from accept.disks import fill, needs_root, small_disk
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store import Store, StoreSettings
from unit.metrics.store.look import equal, everything, named

pytestmark = needs_root

HOUR_MS = 3_600_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def test_a_full_disk_refuses_everything_and_loses_nothing(disk: Path) -> None:
    clock = ManualClock(20_000 * 24 * HOUR_MS)
    store = Store.open(disk / "store", StoreSettings(), clock, CollectorRegistry())
    try:
        run(store, clock, 8 * 60)
        store.keeper.maintain()
        run(store, clock, 4 * 60)
        ballast = fill(disk)
        with pytest.raises(OperatingError):  # The last page of the WAL's file has some room yet.
            run(store, clock, 100)
        whole = everything(store)
        many = [named("pushed", id=str(i)) for i in range(50)]
        now = np.full(50, clock.now_ms())

        refused: list[Callable[[], object]] = [
            lambda: run(store, clock, 1),
            lambda: store.append_samples(many, now, np.ones(50)),
            lambda: store.push(store.refs(many), now, np.ones(50)),
            lambda: store.delete(equal(id="1"), 0, 1 << 62),
        ]
        for attempt in refused:
            with pytest.raises(OperatingError, match="No space left on device") as caught:
                attempt()
            assert caught.value.retryable
            assert caught.value.remedy
        store.keeper.maintain()
        assert any("a block could not be written: [Errno 28]" in trouble for trouble in store.health().troubles)
        assert everything(store) == whole, "reading goes on"
        assert not list(disk.rglob("*.tmp"))
        name = store.snapshot(disk / "snapshots")  # Links take no room here.

        ballast.unlink()
        store.keeper.maintain()
        run(store, clock, 1)
        assert store.health().troubles == ()
        store.delete(equal(id="1"), 0, 1 << 62)
        ballast = fill(disk)
        with pytest.raises(OperatingError, match="No space left on device"):
            store.clean_tombstones()
        ballast.unlink()
        store.clean_tombstones()
        left = everything(store)
        assert set(whole) - set(left) == {named("m", id="1")}
        assert all(set(whole[series]) <= set(samples) for series, samples in left.items())
    finally:
        store.close()
    for place, expected in ((disk / "store", left), (disk / "snapshots" / name / "store", whole)):
        store = Store.open(place, StoreSettings(), clock, CollectorRegistry())
        found = everything(store)
        store.close()
        assert found == expected


def run(store: Store, clock: ManualClock, minutes: int) -> None:
    """Scrape 20 series of values that do not pack every minute."""
    cohort, chance = store.cohort("t"), np.random.default_rng(clock.now_ms())
    rows = cohort.rows([named("m", id=str(i)) for i in range(20)])
    for _ in range(minutes):
        cohort.append(clock.now_ms(), rows, chance.random(20))
        clock.step_wall(60)
