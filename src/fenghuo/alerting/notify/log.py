"""The notification log, made steady: a database that refuses does not keep anybody from being told.

What was read or written once is remembered in memory, and memory decides. While the database refuses (a full disk
is the very thing that people must be told of), notices go out unrecorded: a restart in that time may repeat them,
never lose them. What could not be recorded is owed, and written by :meth:`SteadyLog.catch_up` once the database works.

Groups that are told at the same time share the way to the database: what waits while one transaction is under way goes
together in the next. An outage that fires in hundreds of groups costs a few transactions, not thousands.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

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

    def entries(self, keys: Iterable[NotificationKey]) -> Mapping[NotificationKey, NotificationEntry]:
        """What these channels were last told about their groups; without those that were told nothing."""
        ...

    def together(self, work: Callable[[], T]) -> T:
        """Do what ``work`` asks of this log in one transaction: all of it is written, or nothing."""
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

    def mark_interrupted(self, notice_id: int, at_ms: int) -> None:
        """Close the claim of a notice that was cut off; whether it arrived is not known."""
        ...

    def remember(self, key: NotificationKey, entry: NotificationEntry) -> None:
        """Replace the entry without a notice: the channel does not want to hear of what has changed."""
        ...


@dataclass(slots=True)
class Ticket:
    """A notice under way. ``number`` is the log's, None while it could not be written down."""

    claim: NoticeClaim
    number: int | None = None


class _Line(Protocol):
    """Something to be written down."""

    owed: ClassVar[bool]
    """Whether it is written later when the database refuses."""

    def write(self, store: NotificationLog) -> int | None:
        """Write it; returns the number of a new claim. Changes nothing here: the transaction may fail yet."""
        ...


@dataclass(frozen=True, slots=True)
class _Claim:
    """A notice that is about to be sent. Not owed: its outcome claims it where it could not be."""

    ticket: Ticket
    owed: ClassVar[bool] = False

    def write(self, store: NotificationLog) -> int | None:
        return store.claim(self.ticket.claim)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a notice; without ``entry`` it failed."""

    ticket: Ticket
    last: Attempt
    entry: NotificationEntry | None
    owed: ClassVar[bool] = True

    def write(self, store: NotificationLog) -> int | None:
        ticket = self.ticket
        number = store.claim(ticket.claim) if ticket.number is None else ticket.number
        if self.entry is None:
            store.mark_failed(number, self.last)
        else:
            store.mark_sent(number, ticket.claim.key, self.entry, self.last)
        return None


@dataclass(frozen=True, slots=True)
class _CutOff:
    """A notice that was cut off after it was claimed."""

    ticket: Ticket
    at_ms: int
    owed: ClassVar[bool] = True

    def write(self, store: NotificationLog) -> int | None:
        if self.ticket.number is not None:
            store.mark_interrupted(self.ticket.number, self.at_ms)
        return None


@dataclass(frozen=True, slots=True)
class _Silence:
    """An entry that changed without a notice."""

    key: NotificationKey
    entry: NotificationEntry
    owed: ClassVar[bool] = True

    def write(self, store: NotificationLog) -> int | None:
        store.remember(self.key, self.entry)
        return None


class SteadyLog:
    """The log as stages use it: asynchronous, and never refusing."""

    def __init__(self, store: NotificationLog, instruments: Instruments, offload: Offload[Any]) -> None:
        self._store = store
        self._instruments = instruments
        self._offload = offload
        self._known: dict[NotificationKey, NotificationEntry | None] = {}
        self._unread: set[NotificationKey] = set()
        self._reading = asyncio.Lock()
        self._waiting: deque[_Line] = deque()
        self._writing = asyncio.Lock()

    async def entry(self, key: NotificationKey) -> NotificationEntry | None:
        """What this channel was last told about this group."""
        if key not in self._known:
            self._unread.add(key)
            async with self._reading:
                if key in self._unread:
                    await self._read()
        return self._known.get(key)

    async def _read(self) -> None:
        keys, self._unread = self._unread, set()
        nothing: Mapping[NotificationKey, NotificationEntry] = {}
        found = await self._try("read", nothing, self._store.entries, keys)
        for key in keys:
            self._known.setdefault(key, found.get(key))

    async def claim(self, claim: NoticeClaim) -> Ticket:
        """Write down that a notice is about to be sent."""
        ticket = Ticket(claim)
        try:
            await self._write(_Claim(ticket))
        except asyncio.CancelledError:
            self.cut_off(ticket, claim.claimed_at_ms)
            raise
        return ticket

    async def attempted(self, ticket: Ticket, attempt: Attempt) -> None:
        """Write down a try that failed and will be followed by another; not owed when it cannot be."""
        if ticket.number is not None:
            await self._try("attempt", None, self._store.attempted, ticket.number, attempt)

    async def mark_sent(self, ticket: Ticket, entry: NotificationEntry, last: Attempt) -> None:
        self._known[ticket.claim.key] = entry
        await self._write(_Outcome(ticket, last, entry))

    async def mark_failed(self, ticket: Ticket, last: Attempt) -> None:
        await self._write(_Outcome(ticket, last, None))

    def cut_off(self, ticket: Ticket, at_ms: int) -> None:
        """Nobody sends this notice any more; that is written down together with what is written next."""
        unclaimed = [line for line in self._waiting if isinstance(line, _Claim) and line.ticket is ticket]
        for line in unclaimed:
            self._waiting.remove(line)
        self._waiting.append(_CutOff(ticket, at_ms))

    async def remember(self, key: NotificationKey, entry: NotificationEntry) -> None:
        self._known[key] = entry
        await self._write(_Silence(key, entry))

    async def catch_up(self) -> None:
        """Try again to write what is owed. To be called now and then."""
        await self._write()

    async def _write(self, *fresh: _Line) -> None:
        """Return when ``fresh`` is written or cannot be; what waited before goes first, and stays owed as it does."""
        self._waiting.extend(fresh)
        # Who is cut off here cuts off nobody else's lines; a thread that writes cannot be stopped anyway.
        await asyncio.shield(self._write_what_waits())

    async def _write_what_waits(self) -> None:
        async with self._writing:
            if not self._waiting:
                return
            lines = list(self._waiting)
            self._waiting.clear()
            try:
                owed = await self._write_together(lines)
            except Exception:
                log.exception("%d lines of the notification log cannot be written; each is tried by itself", len(lines))
                owed = [line for each in lines for line in await self._write_alone(each)]
            self._waiting.extendleft(reversed(owed))
            while len(self._waiting) > OWED.default:
                self._waiting.popleft()
                OWED.hit()

    async def _write_alone(self, line: _Line) -> Sequence[_Line]:
        """A line that cannot be is left out, so that it keeps no other from being written."""
        try:
            return await self._write_together([line])
        except Exception:
            self._instruments.state_refused("write")
            log.exception("a line of the notification log is left out")
            return []

    async def _write_together(self, lines: Sequence[_Line]) -> Sequence[_Line]:
        """In one transaction. Returns what is owed; raises what is no refusal of the database but a fault."""
        numbers = await self._try("write", None, self._store.together, lambda: self._written(lines))
        if numbers is None:
            return [line for line in lines if line.owed]
        for line, number in zip(lines, numbers, strict=True):
            if isinstance(line, _Claim):
                line.ticket.number = number
        return []

    def _written(self, lines: Sequence[_Line]) -> list[int | None]:
        return [line.write(self._store) for line in lines]

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
