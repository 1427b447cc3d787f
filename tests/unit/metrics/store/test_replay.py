"""The head after a start: as small as before, and told about when it took long."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, replay
from unit.metrics.store.look import everything, metric, named

Make = Callable[..., Store]


def test_a_replay_packs_on_its_way_and_says_how_far_it_is(
    make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("m", n=str(n)) for n in range(2000)])
    for step in range(250):
        target.append(now + step * 1000, rows, np.full(2000, float(step)))
    whole = everything(store)
    monkeypatch.setattr(replay, "LOOK_SAMPLES", 100_000)
    monkeypatch.setattr(replay, "TOLD_EVERY_S", 0.0)
    with caplog.at_level(logging.INFO):
        store = make()
    store.keeper.maintain()
    assert everything(store) == whole
    assert 0 < metric(store, "head_bytes") < 2000 * 250 * 8 / 2
    shares = [int(record.getMessage().split()[3]) for record in caplog.records if "replaying" in record.getMessage()]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert len(shares) == 5
