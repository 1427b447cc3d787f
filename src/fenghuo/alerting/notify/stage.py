"""One channel, one flush of a group: decide, claim, send, mark.

A notice is claimed in the log before it is sent and marked after. A process that dies in between finds the open
claim when it starts again, and tells again: at least once for every notice, at most one duplicate for the one in
flight.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.notify.backoff import Backoff
from fenghuo.alerting.notify.channels.channel import Channel, ChannelError
from fenghuo.alerting.notify.decide import Reason, Repeat, decide
from fenghuo.alerting.notify.log import SteadyLog, Ticket
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.timing import within
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.model.notification import Attempt, NoticeClaim, NotificationEntry, NotificationKey

log = logging.getLogger(__name__)

RETENTION_MS = 120 * 3_600_000
"""How long the log remembers a notice at least, so that alerts that come back within days are recognised."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every stage needs."""

    clock: Clock
    log: SteadyLog
    instruments: Instruments
    backoff: Callable[[], Backoff]


class ChannelStage:
    """Tells one channel about groups."""

    def __init__(self, channel: Channel, receiver: str, index: int, tools: Tools) -> None:
        self._channel = channel
        self._receiver = receiver
        self._index = index
        self._tools = tools

    async def tell(self, message: Message, repeat: Repeat, deadline_s: float, *, may_repeat: bool = True) -> bool:
        """Bring the channel up to date with the group; true when it is, or when it need not be.

        ``may_repeat`` is false while it is not known whether what fires fires still. ``deadline_s`` is on the
        clock's monotonic scale: no attempt goes on beyond it.
        """
        tools = self._tools
        key = NotificationKey(message.group_key, self._receiver, self._channel.kind, self._index)
        firing = frozenset(alert.fingerprint for alert in message.firing)
        resolved = frozenset(alert.fingerprint for alert in message.resolved)
        reason = decide(
            await tools.log.entry(key),
            firing,
            resolved,
            repeat,
            send_resolved=self._channel.send_resolved,
            now_ms=message.at_ms,
        )
        if reason is None or (reason is Reason.REPEAT and not may_repeat):
            return True
        lifetime_ms = max(RETENTION_MS, 2 * repeat.longest_ms)
        entry = NotificationEntry(firing, resolved, message.at_ms, message.at_ms + lifetime_ms)
        alerts = message.alerts if self._channel.send_resolved else message.firing
        if not alerts:
            await tools.log.remember(key, entry)
            return True
        wanted = replace(message, alerts=alerts, reason=reason)
        return await self._claim_and_send(wanted, key, entry, reason, deadline_s)

    async def _claim_and_send(
        self, message: Message, key: NotificationKey, entry: NotificationEntry, reason: Reason, deadline_s: float
    ) -> bool:
        tools = self._tools
        incident = None if message.incident is None else message.incident.number
        claim = NoticeClaim(key, reason, message.status, len(message.alerts), message.at_ms, incident)
        ticket = await tools.log.claim(claim)
        tools.instruments.sending.inc()
        try:
            last, failure = await self._send_until(message, ticket, deadline_s)
        finally:
            tools.instruments.sending.dec()
        if failure is None:
            await tools.log.mark_sent(ticket, entry, last)
        else:
            await tools.log.mark_failed(ticket, last)
            log.error("notice to %s through %s failed: %s", self._receiver, self._channel.kind, failure)
        outcome = "failed" if failure else "sent"
        tools.instruments.notified(self._channel.kind, outcome, reason, tools.clock.now_ms())
        return failure is None

    async def _send_until(
        self, message: Message, ticket: Ticket, deadline_s: float
    ) -> tuple[Attempt, ChannelError | None]:
        """Try until it works, cannot work, or the time is up: the last try, and why it failed if it did."""
        tools, backoff, number = self._tools, self._tools.backoff(), 0
        while True:
            number += 1
            started_s, started_ms = tools.clock.monotonic_s(), tools.clock.now_ms()
            remark, failure = await self._attempt(message, deadline_s - started_s)
            took_s = tools.clock.monotonic_s() - started_s
            tools.instruments.attempted(self._channel.kind, took_s, failed=failure is not None)
            attempt = Attempt(number, started_ms, round(took_s * 1000), remark or str(failure or ""))
            if failure is None:
                return attempt, None
            pause_s = max(backoff.next_s(), failure.retry_after_s or 0.0)
            if not failure.retryable or tools.clock.monotonic_s() + pause_s >= deadline_s:
                return attempt, failure
            await tools.log.attempted(ticket, attempt)
            await tools.clock.sleep(pause_s)

    async def _attempt(self, message: Message, remaining_s: float) -> tuple[str | None, ChannelError | None]:
        """What is to be remarked of a success, and the failure."""
        try:
            return await within(self._tools.clock, remaining_s, self._channel.send(message)), None
        except ChannelError as error:
            return None, error
        except OperatingError as error:
            return None, ChannelError(str(error), retryable=error.retryable)
        except TimeoutError:
            return None, ChannelError(f"no answer within {remaining_s:.0f} s, the group's interval", retryable=False)
