"""What no sample needs any more leaves the memory: rows, cohorts, series, label values."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings, cells, forgetting, pages
from fenghuo.model.label_table import Dictionary
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Ints, RowsReleasedError
from unit.metrics.store.look import EVERYTHING, bits, equal, everything, look, metric, named

Make = Callable[..., Store]
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def clock() -> ManualClock:
    """At the beginning of a day, so that slices and windows are whole."""
    return ManualClock(20_000 * 24 * HOUR_MS)


@pytest.fixture
def tidy_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dictionaries are replaced however little there is to gain, and steps are small."""
    monkeypatch.setattr(forgetting, "FREE_MIN", 0)
    monkeypatch.setattr(forgetting, "FREE_SHARE_MAX", 0.0)
    monkeypatch.setattr(forgetting, "SERIES_AT_ONCE", 3)
    monkeypatch.setattr(forgetting, "COHORTS_AT_ONCE", 2)


def test_rows_without_samples_are_released_and_asked_for_again(make: Make, clock: ManualClock) -> None:
    store = make(retention_ms=4 * HOUR_MS)
    target, series = store.cohort("t"), [named("a"), named("b")]
    rows = target.rows(series)
    target.append(clock.now_ms(), rows, np.array([1.0, 2.0]))
    clock.step_wall(24 * 3600)
    store.keeper.maintain()
    assert (everything(store), metric(store, "series")) == ({}, 0)
    with pytest.raises(RowsReleasedError, match="rows of t"):
        target.append(clock.now_ms(), rows, np.array([3.0, 4.0]))
    again = target.rows(series)
    assert not set(again.tolist()) & set(rows.tolist())
    target.append(clock.now_ms(), again, np.array([3.0, 4.0]))
    expected = {named("a"): [(clock.now_ms(), bits(3))], named("b"): [(clock.now_ms(), bits(4))]}
    assert everything(store) == expected
    assert everything(make(retention_ms=4 * HOUR_MS)) == expected


def test_rows_with_samples_stay_while_others_of_the_cohort_are_released(make: Make, clock: ManualClock) -> None:
    """The place of a released row goes to the next new series; nothing of the one is taken for the other."""
    store, expected = make(), {}
    target = store.cohort("t")
    (kept,) = target.rows([named("kept")]).tolist()
    for hour in range(9):
        guest = target.rows([named("guest", hour=str(hour))])
        target.append(clock.now_ms(), np.r_[kept, guest], np.array([float(hour), 100.0 + hour]))
        expected[named("guest", hour=str(hour))] = [(clock.now_ms(), bits(100.0 + hour))]
        expected.setdefault(named("kept"), []).append((clock.now_ms(), bits(hour)))
        clock.step_wall(3600)
        store.keeper.maintain()
    assert target.rows([named("kept")]).tolist() == [kept]
    assert store._parts.head.cohorts[1].sids.size <= 6
    assert everything(store) == expected
    assert everything(make()) == expected


@pytest.mark.usefixtures("tidy_at_once")
def test_a_target_that_always_shows_new_series_costs_what_retention_holds(make: Make, clock: ManualClock) -> None:
    store = make(retention_ms=6 * HOUR_MS)
    target = store.cohort("t")
    sizes = []
    for hour in range(60):
        rows = target.rows([named("m", pod=f"{hour}-{number}") for number in range(20)])
        target.append(clock.now_ms(), rows, np.arange(20.0))
        clock.step_wall(3600)
        store.keeper.maintain()
        parts = store._parts
        sizes.append(
            (len(parts.index), parts.index.bound, len(parts.index.dictionaries["pod"]), metric(store, "series"))
        )
    assert max(sizes[20:]) <= max(sizes[:20])
    assert sizes[-1][0] == sizes[-1][3] <= 20 * 10
    assert sizes[-1][2] <= 20 * 14
    assert parts.head.cohorts[1].sids.size <= 20 * 5


