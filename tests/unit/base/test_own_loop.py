"""A service on an event loop of its own: what it is asked, how it starts, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest

from fenghuo.base.own_loop import OwnLoop

pytestmark = pytest.mark.anyio


class Service:
    """Notes the thread it is entered, asked and left in."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        self.note()
        try:
            yield self
        finally:
            self.note()

    def note(self) -> str:
        self.threads.append(threading.current_thread().name)
        return self.threads[-1]

    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise ValueError("oh")


async def test_everything_happens_in_its_own_thread() -> None:
    service = Service()
    async with OwnLoop(service.running, "apart") as own:
        assert await own.call(lambda there: there.note()) == "apart"
        with pytest.raises(ValueError, match="oh"):
            await own.run(lambda there: there.fail())

    assert service.threads == ["apart"] * 3
    assert threading.current_thread().name != "apart"


async def test_a_service_that_cannot_start_says_so() -> None:
    @contextlib.asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise ValueError("no")
        yield

    with pytest.raises(ValueError, match="no"):
        async with OwnLoop(broken, "apart"):
            raise AssertionError("it was entered")


async def test_an_error_at_the_end_is_raised_at_home() -> None:
    @contextlib.asynccontextmanager
    async def spoilt() -> AsyncIterator[None]:
        yield
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        async with OwnLoop(spoilt, "apart"):
            await asyncio.sleep(0)


async def test_a_service_that_fails_by_itself_says_why_at_once_and_when_it_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    threads: list[threading.Thread] = []

    @contextlib.asynccontextmanager
    async def failing() -> AsyncIterator[asyncio.Event]:
        threads.append(threading.current_thread())
        asked = asyncio.Event()

        async def fail() -> None:
            await asked.wait()
            raise ValueError("by itself")

        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            yield asked

    async def live() -> None:
        async with OwnLoop(failing, "apart") as own:
            assert own.trouble == ""
            await own.call(lambda asked: asked.set())
            await asyncio.to_thread(threads[0].join)
            await asyncio.sleep(0)
            assert "apart has ended by ExceptionGroup" in own.trouble
            assert "by itself" in caplog.text

    with pytest.raises(ExceptionGroup) as caught:
        await live()
    assert caught.group_contains(ValueError, match="by itself")


async def test_cancelling_a_request_cancels_it_over_there() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def wait(there: Service) -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async with OwnLoop(Service().running, "apart") as own:
        asking = asyncio.create_task(own.run(wait))
        while not begun.is_set():
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.to_thread(ended.wait, 10)
        assert ended.is_set()


async def test_an_end_that_takes_too_long_is_cancelled() -> None:
    ending, cancelled = threading.Event(), threading.Event()

    @contextlib.asynccontextmanager
    async def stubborn() -> AsyncIterator[None]:
        yield
        ending.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    own = OwnLoop(stubborn, "apart")
    await own.__aenter__()
    leaving = asyncio.create_task(own.__aexit__(None, None, None))
    while not ending.is_set():
        await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await asyncio.to_thread(cancelled.wait, 10)
    assert cancelled.is_set()
