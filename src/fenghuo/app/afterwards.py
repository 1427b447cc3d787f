"""What a start leaves for later, done when the first round of everything is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import anyio.to_thread

from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import Clock
from fenghuo.base.garbage import growing, settle
from fenghuo.base.guard import Guard
from fenghuo.net.http_client import TRANSPORT

DELAY_S = 1.0
"""First the banner, the first scrapes and whoever waits for readiness; a person who signs in comes later."""


def needed_soon(prepare_api: Callable[[], object], alerting: AlertingSettings) -> Callable[[], None]:
    """Loads our own API, and, where anybody is to be told, what makes requests.

    The first notice of an outage comes when the machine is busy with it: two seconds went by at a load of 15 until the
    modules were there (tests/accept/test_alertmanager_side_by_side.py saw it).
    """

    def load() -> None:
        prepare_api()
        if any(True for receiver in alerting.receivers for _ in receiver.channels()):
            TRANSPORT.get()

    return load


@contextlib.asynccontextmanager
async def loading_the_rest(load: Callable[[], object], clock: Clock, guard: Guard) -> AsyncIterator[None]:
    """Call ``load`` in a worker thread soon after the context was entered, and settle the collector after it.

    Nobody waits for it: what is asked for earlier loads itself.
    """

    async def rest() -> None:
        await clock.sleep(DELAY_S)
        with growing():
            await anyio.to_thread.run_sync(load)
        settle()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(guard.run("loading after the start", rest), name="afterwards")
        try:
            yield
        finally:
            task.cancel()
