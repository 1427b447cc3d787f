"""Notices that leave as one message."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.message import IncidentView, Message
from fenghuo.alerting.notify.together import COMPANY_S, Gathering, digest
from fenghuo.base.clock import ManualClock
from unit.alerting.notify.channels.support import AT_MS, message, told

pytestmark = pytest.mark.anyio


class Robot:
    """Keeps what it is told, for as long as it takes."""

    kind = "robot"
    send_resolved = True

    def __init__(self, clock: ManualClock, takes_s: float = 0.0) -> None:
        self.told: list[list[str]] = []
        self.failure: ChannelError | None = None
        self._clock = clock
        self._takes_s = takes_s

    async def send(self, message: Message) -> str | None:
        await self._clock.sleep(self._takes_s)
        if self.failure is not None:
            raise self.failure
        self.told.append([alert.labels.get("alertname", "") for alert in message.alerts])
        return None


def robot(takes_s: float = 0.0) -> tuple[Robot, Gathering, ManualClock]:
    clock = ManualClock(AT_MS)
    inner = Robot(clock, takes_s)
    return inner, Gathering(inner, clock), clock


def kept(name: str, incident: int | None = None) -> Message:
    view = None if incident is None else IncidentView(incident, f"INC-{incident}", "P3", "open", "http://x/")
    return replace(message(told(name)), was_kept=True, incident=view)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_only_what_was_kept_waits_for_company() -> None:
    inner, channel, clock = robot()
    late = [asyncio.ensure_future(channel.send(kept(name))) for name in ("B", "A")]
    await settled()
    await channel.send(message(told("C")))
    assert inner.told == [["C"]]
    await clock.advance(COMPANY_S)
    assert await asyncio.gather(*late) == ["in a digest of 2 notices"] * 2
    assert inner.told == [["C"], ["A", "B"]]


async def test_one_alone_is_no_digest() -> None:
    inner, channel, clock = robot()
    only = asyncio.ensure_future(channel.send(kept("A", incident=7)))
    await settled()
    await clock.advance(COMPANY_S)
    assert await only is None
    assert inner.told == [["A"]]


async def test_what_comes_while_a_digest_is_sent_is_in_the_next() -> None:
    inner, channel, clock = robot(takes_s=2.0)
    first = asyncio.ensure_future(channel.send(kept("A")))
    await settled()
    await clock.advance(COMPANY_S)
    second = asyncio.ensure_future(channel.send(kept("B")))
    await settled()
    await clock.advance(COMPANY_S + 4.0)
    await asyncio.gather(first, second)
    assert inner.told == [["A"], ["B"]]


async def test_a_digest_that_fails_fails_for_everybody_in_it() -> None:
    inner, channel, clock = robot()
    inner.failure = ChannelError("no", retryable=False)
    both = [asyncio.ensure_future(channel.send(kept(name))) for name in ("A", "B")]
    await settled()
    await clock.advance(COMPANY_S)
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no", "no"]


async def test_who_sends_and_is_broken_off_leaves_the_others_to_try_again() -> None:
    inner, channel, clock = robot(takes_s=2.0)
    sender, other = (asyncio.ensure_future(channel.send(kept(name))) for name in ("A", "B"))
    await settled()
    await clock.advance(COMPANY_S)
    await settled()
    sender.cancel()
    with pytest.raises(ChannelError, match="broken off") as raised:
        await other
    assert raised.value.retryable
    assert inner.told == []


async def test_who_gives_up_before_is_not_sent() -> None:
    inner, channel, clock = robot()
    gone, stays = (asyncio.ensure_future(channel.send(kept(name))) for name in ("A", "B"))
    await settled()
    gone.cancel()
    await settled()
    await clock.advance(COMPANY_S)
    await stays
    assert inner.told == [["B"]]


def test_a_digest_names_an_incident_only_if_it_tells_of_no_other() -> None:
    same = digest([kept("A", 1), kept("B", 1)])
    assert same.incident is not None
    assert same.incident.id == "INC-1"
    assert digest([kept("A", 1), kept("B", 2)]).incident is None
    assert digest([kept("A", 1), kept("B")]).incident is None


def test_a_digest_has_the_newest_word_of_every_alert_in_the_order_of_labels() -> None:
    again = replace(told("B"), ends_at_ms=AT_MS)
    found = digest([message(told("B")), message(told("A")), message(again)])
    assert [(alert.labels.get("alertname"), alert.status) for alert in found.alerts] == [
        ("A", "firing"),
        ("B", "resolved"),
    ]
