"""What a start leaves for later, done when the first round of everything is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import anyio.to_thread

from fenghuo.base.clock import Clock
from fenghuo.base.garbage import growing, settle
from fenghuo.base.guard import Guard

DELAY_S = 1.0
"""First the banner, the first scrapes and whoever waits for readiness; a person who signs in comes later."""


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
