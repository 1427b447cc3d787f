"""How many messages a robot may send: a token bucket, and one digest of what does not fit.

A message that finds no token waits for one. Whoever gets it first sends everything that waits by then, as one message
(:mod:`fenghuo.alerting.notify.together`). Some tokens are kept for what is most urgent.
"""

from __future__ import annotations

from typing import Final

from fenghuo.alerting.notify.channels.channel import Channel, ChannelError
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.notify.together import Front, Together
from fenghuo.base import limits
from fenghuo.base.clock import Clock

MINUTE_S: Final = 60.0
URGENT: Final = frozenset({"p0", "disaster", "emergency", "fatal"})
"""Values of ``severity`` that may use the reserved tokens."""
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


class Budgeted(Front):
    """A channel that keeps to its robot's budget."""

    def __init__(self, channel: Channel, bucket: Bucket, clock: Clock) -> None:
        super().__init__(channel)
        self.bucket = bucket
        self._clock = clock
        self._waiting = Together()

    async def send(self, message: Message) -> str | None:
        urgent = is_urgent(message)
        if (urgent or not self._waiting) and self.bucket.take(urgent=urgent):
            return await self.channel.send(message)
        if len(self._waiting) >= WAITING.default:
            WAITING.hit()
            raise ChannelError("too many notices wait for this robot's budget", retryable=True)
        own = self._waiting.join(message)
        try:
            while not own.outcome.done():
                if self.bucket.take(urgent=urgent):
                    await self._waiting.send(self.channel.send)
                else:
                    await self._clock.sleep(self.bucket.wait_s(urgent=urgent))
            return own.outcome.result()
        finally:
            self._waiting.leave(own)

    def before(self, channel: Channel) -> Channel:
        """The same before another channel, within the same budget."""
        return Budgeted(channel, self.bucket, self._clock)


def is_urgent(message: Message) -> bool:
    """By its incident's priority, which trading sessions may have lowered; without one, by its alerts."""
    if message.incident is not None:
        return message.incident.priority.lower() in URGENT
    return any(alert.labels.get("severity", "").lower() in URGENT for alert in message.firing)
