"""How long this program keeps its own event loop waiting; how long others on the machine do is left out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

TICK_S = 0.002


class LoopWatch:
    """Collects, tick by tick, what held the loop."""

    def __init__(self) -> None:
        self.held_s_max = 0.0
        """The longest that this program held the loop for."""
        self.late_s_max = 0.0
        """The longest that the loop was late by the clock on the wall; a busy machine makes this any length."""

    def reset(self) -> None:
        self.held_s_max = self.late_s_max = 0.0


@contextlib.asynccontextmanager
async def watched_loop() -> AsyncIterator[LoopWatch]:
    """Tick on the running loop and measure each tick while the context is open.

    The clock on the wall cannot tell a loop that is held from a machine that is busy. What a tick took is therefore
    counted in processor time of this process: while the loop's thread waits for the interpreter, or for a callback
    to end, it is our code that runs, and while the machine does something else, this clock stands still. One thing
    has to be taken off: when the loop's thread could run but got no core (the kernel counts that), our other threads
    may have run meanwhile, but held nobody. A tick counts at the least with what the loop's own thread computed.
    Up to :data:`TICK_S` of a tick is sleep, during which others may compute; that makes it look worse, never better.
    """
    watch = LoopWatch()
    with _RunDelay() as delay:
        ticking = asyncio.create_task(_tick(watch, delay))
        await asyncio.sleep(0)  # So that the first tick has begun.
        try:
            yield watch
            await asyncio.sleep(2 * TICK_S)  # So that what happened last is seen.
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking


async def _tick(watch: LoopWatch, delay: _RunDelay) -> None:
    while True:
        wall_s, all_s, own_s, delayed_s = time.perf_counter(), time.process_time(), time.thread_time(), delay.total_s()
        await asyncio.sleep(TICK_S)
        computed_s = time.process_time() - all_s - (delay.total_s() - delayed_s)
        watch.held_s_max = max(watch.held_s_max, computed_s, time.thread_time() - own_s)
        watch.late_s_max = max(watch.late_s_max, time.perf_counter() - wall_s - TICK_S)


class _RunDelay:
    """How long the calling thread was ready to run and had no core, as Linux counts it; nothing elsewhere."""

    def __enter__(self) -> _RunDelay:
        path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._file = os.open(path, os.O_RDONLY) if path.exists() else None
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def total_s(self) -> float:
        return 0.0 if self._file is None else int(os.pread(self._file, 64, 0).split()[1]) / 1e9
