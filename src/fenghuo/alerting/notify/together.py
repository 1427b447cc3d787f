"""Several notices that leave as one message: whoever sends, sends what waits, and the others learn what became of it.

Each notice stays claimed until then, so that nothing is lost by a restart.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fenghuo.alerting.notify.channels.channel import Addressable, Channel, ChannelError
from fenghuo.alerting.notify.message import Message, common
from fenghuo.base.clock import Clock

DIGEST: Final = "digest"
COMPANY_S: Final = 0.75
"""How long a notice that was kept until a moment waits for others that were kept until the same moment. Less than the
shortest time after which a receiver's failover is told."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A notice that waits to be sent with others."""

    message: Message
    outcome: asyncio.Future[str | None]


class Together:
    """Notices that wait for one channel."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, one: object) -> bool:
        return one in self._waiting

    def join(self, message: Message) -> Waiting:
        """Wait with the others. Whoever joins calls :meth:`leave` in the end."""
        own = Waiting(message, asyncio.get_running_loop().create_future())
        self._waiting.append(own)
        return own

    def leave(self, own: Waiting) -> None:
        if own in self._waiting:
            self._waiting.remove(own)
        own.outcome.cancel()

    async def send(self, send: Callable[[Message], Awaitable[str | None]]) -> None:
        """Send all that waits as one message, and tell everybody what became of it."""
        told, self._waiting = self._waiting, []
        failure = ChannelError("the digest that held this notice was broken off", retryable=True)
        try:
            remark = await send(digest([one.message for one in told]))
            said = f"in a digest of {len(told)} notices" if len(told) > 1 else ""
            for one in told:
                if not one.outcome.done():
                    one.outcome.set_result("; ".join(part for part in (remark, said) if part) or None)
        except ChannelError as error:
            failure = error
        finally:
            for one in told:
                if not one.outcome.done():
                    one.outcome.set_exception(failure)
                    one.outcome.exception()  # Whoever waits for it may be gone.


class Front(ABC):
    """A channel that stands before another and decides when, and with what, that one sends."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    @property
    def kind(self) -> str:
        return self.channel.kind

    @property
    def send_resolved(self) -> bool:
        return self.channel.send_resolved

    @abstractmethod
    async def send(self, message: Message) -> str | None: ...

    @abstractmethod
    def before(self, channel: Channel) -> Channel:
        """The same before another channel."""

    def addressed(self, to: str) -> Channel:
        """The same for one address. Raises ChannelError when the channel knows none."""
        if not isinstance(self.channel, Addressable):
            raise ChannelError(f"a channel of kind {self.kind} cannot be addressed to a person", retryable=False)
        return self.before(self.channel.addressed(to))


class Gathering(Front):
    """A channel that tells what was kept until a moment, quiet hours or a session, in one digest."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        super().__init__(channel)
        self._clock = clock
        self._together = Together()

    async def send(self, message: Message) -> str | None:
        if not message.was_kept:
            return await self.channel.send(message)
        own = self._together.join(message)
        try:
            await self._clock.sleep(COMPANY_S)
            if not own.outcome.done() and own in self._together:
                await self._together.send(self.channel.send)
            return await own.outcome
        finally:
            self._together.leave(own)

    def before(self, channel: Channel) -> Channel:
        return Gathering(channel, self._clock)


def digest(messages: Sequence[Message]) -> Message:
    """One message of several: every alert once, the newest word of each, and the labels that all groups share.

    One that tells of several incidents names none: a link answers one.
    """
    if len(messages) == 1:
        return messages[0]
    alerts = {alert.fingerprint: alert for message in messages for alert in message.alerts}
    shared = common(message.group_labels for message in messages)
    incidents = {None if message.incident is None else message.incident.number for message in messages}
    incident = messages[-1].incident if len(incidents) == 1 else None
    return replace(
        messages[-1],
        alerts=sorted(alerts.values(), key=lambda alert: alert.labels),
        group_labels=shared,
        reason=DIGEST,
        incident=incident,
    )
