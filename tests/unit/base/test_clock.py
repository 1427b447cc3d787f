"""The manual clock wakes sleepers in order, each at its own moment."""

from __future__ import annotations

import asyncio

import pytest

from fenghuo.base.clock import ManualClock, SystemClock, settle

pytestmark = pytest.mark.anyio


async def test_sleepers_wake_in_order_at_their_moments() -> None:
    clock = ManualClock(1_000_000)
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now_ms()))

    tasks = [asyncio.create_task(sleeper("late", 5)), asyncio.create_task(sleeper("early", 2))]
    await clock.advance(1.999)
    assert woken == []
    await clock.advance(10)

    assert woken == [("early", 1_002_000), ("late", 1_005_000)]
    assert clock.now_ms() == 1_011_999
    await asyncio.gather(*tasks)


async def test_a_sleeper_that_sleeps_again_is_served_within_one_advance() -> None:
    clock = ManualClock()
    ticks: list[float] = []

    async def ticker() -> None:
        while True:
            await clock.sleep(10)
            ticks.append(clock.monotonic_s())

    task = asyncio.create_task(ticker())
    await clock.advance(35)
    task.cancel()

    assert ticks == [10, 20, 30]
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await settle()
    task.cancel()
    await clock.advance(2)

    assert task.cancelled()


async def test_the_wall_clock_can_step_alone() -> None:
    clock = ManualClock(5000)
    clock.step_wall(-3)

    assert (clock.now_ms(), clock.monotonic_s()) == (2000, 0)


async def test_the_system_clock_moves() -> None:
    clock = SystemClock()
    start_s, start_ms = clock.monotonic_s(), clock.now_ms()
    await clock.sleep(-1)
    await clock.sleep(0.002)

    assert clock.monotonic_s() - start_s >= 0.002
    assert clock.now_ms() >= start_ms


async def test_what_takes_too_long_is_cancelled() -> None:
    clock = ManualClock()
    ends: list[str] = []

    async def wait(seconds: float) -> None:
        try:
            async with clock.timeout(2):
                await clock.sleep(seconds)
            ends.append(f"{seconds:g} s")
            await clock.sleep(5)
        except TimeoutError:
            ends.append(f"{seconds:g} s is too long")

    tasks = [asyncio.create_task(wait(seconds)) for seconds in (1, 3)]
    await clock.advance(1.9)
    assert ends == ["1 s"]
    await clock.advance(10)
    assert ends == ["1 s", "3 s is too long"]
    await asyncio.gather(*tasks)

    with pytest.raises(TimeoutError):
        async with SystemClock().timeout(-1):
            await asyncio.get_running_loop().create_future()
