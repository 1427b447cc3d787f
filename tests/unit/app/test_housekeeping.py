"""Housekeeping: sessions that are over are forgotten each hour, and a database that refused is tried until it works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.app.housekeeping import AUDIT_KEPT_MS, ROUND_S, ROUNDS_BETWEEN_PURGES, keeping_house
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard

pytestmark = pytest.mark.anyio


@dataclass
class FakeState:
    """A database that works again once it was probed ``refusals`` times."""

    trouble: str = ""
    refusals: int = 0
    probes: list[int] = field(default_factory=list)
    purges: list[int] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)

    @property
    def sessions(self) -> Self:
        return self

    @property
    def audit(self) -> Self:
        return self

    def forget(self, before_ms: int) -> None:
        self.forgotten.append(before_ms)

    def purge_expired(self, now_ms: int) -> int:
        self.purges.append(now_ms)
        return 0

    def probe(self, now_ms: int) -> None:
        self.probes.append(now_ms)
        if len(self.probes) <= self.refusals:
            raise OperatingError("still full", retryable=True)
        self.trouble = ""


async def happens(condition: Callable[[], bool]) -> None:
    """Wait for a worker thread, which no manual clock moves."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_sessions_are_purged_at_the_start_and_each_hour(clock: ManualClock, registry: CollectorRegistry) -> None:
    state, begun_ms = FakeState(), clock.now_ms()
    async with keeping_house(state, clock, Guard(registry)):
        await happens(lambda: len(state.purges) == 1)
        for _ in range(ROUNDS_BETWEEN_PURGES):
            await round_(clock)
        await happens(lambda: len(state.forgotten) == 2)

    assert [at_ms - begun_ms for at_ms in state.purges] == [0, 3_600_000]
    assert [at_ms - begun_ms for at_ms in state.forgotten] == [-AUDIT_KEPT_MS, 3_600_000 - AUDIT_KEPT_MS]
    assert state.probes == []


async def test_a_database_that_refused_is_tried_until_it_works(
    clock: ManualClock, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    state = FakeState(trouble="full", refusals=2)
    async with keeping_house(state, clock, Guard(registry)):
        for tried in (1, 2, 3):
            await happens(lambda tried=tried: len(state.probes) == tried)  # type: ignore[misc]
            await round_(clock)
        await round_(clock)

    assert len(state.probes) == 3
    assert state.trouble == ""
    assert caplog.text.count("still full") == 2
    assert registry.get_sample_value("fenghuo_unexpected_faults_total", {"part": "housekeeping"}) is None


async def round_(clock: ManualClock) -> None:
    await happens(lambda: bool(clock._sleepers))
    await clock.advance(ROUND_S)
