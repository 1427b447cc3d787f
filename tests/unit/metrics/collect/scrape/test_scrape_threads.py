"""Worker threads: results, errors, cancelling, and ends that nobody waits for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fenghuo.metrics.collect.scrape.threads import Threads

pytestmark = pytest.mark.anyio


async def test_work_is_done_beside_the_loop_by_so_many_threads() -> None:
    async with Threads(2, "worker") as threads:
        names = await asyncio.gather(*(threads.run(lambda: threading.current_thread().name) for _ in range(20)))
        assert set(names) <= {"worker-0", "worker-1"}
        assert threads.pending == 0


async def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError("oh")

    async with Threads(1, "worker") as threads:
        with pytest.raises(OSError, match="oh"):
            await threads.run(fail)
        assert await threads.run(lambda: 7) == 7


async def test_work_that_was_begun_is_waited_for_and_other_work_is_not_begun() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go_on.wait(10)
        done.append("slow")

    async with Threads(1, "worker") as threads:
        first = asyncio.create_task(threads.run(slow))
        second = asyncio.create_task(threads.run(lambda: done.append("second")))
        while not begun.is_set():
            await asyncio.sleep(0)
        assert threads.pending == 2
        first.cancel()
        second.cancel()
        await asyncio.wait([second])
        assert not first.done()
        go_on.set()
        await asyncio.wait([first])
        assert first.cancelled()
        assert await threads.run(lambda: done[:]) == ["slow"]
        assert threads.pending == 0


async def test_leaving_waits_for_nobody() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go_on.wait(10)

    async with Threads(1, "worker") as threads:
        threads.submit(hang)
        never = threads.submit(lambda: None)
        while not begun.is_set():
            await asyncio.sleep(0)
    (worker,) = [each for each in threading.enumerate() if each.name == "worker-0"]
    assert worker.daemon
    assert never.cancelled()
    go_on.set()
    await asyncio.to_thread(worker.join, 10)
    assert not worker.is_alive()
