"""One channel, one flush of a group: decide, claim, send, mark.

A notice is claimed in the log before it is sent and marked after. A process that dies in between finds the open
claim when it starts again, and tells again: at least once for every notice, at most one duplicate for the one in
flight.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.notify.backoff import Backoff
from fenghuo.alerting.notify.channels.channel import Channel, ChannelError
from fenghuo.alerting.notify.decide import Reason, Repeat, decide
from fenghuo.alerting.notify.health import ChannelHealth, ChannelName
from fenghuo.alerting.notify.log import SteadyLog, Ticket
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.notify.turns import Turns
from fenghuo.alerting.timing import sleep_or
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.model.notification import Attempt, NoticeClaim, NotificationEntry, NotificationKey

log = logging.getLogger(__name__)

RETENTION_MS = 120 * 3_600_000
"""How long the log remembers a notice at least, so that alerts that come back within days are recognised."""
OVER: Final = frozenset({Reason.ALL_RESOLVED, Reason.SOME_RESOLVED})
"""Why those are told who know that it fired."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every stage of one arrangement needs."""

    clock: Clock
    log: SteadyLog
    instruments: Instruments
    backoff: Callable[[], Backoff]
    guard: Guard
    health: ChannelHealth
    turns: Turns = field(default_factory=Turns)
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when other settings have taken over: an attempt that goes on may end, and no other is made."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a channel is told at one flush."""

    repeat: Repeat
    deadline_s: float
    """On the clock's monotonic scale: no attempt goes on beyond it."""
    may_repeat: bool = True
    """False while it is not known whether what fires fires still."""
    only_over: bool = False
    """Somebody else knows what fires: only what is over is told, to those who were told that it fired."""
    patient: bool = True
    """Whether a platform that asks for patience gets it; else somebody else is told meanwhile."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a channel at a flush."""

    reason: Reason | None = None
    """Why it was told, or should have been; None when there was nothing to say."""
    failure: str = ""
    """Why it does not know; empty when it is up to date."""

    @property
    def up_to_date(self) -> bool:
        return not self.failure


