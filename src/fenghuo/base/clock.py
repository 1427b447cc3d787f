"""Time is a parameter: everything that waits or asks for the time is handed a :class:`Clock`.

:class:`SystemClock` is the machine's. :class:`ManualClock` stands still until a test moves it, so that tests of
timers never sleep.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

CLOCK_SET_MS_MIN: Final = 5_000
"""By less a clock is corrected now and then, and nobody minds."""


class Clock(Protocol):
    """What the program may know of time."""

    def now_ms(self) -> int:
        """Wall-clock time: milliseconds since the Unix epoch. May step back when the machine's clock is set."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary point; never steps back. For measuring durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait. Negative and zero durations yield to other tasks once."""
        ...

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Cancels what runs inside when the time has passed, and raises TimeoutError then."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(max(seconds, 0.0))


class WatchedClock:
    """Another clock, whose followers learn when its wall clock was set. For one thread at a time.

    They are called before whoever asked for the time has it: with the milliseconds by which the clock was set, negative
    for back, and with the time as it is now.
    """

    def __init__(self, clock: Clock) -> None:
        self.followers: list[Callable[[int, int], None]] = []
        self._clock = clock
        self._ahead_ms = self._read()[1]
        """Of the monotonic clock."""

    def _read(self) -> tuple[int, float]:
        now_ms = self._clock.now_ms()
        return now_ms, now_ms - self._clock.monotonic_s() * 1000

    def now_ms(self) -> int:
        now_ms, ahead_ms = self._read()
        by_ms = round(ahead_ms - self._ahead_ms)
        self._ahead_ms = ahead_ms
        if abs(by_ms) >= CLOCK_SET_MS_MIN:
            for follower in self.followers:
                follower(by_ms, now_ms)
        return now_ms

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return self._clock.timeout(seconds)


class ManualClock:
    """A clock that stands still until :meth:`advance` moves it.

    Sleepers wake in the order of their deadlines, and everything they do becomes ready before the clock moves on
    to the next deadline.
    """

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = float(now_ms)
        self._elapsed_s = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        return round(self._now_ms)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._sleeper(seconds)

    @contextlib.asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as scope:
            inside = True

            def expire(waiter: asyncio.Future[None]) -> None:
                if inside and not waiter.cancelled():
                    scope.reschedule(waiter.get_loop().time())

            waiter = self._sleeper(seconds)
            waiter.add_done_callback(expire)
            try:
                yield
            finally:
                inside = False
                waiter.cancel()

    def _sleeper(self, seconds: float) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, next(self._order), future))
        return future

    def step_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as an administrator or NTP would; nobody wakes."""
        self._now_ms += seconds * 1000

    async def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass, waking each sleeper at its own moment."""
        await settle()
        end_s = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= end_s:
            due_s, _, future = heapq.heappop(self._sleepers)
            self._move_to(due_s)
            if not future.done():
                future.set_result(None)
                await settle()
        self._move_to(end_s)

    def _move_to(self, elapsed_s: float) -> None:
        self._now_ms += (elapsed_s - self._elapsed_s) * 1000
        self._elapsed_s = elapsed_s


async def settle(rounds: int = 60) -> None:
    """Give every ready task of this event loop ``rounds`` turns."""
    for _ in range(rounds):
        await asyncio.sleep(0)
