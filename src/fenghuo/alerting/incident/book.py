"""The incidents that matter now, in memory, and behind them the state.

What is seen or done holds at once; it is written down before the call returns, together with whatever else waits to
be. A database that refuses keeps nobody from answering: what it owes is written by :meth:`IncidentBook.catch_up`.
Owned by one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.machine import REOPEN_MS, Deadline, Sighting, Step
from fenghuo.alerting.incident.metrics import IncidentInstruments
from fenghuo.alerting.priority.settings import ACK_WITHIN_MS
from fenghuo.alerting.timing import Offload, in_turns
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.incident import SYSTEM, EventKind, Incident, IncidentEvent, IncidentState, IncidentTimes, Priority

log = logging.getLogger(__name__)

KEPT_MS = 400 * 86_400_000
INCIDENTS = limits.declare(
    "incidents_kept", 50_000, limits.Policy.DROP_OLDEST, "Incidents that can be looked up; 400 days at most."
)
EVENTS = limits.declare(
    "incident_events", 2_000, limits.Policy.REJECT, "Lines of one incident's time line that the program itself writes."
)
LINKS_REFUSED = limits.declare(
    "incident_link_refusals",
    200,
    limits.Policy.REJECT,
    "Lines of a time line before which it also tells of links that were refused: anybody who has one can make them.",
)
OWED = limits.declare(
    "incident_events_owed",
    10_000,
    limits.Policy.DROP_OLDEST,
    "Lines of time lines that wait to be recorded while the database refuses.",
)
LOOKED_AT_AT_ONCE = 25
"""Incidents that are looked at in one turn of the event loop: about 1 ms of work."""
Act = Callable[[Incident, int], Step]
"""What a person does, at a moment in ms."""
Follower = Callable[[Incident | None, Step], None]
Key = tuple[str, str]
"""A group's key and its route's receiver."""


class IncidentStore(Protocol):
    """Where incidents survive the process. Synchronous; every method raises OperatingError when it is refused."""

    def last_number(self) -> int: ...

    def load(self, resolved_after_ms: int) -> list[Incident]: ...

    def save(self, changed: Iterable[Incident], events: Sequence[tuple[int, IncidentEvent]]) -> None: ...

    def get(self, number: int) -> Incident | None: ...

    def find(
        self,
        states: Sequence[IncidentState] = (),
        priorities: Sequence[Priority] = (),
        before: int | None = None,
        limit: int = 100,
    ) -> list[Incident]: ...

    def timeline(self, number: int) -> list[IncidentEvent]: ...

    def times(self, since_ms: int) -> list[IncidentTimes]: ...

    def forget(self, resolved_before_ms: int, kept: int) -> int: ...

    def use_link(self, nonce: str, used_ms: int, expires_ms: int) -> bool: ...

    def link_used(self, nonce: str) -> bool: ...


class UnknownIncidentError(InputError):
    """There is no incident of that number."""


class IncidentBook:
    """Every incident that lives or was resolved lately."""

    def __init__(
        self, store: IncidentStore, clock: Clock, instruments: IncidentInstruments, offload: Offload[Any]
    ) -> None:
        self._store = store
        self._clock = clock
        self._instruments = instruments
        self._offload = offload
        self._known: dict[int, Incident] = {}
        self._by_group: dict[Key, int] = {}
        self._last = 0
        self._changed: set[int] = set()
        self._owed: deque[tuple[int, IncidentEvent]] = deque()
        self._writing = asyncio.Lock()
        self.followers: list[Follower] = []
        """Called with each change, and what was before; None: the incident is new."""
        self.deadline: Deadline = no_later_than
        """By the settings in force. What was given a time keeps it when they change."""

    async def restore(self) -> None:
        """Take up what an earlier process left. Raises OperatingError."""
        self._last = await self._offload(self._store.last_number)
        for incident in await self._offload(self._store.load, self._clock.now_ms() - REOPEN_MS):
            self._known[incident.number] = incident
            self._by_group[incident.group_key, incident.receiver] = incident.number
        self._measure()

    def known(self, number: int) -> Incident | None:
        """One that lives or was resolved lately."""
        return self._known.get(number)

    def live(self) -> list[Incident]:
        """Those that are not resolved, the oldest first."""
        return [each for each in self._known.values() if each.live]

    async def see(self, sighting: Sighting, at_ms: int) -> Incident | None:
        """The incident of a group as a flush sees it that looks at ``at_ms``; None while nothing was ever told."""
        key = sighting.group_key, sighting.receiver
        known = self._known.get(self._by_group.get(key, 0))
        step = machine.observe(known, sighting, self._last + 1, at_ms)
        if step is None:
            return None
        if step.incident.number > self._last:
            self._last = step.incident.number
            self._by_group[key] = self._last
        taken = self._take(step)
        if taken is not known:
            await self._write()
        return taken

    async def act(self, number: int, do: Act) -> Incident:
        """Let a person do something; the incident as it is then.

        Raises UnknownIncidentError, InputError for what cannot be done, and OperatingError where an old one cannot be
        read.
        """
        await self._fetch(number)
        before = self._known[number]
        step = do(before, self._clock.now_ms())
        if step.incident.live and not before.live:
            self._lead(before)
        taken = self._take(step)
        await self._write()
        return taken

    async def get(self, number: int) -> Incident:
        """Raises as :meth:`act` does."""
        await self._fetch(number)
        return self._known[number]

    async def timeline(self, number: int) -> list[IncidentEvent]:
        """What happened in it, in order of time. Raises as :meth:`act` does."""
        await self._fetch(number)
        kept: list[IncidentEvent] = await self._offload(self._store.timeline, number)
        owed = [event for owner, event in self._owed if owner == number]
        return sorted([*kept, *owed], key=lambda event: event.at_ms)

    async def find(
        self,
        states: Sequence[IncidentState] = (),
        priorities: Sequence[Priority] = (),
        before: int | None = None,
        limit: int = 100,
    ) -> list[Incident]:
        """The newest first, as the database knows them. Raises OperatingError."""
        found: list[Incident] = await self._offload(self._store.find, states, priorities, before, limit)
        return [self._known.get(each.number, each) for each in found]

    async def times(self, since_ms: int) -> list[IncidentTimes]:
        """MTTA and MTTR of what opened since the moment. Raises OperatingError."""
        found: list[IncidentTimes] = await self._offload(self._store.times, since_ms)
        return found

    async def use_link(self, nonce: str, expires_ms: int) -> bool:
        """Use a link; false when it was used before. Raises OperatingError: an unrecorded use could be repeated."""
        used: bool = await self._offload(self._store.use_link, nonce, self._clock.now_ms(), expires_ms)
        return used

    async def link_used(self, nonce: str) -> bool:
        used: bool = await self._offload(self._store.link_used, nonce)
        return used

    async def catch_up(self) -> None:
        """Open what was snoozed until now, see what nobody has answered in time, and write what is owed.

        To be called now and then.
        """
        async for number in in_turns([each.number for each in self.live()], LOOKED_AT_AT_ONCE):
            incident, now_ms = self._known.get(number), self._clock.now_ms()
            if incident is not None and incident.live:
                self._take(machine.late(self._take(machine.woken(Step(incident), now_ms)), now_ms))
        self._measure()
        await self._write()

    async def tidy(self, groups: Collection[Key]) -> None:
        """Resolve what no group stands behind any more, and forget what is old. Raises OperatingError."""
        now_ms = self._clock.now_ms()
        for incident in self.live():
            if incident.firing and (incident.group_key, incident.receiver) not in groups:
                self._take(machine.abandoned(incident, now_ms))
        await self._write()
        for incident in list(self._known.values()):
            key = incident.group_key, incident.receiver
            over = not incident.live and now_ms - (incident.resolved_ms or 0) > REOPEN_MS
            if over and key not in groups and incident.number not in self._changed:
                del self._known[incident.number]
                if self._by_group.get(key) == incident.number:
                    del self._by_group[key]
        INCIDENTS.hit(await self._offload(self._store.forget, now_ms - KEPT_MS, INCIDENTS.default))

    def _lead(self, incident: Incident) -> None:
        """Let the incident be its group's again. Raises InputError when the group has a newer one that lives."""
        key = incident.group_key, incident.receiver
        newer = self._known.get(self._by_group.get(key, 0))
        if newer is not None and newer.live:
            raise InputError(f"{newer.id} is open for the same group", remedy=f"go on with {newer.id}")
        self._by_group[key] = incident.number

    async def _fetch(self, number: int) -> None:
        if number not in self._known:
            found = await self._offload(self._store.get, number)
            if found is None:
                raise UnknownIncidentError(f"there is no incident INC-{number}", remedy="`fenghuo incident list`")
            self._known.setdefault(number, found)

    def _take(self, step: Step) -> Incident:
        number = step.incident.number
        before = self._known.get(number)
        events = _fitting(step)
        step = machine.timed(before, step, self.deadline, self._clock.now_ms())
        taken = replace(step.incident, events=step.incident.events + len(events))
        if taken == before:
            return before
        self._known[number] = taken
        self._changed.add(number)
        self._instruments.stepped(before, step)
        for follow in self.followers:
            follow(before, Step(taken, list(events)))
        self._owed.extend((number, event) for event in events)
        while len(self._owed) > OWED.default:
            self._owed.popleft()
            OWED.hit()
        return taken

    async def _write(self) -> None:
        """Write all that waits in one transaction: flushes of many groups at once share it."""
        # Who is cut off here cuts off nobody else's; a thread that writes cannot be stopped anyway.
        await asyncio.shield(self._write_what_waits())

    async def _write_what_waits(self) -> None:
        async with self._writing:
            if not self._changed and not self._owed:
                return
            numbers, events = list(self._changed), list(self._owed)
            self._changed.clear()
            self._owed.clear()
            try:
                await self._save(numbers, events)
            except Exception:
                log.exception("%d incidents cannot be recorded together; each is tried by itself", len(numbers))
                for number in dict.fromkeys([*numbers, *(owner for owner, _ in events)]):
                    await self._save_alone(number, [each for each in events if each[0] == number])

    async def _save_alone(self, number: int, events: Sequence[tuple[int, IncidentEvent]]) -> None:
        """One that cannot be recorded is left out, so that it keeps no other from it, and nobody from being told."""
        try:
            await self._save([number], events)
        except Exception:
            log.exception("INC-%d is not recorded as it is now", number)

    async def _save(self, numbers: Sequence[int], events: Sequence[tuple[int, IncidentEvent]]) -> None:
        """Raises what is no refusal of the database but a fault."""
        try:
            await self._offload(self._store.save, [self._known[number] for number in numbers], events)
        except OperatingError as error:
            self._changed.update(numbers)
            self._owed.extendleft(reversed(events))
            log.error("%d incidents are not recorded and would not survive a restart: %s", len(numbers), error)

    def _measure(self) -> None:
        counts = Counter((each.state, each.priority) for each in self.live())
        for state in IncidentState:
            for priority in Priority:
                if state is not IncidentState.RESOLVED:
                    self._instruments.live.labels(state, priority).set(counts[state, priority])
        late = Counter(each.priority for each in self.live() if each.overdue)
        for priority in Priority:
            self._instruments.overdue.labels(priority).set(late[priority])


def _fitting(step: Step) -> list[IncidentEvent]:
    """What of the step's lines has room on the time line; lines of people always have."""
    events, length = step.events, step.incident.events
    if length >= LINKS_REFUSED.default:
        kept = [event for event in events if event.kind is not EventKind.LINK_REFUSED]
        LINKS_REFUSED.hit(len(events) - len(kept))
        events = kept
    if length >= EVENTS.default:
        kept = [event for event in events if event.actor is not SYSTEM]
        EVENTS.hit(len(events) - len(kept))
        events = kept
    return events


def no_later_than(incident: Incident, since_ms: int) -> int:
    """The time to answer that holds without settings."""
    return since_ms + ACK_WITHIN_MS[incident.priority]


def number_of(text: str) -> int:
    """``INC-12``, ``inc-12`` or ``12``. Raises InputError for anything else."""
    found = re.fullmatch(r"(?:inc-)?([0-9]{1,15})", text.strip(), re.IGNORECASE | re.ASCII)
    if found is None:
        raise UnknownIncidentError(f"{text!r} is not the number of an incident", remedy="write INC-12 or 12")
    return int(found[1])
