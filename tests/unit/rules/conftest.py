"""A store of plain dictionaries, a query that answers what the test says, and work that runs where it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.alert import Alert
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import AppendResult, Floats, Ints, is_stale
from fenghuo.model.selection import RaggedBlock, Selection
from fenghuo.rules import Ports

STALE = "stale"


class FakeCohort:
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def rows(self, series: Sequence[Labels]) -> Ints:
        for labels in series:
            if labels not in self._store.rows:
                self._store.rows.append(labels)
        return np.array([self._store.rows.index(labels) for labels in series], dtype=np.int64)

    def append(self, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        if self._store.broken:
            raise OperatingError("disk full", retryable=True)
        rejected = 0
        for row, value, stale in zip(rows.tolist(), values, is_stale(values), strict=True):
            samples = self._store.samples.setdefault(self._store.rows[row], {})
            if time_ms in samples:
                rejected += 1
            else:
                samples[time_ms] = STALE if stale else float(value)
        return AppendResult(len(rows) - rejected, {"duplicate_timestamp": rejected} if rejected else {})


@dataclass
class FakeStore:
    """Samples by series and time; a staleness marker is the text ``stale``."""

    samples: dict[Labels, dict[int, float | str]] = field(default_factory=dict)
    rows: list[Labels] = field(default_factory=list)
    broken: bool = False

    def cohort(self, key: str) -> FakeCohort:
        return FakeCohort(self)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        found = [
            (labels, [(t, v) for t, v in sorted(samples.items()) if start_ms <= t <= end_ms])
            for labels, samples in self.samples.items()
            if all(matcher.matches_labels(labels) for matcher in matchers)
        ]
        found = [(labels, samples) for labels, samples in found if samples]
        times = [t for _, samples in found for t, _ in samples]
        values = [float("nan") if v == STALE else v for _, samples in found for _, v in samples]
        offsets = np.cumsum([0, *[len(samples) for _, samples in found]], dtype=np.int64)
        block = RaggedBlock(
            np.arange(len(found), dtype=np.int64), offsets, np.array(times, dtype=np.int64), np.array(values)
        )
        return Selection(LabelTable.of([labels for labels, _ in found]), (block,))

    def of(self, text: str) -> dict[int, float | str]:
        """The samples of the series that prints as ``text``."""
        return next((samples for labels, samples in self.samples.items() if str(labels) == text), {})


@dataclass
class Bench:
    """Everything around the rules."""

    clock: ManualClock
    store: FakeStore = field(default_factory=FakeStore)
    answers: dict[str, list[tuple[dict[str, str], float]]] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    sent: list[Alert] = field(default_factory=list)
    notify_fails: bool = False

    def query(self, expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        self.asked.append((expr, time_ms))
        if expr not in self.answers:
            raise InputError(f"no such series {expr}")
        return [(Labels(labels), value) for labels, value in self.answers[expr]]

    def notify(self, alerts: list[Alert]) -> None:
        if self.notify_fails:
            raise OperatingError("queue full", retryable=True)
        self.sent += alerts

    def take_sent(self) -> list[Alert]:
        sent, self.sent = self.sent, []
        return sent

    @property
    def ports(self) -> Ports:
        return Ports(self.query, self.store, self.notify, self.clock)


class Inline:
    """Runs work on the spot, so that a manual clock sees its end."""

    async def run(self, work: Callable[[], None]) -> None:
        work()

    def close(self) -> None:
        pass


@pytest.fixture
def bench(clock: ManualClock) -> Bench:
    return Bench(clock)
