"""A service that runs on an event loop of its own, in a thread of its own.

For work in many small steps, each of which would be a burden on the loop that answers people, and too small to be
handed to a worker thread: a hop to one and back takes the interpreter twice from whoever has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, Self, TypeVar

from fenghuo.base.guard import told

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class OwnLoop(Generic[T]):
    """Enters the service that ``make`` makes on a new event loop, of the same kind as the one that enters this.

    Leaving leaves the service and waits for it; cancelled while it waits, it cancels the service's end.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]], name: str) -> None:
        self._make = make
        self._name = name
        self._leaving = False
        self.trouble = ""
        """Why the service has ended although nobody has left it; empty while it goes on."""

    async def __aenter__(self) -> Self:
        """Raises what entering the service raises."""
        home = asyncio.get_running_loop()
        self._entered: asyncio.Future[T] = home.create_future()
        self._left: asyncio.Future[None] = home.create_future()
        threading.Thread(target=self._live, args=(home,), name=self._name, daemon=True).start()
        self._service = await self._entered
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving = True
        with contextlib.suppress(RuntimeError):  # It has failed by itself: why is in what is awaited.
            self._loop.call_soon_threadsafe(self._end.set)
        try:
            await asyncio.shield(self._left)
        except asyncio.CancelledError:
            with contextlib.suppress(RuntimeError):  # It may have ended in this moment.
                self._loop.call_soon_threadsafe(self._task.cancel)
            raise

    @property
    def service(self) -> T:
        """For what may be asked of it from any thread."""
        return self._service

    async def run(self, work: Callable[[T], Awaitable[R]]) -> R:
        """The result of ``work(service)``, awaited over there. Cancelling this cancels it."""

        async def awaited() -> R:
            return await work(self._service)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited(), self._loop))

    async def call(self, work: Callable[[T], R]) -> R:
        """The same for a plain function."""

        async def called() -> R:
            return work(self._service)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(called(), self._loop))

    def _live(self, home: asyncio.AbstractEventLoop) -> None:
        def live() -> None:
            with asyncio.Runner(loop_factory=type(home)) as runner:
                runner.run(self._serve(home))

        told(live, lambda _: _tell(home, self._succeed), lambda error: _tell(home, self._fail, error))

    async def _serve(self, home: asyncio.AbstractEventLoop) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        async with self._make() as service:
            _tell(home, self._enter, service)
            await self._end.wait()

    # What happens at home.

    def _enter(self, service: T) -> None:
        if not self._entered.done():
            self._entered.set_result(service)
        else:
            self._loop.call_soon_threadsafe(self._end.set)  # Who wanted it has been cancelled.

    def _fail(self, error: BaseException) -> None:
        if self._entered.done() and not self._leaving:
            self.trouble = f"{self._name} has ended by {type(error).__name__}: {error}; restart the program"
            log.critical("%s", self.trouble, exc_info=error)
        for waiting in (self._entered, self._left):
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # Looked at, so that asyncio does not complain about the one that nobody awaits.

    def _succeed(self) -> None:
        if not self._left.done():
            self._left.set_result(None)


def _tell(home: asyncio.AbstractEventLoop, what: Callable[..., None], *arguments: object) -> None:
    with contextlib.suppress(RuntimeError):  # Home is closed when it did not wait for the end.
        home.call_soon_threadsafe(what, *arguments)
