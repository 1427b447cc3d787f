"""Worker threads for what must not hold the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Threads:
    """A bounded pool of threads. Work that was begun is waited for, even when who waits is cancelled."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._pending = 0

    @property
    def pending(self) -> int:
        """How much work was handed in and has not ended."""
        return self._pending

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Begin ``work()`` and return its future. Nobody has to look at how it ends."""
        return self._begin(work)[0]

    async def run(self, work: Callable[[], T]) -> T:
        """The result of ``work()``. Cancellation takes effect when the work has ended: half a write is none."""
        future, job = self._begin(work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not job.cancel():
                await asyncio.wait([future])
            raise

    def _begin(self, work: Callable[[], T]) -> tuple[asyncio.Future[T], Future[T]]:
        job = self._pool.submit(work)
        future = asyncio.wrap_future(job)
        self._pending += 1
        future.add_done_callback(self._ended)
        return future, job

    def _ended(self, future: asyncio.Future[T]) -> None:
        self._pending -= 1
        if not future.cancelled():
            future.exception()  # Looked at, so that asyncio does not complain when nobody else does.
