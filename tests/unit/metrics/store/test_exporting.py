"""Export gives every sample once, each series in order of time, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, exporting
from unit.metrics.store.look import EVERYTHING, Samples, equal, everything, look, named

Make = Callable[..., Store]


@pytest.fixture
def store(make: Make, clock: ManualClock) -> Store:
    """Four hours: two targets in blocks and the head, and samples with times of their own."""
    opened = make(max_block_duration="2h")
    targets = {key: opened.cohort(key) for key in "tu"}
    for minute in range(4 * 60):
        for key, target in targets.items():
            rows = target.rows([named("m", key=key, id=str(i)) for i in range(4 + minute // 100)])
            target.append(clock.now_ms(), rows, np.arange(len(rows)) + minute)
        if minute % 9 == 0:
            opened.append_samples([named("pushed")], np.array([clock.now_ms() - 7]), np.array([float(minute)]))
        clock.step_wall(60)
    opened.keeper.maintain()
    return opened


def together(pieces: list[Samples]) -> Samples:
    found: Samples = {}
    for piece in pieces:
        for series, samples in piece.items():
            known = found.setdefault(series, [])
            assert not known or known[-1][0] < samples[0][0], "out of order"
            known.extend(samples)
    return found


def test_pieces_are_everything(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SERIES_AT_ONCE", 5)
    monkeypatch.setattr(exporting, "SAMPLES_AT_ONCE", 100)
    pieces = [look(piece) for piece in store.export([EVERYTHING], -(1 << 62), 1 << 62)]
    assert len(pieces) > 10
    assert max(sum(map(len, piece.values())) for piece in pieces[10:]) <= 200
    assert together(pieces) == everything(store)


def test_several_matcher_sets_and_a_range(store: Store, clock: ManualClock) -> None:
    start_ms, end_ms = clock.now_ms() - 200 * 60_000, clock.now_ms() - 10 * 60_000
    sets = [equal(name_="pushed"), equal(key="t", id="1"), equal(id="1")]
    found = together([look(piece) for piece in store.export(sets, start_ms, end_ms)])
    whole = everything(store, start_ms, end_ms)
    wanted = {series for series in whole if series.metric_name == "pushed" or series.get("id") == "1"}
    assert found == {series: whole[series] for series in wanted}


def test_what_ends_meanwhile_is_left_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers of its series may name others by then."""
    monkeypatch.setattr(exporting, "SERIES_AT_ONCE", 1)
    pieces = store.export([EVERYTHING], -(1 << 62), 1 << 62)
    first = look(next(pieces))
    store.delete(EVERYTHING, -(1 << 62), 1 << 62)
    store.keeper.maintain()
    store.append_samples([named("new", id=str(i)) for i in range(20)], np.full(20, 1_700_000_000_000), np.zeros(20))
    assert all(series in first for piece in pieces for series in look(piece))


def test_nothing(make: Make) -> None:
    assert list(make().export([EVERYTHING], 0, 1 << 62)) == []
    assert list(make().export([], 0, 1 << 62)) == []
