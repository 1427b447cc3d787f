"""Waiting on an injected clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
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


async def in_turns(items: Iterable[T], at_once: int) -> AsyncIterator[T]:
    """Each of ``items``; after every ``at_once`` of them others have the event loop, and may change what was true."""
    for number, item in enumerate(items, 1):
        yield item
        if number % at_once == 0:
            await asyncio.sleep(0)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
