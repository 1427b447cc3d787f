"""Worker threads for what must not hold the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Threads:
    """A bounded pool of threads. Work that was begun is waited for, even when who waits is cancelled."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Begin ``work()`` and return its future. Nobody has to look at how it ends."""
        future = asyncio.wrap_future(self._pool.submit(work))
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    async def run(self, work: Callable[[], T]) -> T:
        """The result of ``work()``. Cancellation takes effect when the work has ended: half a write is none."""
        job = self._pool.submit(work)
        future = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not job.cancel():
                await asyncio.wait([future])
            raise