@pytest.mark.usefixtures("tidy_at_once")
def test_readers_keep_the_labels_that_they_found(make: Make, clock: ManualClock) -> None:
    store = make(retention_ms=4 * HOUR_MS)
    target = store.cohort("t")
    target.append(clock.now_ms(), target.rows([named("m", pod="old")]), np.ones(1))
    before = store.select(EVERYTHING, 0, 1 << 60).labels
    clock.step_wall(24 * 3600)
    target.append(clock.now_ms(), target.rows([named("m", pod="new")]), np.ones(1))
    store.keeper.maintain()
    assert "old" not in store._parts.index.dictionaries["pod"].codes
    target.append(clock.now_ms() + 1, target.rows([named("m", pod="newest")]), np.ones(1))
    assert list(before.rows()) == [named("m", pod="old")]
    assert [labels["pod"] for labels in everything(store)] == ["new", "newest"]


@pytest.mark.parametrize("pattern", ["n.*", "o.*", ".*", "x?"])
@pytest.mark.usefixtures("tidy_at_once")
def test_a_code_that_means_something_else_is_judged_anew(make: Make, clock: ManualClock, pattern: str) -> None:
    store, matcher = make(retention_ms=4 * HOUR_MS), Matcher("pod", MatchOp.REGEX, pattern)
    target = store.cohort("t")

    def found() -> set[str]:
        return {labels["pod"] for labels in look(store.select([matcher], 0, 1 << 60))}

    for round_, pods in enumerate((["one", "old"], ["new", "o2"], ["nine", "o3", "x"])):
        for pod in pods:
            target.append(clock.now_ms(), target.rows([named("m", pod=pod)]), np.ones(1))
            assert found() == {each for each in pods[: pods.index(pod) + 1] if matcher.matches(each)}, round_
        clock.step_wall(24 * 3600)
        store.keeper.maintain()


@pytest.mark.usefixtures("tidy_at_once")
def test_cohorts_that_are_gone_leave_no_key(make: Make, clock: ManualClock) -> None:
    store = make(retention_ms=4 * HOUR_MS)
    for number in range(30):
        target = store.cohort(f"pod {number}")
        target.append(clock.now_ms(), target.rows([named("up")]), np.ones(1))
        del target
        clock.step_wall(3600)
        store.keeper.maintain()
    head = store._parts.head
    assert len(head.cohorts) <= 4
    assert sum(1 for key in head.cohort_codes.values if key) <= 10
    assert len(everything(store)[named("up")]) >= 4


def test_a_dictionary_with_less_in_it() -> None:
    whole = Dictionary(["a", "b", "c", "d"])
    kept = whole.kept(np.array([True, False, True, False, True]), reuse=True)
    whole.intern("e")
    kept.take_over(whole, [3, 5])
    assert [kept.code(text) for text in "abcde"] == [None, 2, 3, 4, 5]
    assert [kept.intern(text) for text in ("x", "y", "b")] == [1, 6, 2]
    assert (kept.values, kept.refilled) == (["", "x", "b", "c", "d", "e", "y"], [1])
    assert whole.values == ["", "a", "b", "c", "d", "e"]
    sealed = whole.kept(np.array([True, False, True, False, True, True]), reuse=False)
    assert sealed.intern("x") == 6


SETTINGS = StoreSettings(
    retention_ms=100 * MINUTE_MS,
    block_duration_ms=20 * MINUTE_MS,
    block_duration_max_ms=20 * MINUTE_MS,
    wal_segment_bytes=1 << 16,
)


