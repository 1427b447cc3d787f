"""Services start in order and stop in reverse, each within its time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from fenghuo.base.clock import settle
from fenghuo.base.lifecycle import Stack, on_signals

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def service(
    name: str, events: list[str], *, fails: bool = False, hangs: bool = False, breaks: bool = False
) -> AsyncIterator[str]:
    if fails:
        raise RuntimeError(f"{name} cannot start")
    events.append(f"start {name}")
    yield name
    if breaks:
        raise RuntimeError(f"{name} cannot stop")
    if hangs:
        await asyncio.sleep(3600)
    events.append(f"stop {name}")


async def test_stop_is_the_reverse_of_start() -> None:
    events: list[str] = []
    async with Stack() as stack:
        assert await stack.start("store", service("store", events)) == "store"
        await stack.start("http", service("http", events))

    assert events == ["start store", "start http", "stop http", "stop store"]


async def test_what_ran_before_a_failed_start_is_stopped() -> None:
    events: list[str] = []

    async def run() -> None:
        async with Stack() as stack:
            await stack.start("store", service("store", events))
            await stack.start("http", service("http", events, fails=True))

    with pytest.raises(RuntimeError, match="http cannot start"):
        await run()

    assert events == ["start store", "stop store"]


async def test_a_service_that_fails_to_stop_keeps_none_of_the_others_running() -> None:
    events: list[str] = []

    async def run() -> None:
        async with Stack() as stack:
            await stack.start("store", service("store", events))
            await stack.start("broken", service("broken", events, breaks=True))
            await stack.start("http", service("http", events))

    with pytest.raises(RuntimeError, match="broken cannot stop"):
        await run()

    assert events == ["start store", "start broken", "start http", "stop http", "stop store"]


async def test_a_service_that_hangs_is_cut_off_and_the_rest_stops(caplog: pytest.LogCaptureFixture) -> None:
    events: list[str] = []
    async with Stack(stop_timeout_s=0.01) as stack:
        await stack.start("store", service("store", events))
        await stack.start("stuck", service("stuck", events, hangs=True))

    assert events == ["start store", "start stuck", "stop store"]
    assert "stuck did not stop within 0.01 s" in caplog.text


async def test_signals_reach_their_handlers_while_installed() -> None:
    got: list[str] = []
    with on_signals({signal.SIGHUP: lambda: got.append("hup")}):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.01)
        await settle()

    assert got == ["hup"]
