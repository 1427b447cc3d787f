"""A robot's budget: nothing is lost, nothing is sent too fast, and the urgent comes through."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fenghuo.alerting.notify.budget import Bucket, Budgeted, is_urgent
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.notify.message import IncidentView, Message
from fenghuo.base.clock import ManualClock
from unit.alerting.bench import settings_of
from unit.alerting.notify.channels.support import AT_MS, message, told

pytestmark = pytest.mark.anyio


class Robot:
    """Keeps what it is told."""

    kind = "robot"
    send_resolved = True

    def __init__(self, failure: ChannelError | None = None) -> None:
        self.told: list[Message] = []
        self.failure = failure

    async def send(self, message: Message) -> str | None:
        self.told.append(message)
        if self.failure is not None:
            raise self.failure
        return None


def robot(per_minute: int = 3, reserved: int = 1) -> tuple[Robot, Budgeted, ManualClock]:
    clock, inner = ManualClock(AT_MS), Robot()
    return inner, Budgeted(inner, Bucket(per_minute, reserved, clock), clock), clock


def notice(number: int, severity: str = "warning") -> Message:
    return message(told(f"A{number}", severity=severity), group_key=str(number))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_does_not_fit_goes_out_as_one_digest() -> None:
    inner, channel, clock = robot()
    tasks = [asyncio.ensure_future(channel.send(notice(number))) for number in range(6)]
    await settled()
    assert [len(one.alerts) for one in inner.told] == [1, 1], "the third token is reserved"
    await clock.advance(20.0)
    await settled()
    assert [len(one.alerts) for one in inner.told] == [1, 1, 4]
    assert inner.told[-1].reason == "digest"
    remarks = await asyncio.gather(*tasks)
    assert remarks == [None, None, *["in a digest of 4 notices"] * 4]


async def test_the_urgent_uses_what_is_reserved() -> None:
    inner, channel, clock = robot()
    tasks = [asyncio.ensure_future(channel.send(notice(number))) for number in range(3)]
    await settled()
    await channel.send(notice(9, "p0"))
    assert [one.alerts[0].labels.get("alertname") for one in inner.told] == ["A0", "A1", "A9"]
    await clock.advance(60.0)
    await asyncio.gather(*tasks)


@pytest.mark.parametrize(("priority", "severity", "urgent"), [("P0", "info", True), ("P1", "fatal", False)])
def test_an_incident_says_how_urgent_it_is(priority: str, severity: str, urgent: bool) -> None:
    """A trading session may have lowered it."""
    incident = IncidentView(1, "INC-1", priority, "open", "http://x/")
    assert is_urgent(replace(notice(1, severity), incident=incident)) is urgent


async def test_a_digest_that_fails_fails_for_everybody() -> None:
    inner, channel, clock = robot(2, 1)
    await channel.send(notice(0))
    tasks = [asyncio.ensure_future(channel.send(notice(number))) for number in (1, 2)]
    await settled()
    inner.failure = ChannelError("no", retryable=False)
    await clock.advance(60.0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no", "no"]


async def test_who_gives_up_waiting_is_not_sent() -> None:
    inner, channel, clock = robot(2, 1)
    await channel.send(notice(0))
    gone, stays = (asyncio.ensure_future(channel.send(notice(number))) for number in (1, 2))
    await settled()
    gone.cancel()
    await settled()
    await clock.advance(60.0)
    await stays
    assert [alert.labels.get("alertname") for one in inner.told for alert in one.alerts] == ["A0", "A2"]


ROBOTS = """
route: {receiver: team}
receivers:
- {name: team, dingtalk_configs: [{access_token: a, budget: {per_minute: PER, reserved: 1}}]}
"""


async def test_a_reload_is_no_reason_to_send_more() -> None:
    clock = ManualClock(AT_MS)
    channels = Channels(clock)

    def bucket(per_minute: int) -> Bucket:
        ((_, channel),) = channels.build(settings_of(ROBOTS.replace("PER", str(per_minute)))).by_receiver["team"]
        assert isinstance(channel, Budgeted)
        return channel.bucket

    first = bucket(2)
    assert first.take(urgent=True)
    assert bucket(2) is first
    assert bucket(3) is not first
