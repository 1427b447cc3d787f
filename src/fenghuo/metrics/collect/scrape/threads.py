"""Worker threads for what must not hold the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from fenghuo.base.guard import told

T = TypeVar("T")


@dataclass(slots=True)
class _Job:
    work: Callable[[], Any]
    future: asyncio.Future[Any]
    begun: threading.Lock = field(default_factory=threading.Lock)
    """Taken by the thread that does the work, or by who calls it off before."""


class Threads:
    """A bounded pool of threads. Work that was begun is waited for, even when who waits is cancelled.

    The threads are daemons: one that hangs in a source of metrics does not keep the program from ending.
    """

    def __init__(self, count: int, name: str) -> None:
        self._names = [f"{name}-{number}" for number in range(count)]
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started = 0
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
        """Whoever handed in work has waited for it, or does not want it any more: nothing more is begun."""
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job.future.cancel()
        for _ in range(self._started):
            self._jobs.put(None)

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Begin ``work()`` and return its future. Nobody has to look at how it ends."""
        return self._begin(work).future

    async def run(self, work: Callable[[], T]) -> T:
        """The result of ``work()``. Cancellation takes effect when the work has ended: half a write is none."""
        job = self._begin(work)
        try:
            return await asyncio.shield(job.future)
        except asyncio.CancelledError:
            if job.begun.acquire(blocking=False):
                job.future.cancel()
            else:
                await asyncio.wait([job.future])
            raise

    def _begin(self, work: Callable[[], T]) -> _Job:
        job = _Job(work, asyncio.get_running_loop().create_future())
        job.future.add_done_callback(self._ended)
        self._pending += 1
        if self._pending > self._started and self._started < len(self._names):
            name = self._names[self._started]
            self._started += 1
            threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True).start()
        self._jobs.put(job)
        return job

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self._pending -= 1
        if not future.cancelled():
            future.exception()  # Looked at, so that asyncio does not complain when nobody else does.


def _work(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        if job.begun.acquire(blocking=False):
            future = job.future
            told(job.work, partial(_settle, future, future.set_result), partial(_settle, future, future.set_exception))
            del future
        del job


def _settle(future: asyncio.Future[Any], tell: Callable[[Any], None], said: Any) -> None:
    def settle() -> None:
        if not future.done():
            tell(said)

    with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
        future.get_loop().call_soon_threadsafe(settle)
