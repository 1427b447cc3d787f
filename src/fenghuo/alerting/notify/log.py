"""The notification log, made steady: a database that refuses does not keep anybody from being told.

What was read or written once is remembered in memory, and memory decides. While the database refuses (a full disk
is the very thing that people must be told of), notices go out unrecorded: a restart in that time may repeat them,
never lose them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.timing import Offload
from fenghuo.base.errors import OperatingError
from fenghuo.model.notification import Attempt, NoticeClaim, NotificationEntry, NotificationKey

log = logging.getLogger(__name__)

T = TypeVar("T")


class NotificationLog(Protocol):
    """Where it is written down who was told what. Synchronous; called in worker threads.

    Every method raises OperatingError when the database refuses.
    """

    def entry(self, key: NotificationKey) -> NotificationEntry | None:
        """What this channel was last told about this group."""
        ...

    def claim(self, claim: NoticeClaim) -> int:
        """Write down that a notice is about to be sent; returns its number."""
        ...

    def attempted(self, notice_id: int, attempt: Attempt) -> None:
        """Write down a try that failed and will be followed by another."""
        ...

    def mark_sent(self, notice_id: int, key: NotificationKey, entry: NotificationEntry, last: Attempt) -> None:
        """Write down the last try, close the claim and replace the entry: all of it or nothing.

        One transaction, because a process that dies between sending and this sends again.
        """
        ...

    def mark_failed(self, notice_id: int, last: Attempt) -> None:
        """Write down the last try and close the claim; the entry stays, so that the next flush tries again."""
        ...

    def remember(self, key: NotificationKey, entry: NotificationEntry) -> None:
        """Replace the entry without a notice: the channel does not want to hear of what has changed."""
        ...


class SteadyLog:
    """The log as stages use it: asynchronous, and never refusing."""

    def __init__(self, store: NotificationLog, instruments: Instruments, offload: Offload[Any]) -> None:
        self._store = store
        self._instruments = instruments
        self._offload = offload
        self._known: dict[NotificationKey, NotificationEntry | None] = {}

    async def entry(self, key: NotificationKey) -> NotificationEntry | None:
        if key not in self._known:
            self._known[key] = await self._try("read", None, self._store.entry, key)
        return self._known[key]

    async def claim(self, claim: NoticeClaim) -> int | None:
        """The notice's number; None when it could not be written down."""
        return await self._try("claim", None, self._store.claim, claim)

    async def attempted(self, notice_id: int | None, attempt: Attempt) -> None:
        if notice_id is not None:
            await self._try("attempt", None, self._store.attempted, notice_id, attempt)

    async def mark_sent(
        self, notice_id: int | None, key: NotificationKey, entry: NotificationEntry, last: Attempt
    ) -> None:
        self._known[key] = entry
        if notice_id is None:
            await self._try("mark", None, self._store.remember, key, entry)
        else:
            await self._try("mark", None, self._store.mark_sent, notice_id, key, entry, last)

    async def mark_failed(self, notice_id: int | None, last: Attempt) -> None:
        if notice_id is not None:
            await self._try("mark", None, self._store.mark_failed, notice_id, last)

    async def remember(self, key: NotificationKey, entry: NotificationEntry) -> None:
        self._known[key] = entry
        await self._try("mark", None, self._store.remember, key, entry)

    def forget_expired(self, now_ms: int) -> None:
        """Drop what the database forgets too."""
        for key in [key for key, entry in self._known.items() if entry is None or entry.expires_at_ms <= now_ms]:
            del self._known[key]

    async def _try(self, operation: str, otherwise: T, work: Callable[..., T], *args: object) -> T:
        try:
            result: T = await self._offload(work, *args)
        except OperatingError as error:
            self._instruments.state_refused(operation)
            log.error("notification log: %s failed, going on from memory: %s", operation, error)
            return otherwise
        return result
