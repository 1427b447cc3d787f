"""Waiting on an injected clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fenghuo.base.clock import Clock

T = TypeVar("T")

Offload = Callable[..., Awaitable[T]]


async def sleep_or(clock: Clock, seconds: float, event: asyncio.Event) -> bool:
    """Wait until ``seconds`` have passed or ``event`` is set; true when the event was."""
    if event.is_set():
        return True
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(clock.sleep(seconds)), group.create_task(_until(event))]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    return event.is_set()


async def _until(event: asyncio.Event) -> None:
    await event.wait()
