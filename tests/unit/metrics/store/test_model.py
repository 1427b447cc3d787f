"""The whole store against a plain dictionary: whatever happens in whatever order, answers are the same."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings, cells, pages
from fenghuo.model.labels import Labels
from unit.metrics.store.look import EVERYTHING, bits, equal, everything, look, named

MINUTE_MS = 60_000
SETTINGS = StoreSettings(
    block_duration_ms=20 * MINUTE_MS, block_duration_max_ms=80 * MINUTE_MS, wal_segment_bytes=1 << 16
)
SERIES = [named(f"m{i % 3}", id=str(i)) for i in range(12)]
values = st.sampled_from([0.0, 1.0, 2.5, float("nan"), float("inf")])


class StoreMachine(RuleBasedStateMachine):
    """Appends, restarts, cuts blocks and moves the clock; the model says what must be there."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = ExitStack()
        for module, name, value in (
            (cells, "STRIP_COLUMNS", 2),
            (pages, "STRIP_COLUMNS", 2),
            (pages, "PAGE_COLUMNS", 6),
        ):
            self.patches.enter_context(mock.patch.object(module, name, value))
        self.directory = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.known: dict[Labels, dict[int, int]] = {}
        self.unsure: dict[Labels, int] = {}
        """Series that lost their newest samples to a deletion, and the time of the newest. How old their next samples
        may be is not said, so that none is written that is too old for anybody."""
        self.store = self._open()

    def _open(self) -> Store:
        return Store.open(Path(self.directory.name) / "store", SETTINGS, self.clock, CollectorRegistry())

    def _taken(self, labels: Labels, time_ms: int, value: float, last_ms: int | None) -> bool:
        """Apply the rules of admission to one sample of a series whose newest was at ``last_ms`` before the call."""
        mine = self.known.setdefault(labels, {})
        if last_ms is not None and time_ms < min(last_ms, self.clock.now_ms()) - SETTINGS.out_of_order_window_ms:
            return False
        if time_ms >= self.unsure.get(labels, time_ms):
            self.unsure.pop(labels, None)
        return mine.setdefault(time_ms, bits(value)) == bits(value)

    def _is_sure(self, labels: Labels, time_ms: int) -> bool:
        return labels not in self.unsure or time_ms >= self.clock.now_ms() - SETTINGS.out_of_order_window_ms

    def _last_ms(self, labels: Labels) -> int | None:
        return max(self.known.get(labels, {}), default=None)

    @initialize()
    def start(self) -> None:
        self.cohorts = {key: self.store.cohort(key) for key in "xyz"}

    @rule(
        key=st.sampled_from("xyz"),
        picked=st.sets(st.integers(0, 11), min_size=1),
        back_ms=st.sampled_from([0, 0, 0, 0, MINUTE_MS, 7 * MINUTE_MS, 40 * MINUTE_MS]),
        value=values,
    )
    def scrape(self, key: str, picked: set[int], back_ms: int, value: float) -> None:
        time_ms = self.clock.now_ms() - back_ms
        series = [SERIES[i] for i in picked if self._is_sure(SERIES[i], time_ms)]
        cohort = self.cohorts[key]
        taken = sum([self._taken(labels, time_ms, value, self._last_ms(labels)) for labels in series])
        result = cohort.append(time_ms, cohort.rows(series), np.full(len(series), value))
        assert result.accepted == taken
        assert result.accepted + sum(result.rejected.values()) == len(series)

    @rule(batch=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 45)), min_size=1, unique=True), value=values)
    def push(self, batch: list[tuple[int, int]], value: float) -> None:
        samples = [(SERIES[i], self.clock.now_ms() - back * MINUTE_MS) for i, back in batch]
        samples = [sample for sample in samples if self._is_sure(*sample)]
        series, times = [labels for labels, _ in samples], [time for _, time in samples]
        lasts = [self._last_ms(labels) for labels in series]
        taken = sum([self._taken(*sample, value, last) for *sample, last in zip(series, times, lasts, strict=True)])
        result = self.store.append_samples(series, np.array(times), np.full(len(series), value))
        assert result.accepted == taken

    @rule(seconds=st.sampled_from([15, 60, 600, 3600]))
    def wait(self, seconds: int) -> None:
        self.clock.step_wall(seconds)

    @rule()
    def maintain(self) -> None:
        self.store.keeper.maintain()

    @rule(picked=st.integers(0, 11), start_min=st.integers(-5, 200), length_min=st.integers(0, 60))
    def delete(self, picked: int, start_min: int, length_min: int) -> None:
        start_ms = self.clock.now_ms() - start_min * MINUTE_MS
        end_ms = start_ms + length_min * MINUTE_MS
        self.store.delete(equal(id=str(picked)), start_ms, end_ms)
        mine = self.known.get(SERIES[picked], {})
        newest = self._last_ms(SERIES[picked])
        self.known[SERIES[picked]] = {time: value for time, value in mine.items() if not start_ms <= time <= end_ms}
        if newest is not None and start_ms <= newest <= end_ms:
            self.unsure[SERIES[picked]] = max(newest, self.unsure.get(SERIES[picked], newest))

    @rule()
    def clean(self) -> None:
        self.store.clean_tombstones()

    @rule()
    def pack(self) -> None:
        self.store.keeper.pack()

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._open()
        self.cohorts = {key: self.store.cohort(key) for key in "xyz"}

    @rule(start_min=st.integers(0, 200), length_min=st.integers(0, 60))
    def ask(self, start_min: int, length_min: int) -> None:
        start_ms = self.clock.now_ms() - start_min * MINUTE_MS
        end_ms = start_ms + length_min * MINUTE_MS
        got = look(self.store.select(EVERYTHING, start_ms, end_ms))
        assert got == self._model(start_ms, end_ms)
        assert set(got) <= set(self.store.series([], start_ms, end_ms))

    @invariant()
    def everything_is_there(self) -> None:
        assert everything(self.store) == self._model(-(1 << 62), 1 << 62)

    def _model(self, start_ms: int, end_ms: int) -> dict[Labels, list[tuple[int, int]]]:
        cut = {
            labels: sorted((time, value) for time, value in mine.items() if start_ms <= time <= end_ms)
            for labels, mine in self.known.items()
        }
        return {labels: samples for labels, samples in cut.items() if samples}

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()
        self.patches.close()


TestStoreAgainstDictionary = StoreMachine.TestCase
TestStoreAgainstDictionary.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
