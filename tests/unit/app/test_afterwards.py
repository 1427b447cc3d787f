"""What the start leaves for later is loaded a little after it, and a failure there is only told."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.app.afterwards import DELAY_S, loading_the_rest, needed_soon
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import BugError
from fenghuo.base.guard import Guard
from fenghuo.base.late import Later
from unit.alerting.bench import settings_of

pytestmark = pytest.mark.anyio


async def test_it_is_loaded_after_a_moment_and_the_collector_settled(
    clock: ManualClock, registry: CollectorRegistry
) -> None:
    loaded = threading.Event()
    frozen = gc.get_freeze_count()
    async with loading_the_rest(loaded.set, clock, Guard(registry)):
        await clock.advance(DELAY_S - 0.1)
        assert not loaded.is_set()
        await clock.advance(0.1)
        async with asyncio.timeout(5):
            while gc.get_freeze_count() <= frozen:
                await asyncio.sleep(0.001)

    assert loaded.is_set()
    assert gc.isenabled()


async def test_leaving_early_loads_nothing(clock: ManualClock, registry: CollectorRegistry) -> None:
    loaded = threading.Event()
    async with loading_the_rest(loaded.set, clock, Guard(registry)):
        pass

    assert not loaded.is_set()


async def test_a_failure_is_counted_and_goes_no_further(
    clock: ManualClock, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise BugError("cannot be loaded")

    async with loading_the_rest(fail, clock, Guard(registry)):
        await clock.advance(DELAY_S)
        async with asyncio.timeout(5):
            while not caplog.records:
                await asyncio.sleep(0.001)

    assert "loading after the start failed" in caplog.text
    assert registry.get_sample_value("fenghuo_unexpected_faults_total", {"part": "loading after the start"}) == 1


@pytest.mark.parametrize(("channels", "loaded"), [("", False), ("webhook_configs: [{url: 'http://x/'}]", True)])
def test_what_makes_requests_is_loaded_where_anybody_is_told(
    channels: str, loaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(Later, "get", lambda later: calls.append(later.name))
    settings = settings_of(f"route: {{receiver: a}}\nreceivers: [{{name: a, {channels}}}]")
    needed_soon(lambda: calls.append("api"), settings)()
    assert calls == ["api", *(["Transport"] if loaded else [])]
