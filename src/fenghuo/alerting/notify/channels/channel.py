"""The plug: what the pipeline knows of a channel."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from fenghuo.alerting.notify.message import Message
from fenghuo.base.errors import OperatingError


class ChannelError(OperatingError):
    """A message did not get through.

    ``throttled`` says that the platform has had too many; ``retry_after_s`` is what it asked us to wait, if it did,
    which says so too.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        remedy: str = "",
        retry_after_s: float | None = None,
        throttled: bool = False,
    ) -> None:
        super().__init__(message, retryable=retryable, remedy=remedy)
        self.retry_after_s = retry_after_s
        self.throttled = throttled or retry_after_s is not None


class Channel(Protocol):
    """One way to reach one receiver."""

    @property
    def kind(self) -> str: ...

    @property
    def send_resolved(self) -> bool: ...

    async def send(self, message: Message) -> str | None:
        """Deliver ``message``, or raise ChannelError that says whether another try may help. Never retries itself.

        Returns what is to be remarked about a message that got through in part only, else None.
        """
        ...


@runtime_checkable
class Addressable(Channel, Protocol):
    """A channel that can tell one person alone, or call that person within its message."""

    def addressed(self, to: str) -> Channel:
        """The same channel for one address: a phone number, a mail address, a user's or a chat's id."""
        ...
