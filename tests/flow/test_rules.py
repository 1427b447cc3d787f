"""Rules over the real engine and the real store: what they write can be asked, and survives a restart."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.promql import Engine, VectorResult, normalized
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.alert import Alert
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.sample import STALE_NAN
from fenghuo.rules import Ports, RuleManager, RulesSettings, load_rules

pytestmark = pytest.mark.anyio

RULES = """
groups:
- name: g
  interval: 15s
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: JobDown
    expr: job:up:sum == 0
    for: 1m
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.job }} has {{ $value }} of {{ query "count(up)" | first | value }} up'
"""


class Inline:
    """Runs work on the spot, so that a manual clock sees its end."""

    async def run(self, work: Callable[[], None]) -> None:
        work()

    def close(self) -> None:
        pass


class World:
    """One life of the program: store, engine, rules."""

    def __init__(self, store: Store, clock: ManualClock, rules: RuleManager, sent: list[Alert]) -> None:
        self.store = store
        self.clock = clock
        self.rules = rules
        self.sent = sent
        self._engine = Engine(store, clock)

    def ask(self, expr: str) -> dict[str, float]:
        value = self._engine.instant(expr, self.clock.now_ms()).value
        assert isinstance(value, VectorResult)
        return {str(labels): number for labels, number in value.samples()}

    async def live(self, seconds: int, up: dict[str, float]) -> None:
        """Let time pass, scraping every 5 s."""
        for _ in range(seconds // 5):
            cohort = self.store.cohort("scrape")
            rows = cohort.rows([Labels({"__name__": "up", "job": job}) for job in up])
            values = np.array(list(up.values()), dtype=np.float64)
            cohort.append(self.clock.now_ms(), rows, values)
            await self.clock.advance(5)


@contextlib.asynccontextmanager
async def world(directory: Path, clock: ManualClock) -> AsyncIterator[World]:
    registry = CollectorRegistry()
    store = Store.open(directory, StoreSettings(), clock, registry)
    sent: list[Alert] = []
    engine = Engine(store, clock)

    def query(expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        value = engine.instant(expr, time_ms).value
        return value.samples() if isinstance(value, VectorResult) else [(EMPTY, float("nan"))]

    loaded = load_rules(RULES, "f.yml", normalized)
    assert loaded.file is not None
    try:
        async with RuleManager(Ports(query, store, sent.extend, clock), registry, Guard(registry), Inline()) as rules:
            await rules.apply(RulesSettings((loaded.file,), external_url="http://f:9470"))
            yield World(store, clock, rules, sent)
    finally:
        store.close()


async def test_from_samples_to_an_alert_and_back(tmp_path: Path) -> None:
    clock = ManualClock()
    async with world(tmp_path, clock) as here:
        await here.live(60, {"api": 1.0, "db": 1.0})
        assert here.ask("job:up:sum") == {'job:up:sum{job="api"}': 1.0, 'job:up:sum{job="db"}': 1.0}
        assert here.sent == []

        await here.live(30, {"api": 0.0, "db": 1.0})
        pending = 'ALERTS{alertname="JobDown", alertstate="pending", job="api", severity="critical"}'
        assert here.ask("ALERTS") == {pending: 1.0}
        assert here.sent == []

        await here.live(90, {"api": 0.0, "db": 1.0})
        assert here.ask("ALERTS") == {pending.replace("pending", "firing"): 1.0}
        assert here.sent[0].annotations["summary"] == "api has 0 of 2 up"
        assert here.sent[0].labels == Labels({"alertname": "JobDown", "job": "api", "severity": "critical"})

        await here.live(30, {"api": 1.0, "db": 1.0})
        assert here.ask("ALERTS") == {}
        assert here.sent[-1].resolved_at(clock.now_ms())
        assert {alert.starts_at_ms for alert in here.sent} == {here.sent[0].starts_at_ms}


async def test_a_restart_in_the_middle_of_an_alert_is_no_second_alert(tmp_path: Path) -> None:
    clock = ManualClock()
    async with world(tmp_path, clock) as here:
        await here.live(180, {"api": 0.0, "db": 1.0})
        before = here.sent[-1]
        active_at = here.rules.groups()[0].rules[1].alerts[0].active_at_ms
    await clock.advance(45)
    async with world(tmp_path, clock) as here:
        await here.live(30, {"api": 0.0, "db": 1.0})
        after = here.sent[0]
        assert before.ends_at_ms is not None
        assert clock.now_ms() < before.ends_at_ms
        assert (after.labels, after.starts_at_ms) == (before.labels, before.starts_at_ms)
        assert here.rules.groups()[0].rules[1].alerts[0].active_at_ms == active_at


@pytest.mark.parametrize(("down_s", "told"), [(45, True), (900, False)])
async def test_an_alert_that_recovered_while_the_program_was_down_is_told_to_be_over(
    tmp_path: Path, down_s: int, told: bool
) -> None:
    """After a short outage; after a long one its last report has ended it anyway."""
    clock = ManualClock()
    async with world(tmp_path, clock) as here:
        await here.live(180, {"api": 0.0})
        firing = here.sent[-1]
    await clock.advance(down_s)
    async with world(tmp_path, clock) as here:
        await here.live(60, {"api": 1.0})
        ended = [(alert.labels, alert.resolved_at(clock.now_ms())) for alert in here.sent]
        assert ended == ([(firing.labels, True)] if told else [])


async def test_a_series_that_ends_is_marked_at_once(tmp_path: Path) -> None:
    clock = ManualClock()
    async with world(tmp_path, clock) as here:
        await here.live(60, {"api": 1.0, "db": 1.0})
        cohort = here.store.cohort("scrape")
        gone = cohort.rows([Labels({"__name__": "up", "job": "db"})])
        cohort.append(clock.now_ms(), gone, np.array([STALE_NAN]))
        await clock.advance(1)
        await here.live(30, {"api": 1.0})
        assert here.ask("job:up:sum") == {'job:up:sum{job="api"}': 1.0}