class ChannelStage:
    """Tells one channel about groups."""

    def __init__(self, channel: Channel, receiver: str, index: int, tools: Tools) -> None:
        self._channel = channel
        self._index = index
        self._tools = tools
        self.name = ChannelName(receiver, channel.kind, index)

    async def tell(self, message: Message, terms: Terms) -> Outcome:
        """Bring the channel up to date with the group."""
        key = self._key(message)
        async with self._tools.turns.of(key):
            if self._tools.clock.monotonic_s() >= terms.deadline_s:
                return Outcome(failure="the last notice for the same group took all the time there was")
            return await self._tell(key, message, terms)

    async def knows(self, message: Message, repeat: Repeat) -> bool:
        """Whether the channel was told all that fires, and need not be reminded of it yet."""
        entry = await self._tools.log.entry(self._key(message))
        firing = frozenset(alert.fingerprint for alert in message.firing)
        if entry is None or not firing or not firing <= entry.firing:
            return False
        reason = decide(entry, firing, frozenset(), repeat, send_resolved=False, now_ms=message.at_ms)
        return reason is not Reason.REPEAT

    async def tell_at_once(self, message: Message, reason: Reason, deadline_s: float) -> str:
        """Tell whatever the channel knows; why it failed, empty when it was sent.

        What the channel knows of the group stays as it is: this is told beside its notices.
        """
        assert message.incident is not None
        key = replace(self._key(message), group_key=f"{reason}:{message.incident.id}")
        firing = frozenset(alert.fingerprint for alert in message.firing)
        entry = NotificationEntry(firing, frozenset(), message.at_ms, message.at_ms + RETENTION_MS)
        terms = Terms(Repeat((RETENTION_MS,)), deadline_s, patient=False)
        return await self._claim_and_send(replace(message, reason=reason), key, entry, reason, terms)

    def _key(self, message: Message) -> NotificationKey:
        return NotificationKey(message.group_key, self.name.receiver, self._channel.kind, self._index)

    async def _tell(self, key: NotificationKey, message: Message, terms: Terms) -> Outcome:
        log, repeat = self._tools.log, terms.repeat
        firing = frozenset(alert.fingerprint for alert in message.firing)
        resolved = frozenset(alert.fingerprint for alert in message.resolved)
        send_resolved = self._channel.send_resolved
        entry = await log.entry(key)
        reason = decide(entry, firing, resolved, repeat, send_resolved=send_resolved, now_ms=message.at_ms)
        if reason is None or (reason is Reason.REPEAT and not terms.may_repeat):
            return Outcome()
        if terms.only_over and reason not in OVER:
            return Outcome()
        lifetime_ms = max(RETENTION_MS, 2 * repeat.longest_ms)
        entry = NotificationEntry(firing, resolved, message.at_ms, message.at_ms + lifetime_ms)
        alerts = message.alerts if send_resolved else message.firing
        if not alerts:
            await log.remember(key, entry)
            return Outcome()
        wanted = replace(message, alerts=alerts, reason=reason)
        return Outcome(reason, await self._claim_and_send(wanted, key, entry, reason, terms))

    async def _claim_and_send(
        self, message: Message, key: NotificationKey, entry: NotificationEntry, reason: Reason, terms: Terms
    ) -> str:
        """Why it failed; empty when it was sent."""
        tools = self._tools
        incident = None if message.incident is None else message.incident.number
        claim = NoticeClaim(
            key, reason, message.status, len(message.alerts), message.at_ms, incident, message.instead_of
        )
        ticket = await tools.log.claim(claim)
        tools.instruments.sending.inc()
        try:
            last, failure = await self._send_until(message, ticket, terms)
        except asyncio.CancelledError:
            tools.log.cut_off(ticket, tools.clock.now_ms())
            raise
        finally:
            tools.instruments.sending.dec()
        said = str(failure) if failure is not None else ""
        now_ms = tools.clock.now_ms()
        if failure is None:
            await tools.log.mark_sent(ticket, entry, last)
        else:
            log.error("notice to %s through %s failed: %s", self.name.receiver, self._channel.kind, said)
            await tools.log.mark_failed(ticket, last)
        tools.health.note(self.name, now_ms, failure=said)
        tools.instruments.notified(self._channel.kind, "failed" if failure else "sent", reason, now_ms)
        return said

    async def _send_until(self, message: Message, ticket: Ticket, terms: Terms) -> tuple[Attempt, ChannelError | None]:
        """Try until it works, cannot work, or the time is up: the last try, and why it failed if it did."""
        tools, backoff, number = self._tools, self._tools.backoff(), 0
        while True:
            number += 1
            started_s, started_ms = tools.clock.monotonic_s(), tools.clock.now_ms()
            remark, failure = await self._attempt(message, terms.deadline_s - started_s)
            took_s = tools.clock.monotonic_s() - started_s
            tools.instruments.attempted(self._channel.kind, took_s, failed=failure is not None)
            attempt = Attempt(number, started_ms, round(took_s * 1000), remark or str(failure or ""))
            if failure is None or not failure.retryable or (failure.throttled and not terms.patient):
                return attempt, failure
            pause_s = max(backoff.next_s(), failure.retry_after_s or 0.0)
            if tools.leaving.is_set() or tools.clock.monotonic_s() + pause_s >= terms.deadline_s:
                return attempt, failure
            await tools.log.attempted(ticket, attempt)
            if await sleep_or(tools.clock, pause_s, tools.leaving):
                return attempt, failure

    async def _attempt(self, message: Message, remaining_s: float) -> tuple[str | None, ChannelError | None]:
        """What is to be remarked of a success, and the failure."""
        remark: str | None = None
        failure: ChannelError | None = None

        async def send() -> None:
            nonlocal remark, failure
            try:
                async with self._tools.clock.timeout(remaining_s):
                    remark = await self._channel.send(message)
            except ChannelError as error:
                failure = error
            except OperatingError as error:
                failure = ChannelError(str(error), retryable=error.retryable)
            except TimeoutError:
                failure = ChannelError(f"no answer within {remaining_s:.0f} s", retryable=False)

        if not await self._tools.guard.run("notification", send):
            failure = ChannelError("an error that nobody foresaw; the program's log has it", retryable=False)
        return remark, failure