class ChurnMachine(RuleBasedStateMachine):
    """Targets whose series come and go, written by holders that keep their rows, against a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = ExitStack()
        for module, name, value in (
            (cells, "STRIP_COLUMNS", 2),
            (pages, "STRIP_COLUMNS", 2),
            (pages, "PAGE_COLUMNS", 6),
            (forgetting, "FREE_MIN", 0),
            (forgetting, "FREE_SHARE_MAX", 0.0),
            (forgetting, "SERIES_AT_ONCE", 2),
        ):
            self.patches.enter_context(mock.patch.object(module, name, value))
        self.directory = tempfile.TemporaryDirectory()
        self.clock = ManualClock(20_000 * 24 * HOUR_MS)
        self.known: dict[Labels, dict[int, int]] = {}
        self.fresh = 0
        self.store = self._open()

    def _open(self) -> Store:
        store = Store.open(Path(self.directory.name) / "store", SETTINGS, self.clock, CollectorRegistry())
        self.cohorts = {key: store.cohort(key) for key in "xyz"}
        self.rows: dict[tuple[str, Labels], int] = {}
        return store

    @initialize()
    def start(self) -> None:
        self.present: dict[str, list[Labels]] = {key: [] for key in "xyz"}

    @rule(key=st.sampled_from("xyz"), count=st.integers(1, 4))
    def appear(self, key: str, count: int) -> None:
        for number in range(self.fresh, self.fresh + count):
            self.present[key].append(named(f"m{number % 3}", pod=str(number), **{f"only{number % 5}": "x"}))
        self.fresh += count

    @rule(key=st.sampled_from("xyz"), data=st.data())
    def leave(self, key: str, data: st.DataObject) -> None:
        if self.present[key]:
            self.present[key].pop(data.draw(st.integers(0, len(self.present[key]) - 1)))

    @rule(one=st.sampled_from("xyz"), other=st.sampled_from("xyz"))
    def move(self, one: str, other: str) -> None:
        """A series goes to another target, or stands in two."""
        if self.present[one] and self.present[one][0] not in self.present[other]:
            self.present[other].append(self.present[one][0])

    @rule(keys=st.sets(st.sampled_from("xyz"), min_size=1), times=st.integers(1, 5))
    def scrape(self, keys: set[str], times: int) -> None:
        for _ in range(times):
            self.clock.step_wall(60)
            for key in sorted(keys):
                self._scrape(key, float(self.fresh))

    def _scrape(self, key: str, value: float) -> None:
        series, now_ms = self.present[key], self.clock.now_ms()
        taken = 0
        for labels in series:
            taken += self.known.setdefault(labels, {}).setdefault(now_ms, bits(value)) == bits(value)
        result = None
        while result is None:
            try:
                result = self.cohorts[key].append(now_ms, self._rows(key, series), np.full(len(series), value))
            except RowsReleasedError:
                self.rows = {place: row for place, row in self.rows.items() if place[0] != key}
        assert result.accepted == taken

    def _rows(self, key: str, series: list[Labels]) -> Ints:
        """The rows that the holder remembers; it asks for those of which it knows nothing."""
        missing = [labels for labels in series if (key, labels) not in self.rows]
        for labels, row in zip(missing, self.cohorts[key].rows(missing).tolist(), strict=True):
            self.rows[key, labels] = row
        return np.array([self.rows[key, labels] for labels in series], dtype=np.int64)

    @rule(minutes=st.sampled_from([1, 15, 45, 200]))
    def wait(self, minutes: int) -> None:
        self.clock.step_wall(60 * minutes)

    @rule()
    def maintain(self) -> None:
        self.store.keeper.maintain()
        self.store.keeper.pack()
        index = self.store._parts.index
        written = {labels for labels, samples in everything(self.store).items() if samples}
        assert len(index) <= len(written) + len({labels for place in self.present.values() for labels in place})

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._open()

    @invariant()
    def everything_is_there(self) -> None:
        """What is younger than the retention is there; what is older may be, as it was."""
        found, oldest_ms = everything(self.store), self.clock.now_ms() - SETTINGS.retention_ms
        for labels, mine in self.known.items():
            got = found.pop(labels, [])
            assert set(got) <= set(mine.items())
            assert [sample for sample in got if sample[0] >= oldest_ms] == sorted(
                sample for sample in mine.items() if sample[0] >= oldest_ms
            )
        assert not found
        some = equal(pod=str(self.fresh - 1))
        assert set(look(self.store.select(some, 0, 1 << 60))) <= set(self.known)

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()
        self.patches.close()


TestChurnAgainstDictionary = ChurnMachine.TestCase
TestChurnAgainstDictionary.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
