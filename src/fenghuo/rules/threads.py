"""Where groups are evaluated: worker threads, so that the event loop stays free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

GROUPS_AT_ONCE_MAX = 4
"""Groups that are evaluated at the same time; the others wait for a thread. Queries are bound by CPU."""


class Runner(Protocol):
    """Runs synchronous work."""

    async def run(self, work: Callable[[], None]) -> None: ...

    def close(self) -> None: ...


class WorkerThreads:
    """A runner with a few threads of its own. Work that began is never abandoned."""

    def __init__(self, threads: int = GROUPS_AT_ONCE_MAX) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rules")

    async def run(self, work: Callable[[], None]) -> None:
        """Await ``work()``. When cancelled, wait for its end first: nobody else may touch what it works on."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def close(self) -> None:
        """Let the threads end. Call when no work runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
