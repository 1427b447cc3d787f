"""How many messages a robot may send: a token bucket, and one digest of what does not fit.

A message that finds no token waits for one. Whoever gets it first sends everything that waits by then, as one message;
the others learn what became of it. Each notice stays claimed until then, so that nothing is lost by a restart. Some
tokens are kept for what is most urgent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fenghuo.alerting.notify.channels.channel import Addressable, Channel, ChannelError
from fenghuo.alerting.notify.message import Message, common
from fenghuo.base import limits
from fenghuo.base.clock import Clock

MINUTE_S: Final = 60.0
URGENT: Final = frozenset({"p0", "disaster", "emergency", "fatal"})
"""Values of ``severity`` that may use the reserved tokens."""
DIGEST: Final = "digest"
WAITING = limits.declare(
    "notices_waiting_for_budget", 1_000, limits.Policy.REJECT, "Notices that wait for one robot's budget."
)


class Bucket:
    """``per_minute`` messages a minute, of which the last ``reserved`` are for urgent ones."""

    def __init__(self, per_minute: int, reserved: int, clock: Clock) -> None:
        self._most = float(per_minute)
        self._rate = per_minute / MINUTE_S
        self._reserved = reserved
        self._clock = clock
        self._left = self._most
        self._at_s = clock.monotonic_s()

    def take(self, *, urgent: bool) -> bool:
        """Take a token if there is one."""
        now_s = self._clock.monotonic_s()
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._left - 1 + 1e-9 < (0 if urgent else self._reserved):
            return False
        self._left -= 1
        return True

    def wait_s(self, *, urgent: bool) -> float:
        """How long until there may be one."""
        return max((1 + (0 if urgent else self._reserved) - self._left) / self._rate, 0.01)


@dataclass(eq=False, slots=True)
class _Waiting:
    message: Message
    outcome: asyncio.Future[str | None]


class Budgeted:
    """A channel that keeps to its robot's budget."""

    def __init__(self, channel: Channel, bucket: Bucket, clock: Clock) -> None:
        self.channel = channel
        self._bucket = bucket
        self._clock = clock
        self._waiting: list[_Waiting] = []

    @property
    def kind(self) -> str:
        return self.channel.kind

    @property
    def send_resolved(self) -> bool:
        return self.channel.send_resolved

    async def send(self, message: Message) -> str | None:
        urgent = is_urgent(message)
        if (urgent or not self._waiting) and self._bucket.take(urgent=urgent):
            return await self.channel.send(message)
        if len(self._waiting) >= WAITING.default:
            WAITING.hit()
            raise ChannelError("too many notices wait for this robot's budget", retryable=True)
        own = _Waiting(message, asyncio.get_running_loop().create_future())
        self._waiting.append(own)
        try:
            while not own.outcome.done():
                if self._bucket.take(urgent=urgent):
                    await self._send_all(own)
                else:
                    await self._clock.sleep(self._bucket.wait_s(urgent=urgent))
            return own.outcome.result()
        finally:
            if own in self._waiting:
                self._waiting.remove(own)
            own.outcome.cancel()

    async def _send_all(self, own: _Waiting) -> None:
        """Send what waits as one message, and tell everybody what became of it."""
        told, self._waiting = self._waiting, []
        failure = ChannelError("the digest that held this notice was broken off", retryable=True)
        remark: str | None = None
        try:
            remark = await self.channel.send(digest([one.message for one in told]))
        except ChannelError as error:
            failure = error
        else:
            said = f"in a digest of {len(told)} notices" if len(told) > 1 else ""
            for one in told:
                if not one.outcome.done():
                    one.outcome.set_result("; ".join(part for part in (remark, said) if part) or None)
        finally:
            for one in told:
                if not one.outcome.done():
                    one.outcome.set_exception(failure)
                    one.outcome.exception()  # Whoever waits for it may be gone.

    def addressed(self, to: str) -> Channel:
        """The same for one address, within the same budget. Raises ChannelError when the channel knows none."""
        if not isinstance(self.channel, Addressable):
            raise ChannelError(f"a channel of kind {self.kind} cannot be addressed to a person", retryable=False)
        return Budgeted(self.channel.addressed(to), self._bucket, self._clock)


def is_urgent(message: Message) -> bool:
    if message.incident is not None and message.incident.priority.lower() in URGENT:
        return True
    return any(alert.labels.get("severity", "").lower() in URGENT for alert in message.firing)


def digest(messages: Sequence[Message]) -> Message:
    """One message of several: every alert once, the newest word of each, and the labels that all groups share."""
    if len(messages) == 1:
        return messages[0]
    alerts = {alert.fingerprint: alert for message in messages for alert in message.alerts}
    shared = common(message.group_labels for message in messages)
    return replace(messages[-1], alerts=list(alerts.values()), group_labels=shared, reason=DIGEST)
