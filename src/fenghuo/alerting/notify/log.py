"""The notification log, made steady: a database that refuses does not keep anybody from being told.

What was read or written once is remembered in memory, and memory decides. While the database refuses (a full disk
is the very thing that people must be told of), notices go out unrecorded: a restart in that time may repeat them,
never lose them. What could not be recorded is owed, and written by :meth:`SteadyLog.catch_up` once the database works.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.timing import Offload
from fenghuo.base import limits
from fenghuo.base.errors import OperatingError
from fenghuo.model.notification import Attempt, NoticeClaim, NotificationEntry, NotificationKey

log = logging.getLogger(__name__)

T = TypeVar("T")

OWED = limits.declare(
    "notices_owed", 10_000, limits.Policy.DROP_OLDEST, "Notices that wait to be recorded while the database refuses."
)


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


@dataclass(slots=True)
class Ticket:
    """A notice under way. ``number`` is the log's, None while it could not be written down."""

    claim: NoticeClaim
    number: int | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a notice; without ``entry`` it failed."""

    ticket: Ticket
    last: Attempt
    entry: NotificationEntry | None

    def write(self, store: NotificationLog) -> None:
        ticket = self.ticket
        if ticket.number is None:
            ticket.number = store.claim(ticket.claim)
        if self.entry is None:
            store.mark_failed(ticket.number, self.last)
        else:
            store.mark_sent(ticket.number, ticket.claim.key, self.entry, self.last)


@dataclass(frozen=True, slots=True)
class _Silence:
    """An entry that changed without a notice."""

    key: NotificationKey
    entry: NotificationEntry

    def write(self, store: NotificationLog) -> None:
        store.remember(self.key, self.entry)


class SteadyLog:
    """The log as stages use it: asynchronous, and never refusing."""

    def __init__(self, store: NotificationLog, instruments: Instruments, offload: Offload[Any]) -> None:
        self._store = store
        self._instruments = instruments
        self._offload = offload
        self._known: dict[NotificationKey, NotificationEntry | None] = {}
        self._owed: deque[_Outcome | _Silence] = deque()
        self._writing = asyncio.Lock()

    async def entry(self, key: NotificationKey) -> NotificationEntry | None:
        if key not in self._known:
            self._known[key] = await self._try("read", None, self._store.entry, key)
        return self._known[key]

    async def claim(self, claim: NoticeClaim) -> Ticket:
        """Write down that a notice is about to be sent."""
        return Ticket(claim, await self._try("claim", None, self._store.claim, claim))

    async def attempted(self, ticket: Ticket, attempt: Attempt) -> None:
        """Write down a try that failed and will be followed by another; not owed when it cannot be."""
        if ticket.number is not None:
            await self._try("attempt", None, self._store.attempted, ticket.number, attempt)

    async def mark_sent(self, ticket: Ticket, entry: NotificationEntry, last: Attempt) -> None:
        self._known[ticket.claim.key] = entry
        await self._write(_Outcome(ticket, last, entry))

    async def mark_failed(self, ticket: Ticket, last: Attempt) -> None:
        await self._write(_Outcome(ticket, last, None))

    async def remember(self, key: NotificationKey, entry: NotificationEntry) -> None:
        self._known[key] = entry
        await self._write(_Silence(key, entry))

    async def catch_up(self) -> None:
        """Try again to write what is owed. To be called now and then."""
        if self._owed:
            await self._write()

    async def _write(self, *fresh: _Outcome | _Silence) -> None:
        """Write what is owed and what is fresh, in this order; from the first refusal on it stays owed."""
        self._owed.extend(fresh)
        async with self._writing:
            while self._owed:
                one = self._owed.popleft()
                if not await self._try("mark", False, self._written, one):
                    self._owed.appendleft(one)
                    break
            while len(self._owed) > OWED.default:
                self._owed.popleft()
                OWED.hit()

    def _written(self, one: _Outcome | _Silence) -> bool:
        one.write(self._store)
        return True

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
