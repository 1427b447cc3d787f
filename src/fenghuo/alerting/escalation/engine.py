"""The escalations that live: they follow their incidents, and their steps are taken when they are due.

Memory decides, and the database remembers: one that refuses keeps nobody from being told. A step is written down as
being taken before anybody is told, and as taken after. Owned by one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from fenghuo.alerting.escalation import course
from fenghuo.alerting.escalation.book import EscalationBook, EscalationStore
from fenghuo.alerting.escalation.metrics import EscalationInstruments
from fenghuo.alerting.escalation.reach import Occasion
from fenghuo.alerting.escalation.terms import EscalationTerms
from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.alerting.incident.machine import Step
from fenghuo.alerting.notify.decide import Reason
from fenghuo.alerting.timing import Offload, in_turns, sleep_or
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError
from fenghuo.base.guard import Guard
from fenghuo.model.escalation import Escalation, EscalationState, FrozenPolicy
from fenghuo.model.incident import SYSTEM, Actor, EventKind, Incident, IncidentEvent

log = logging.getLogger(__name__)

LOOK_S: Final = 15.0
"""How often everything is looked through when nothing is due: clocks jump, and a database may work again."""
REVIEWED_AT_ONCE: Final = 200
"""Incidents that are looked at in one turn of the event loop when settings change."""
AT_ONCE = limits.declare(
    "escalation_steps_at_once", 200, limits.Policy.WAIT, "Steps of escalations that are taken at the same time."
)


class Escalations:
    """``async with`` it: from then on steps are taken. It follows ``incidents`` from the beginning."""

    def __init__(
        self,
        store: EscalationStore,
        incidents: IncidentBook,
        clock: Clock,
        guard: Guard,
        instruments: EscalationInstruments,
        offload: Offload[Any],
        drain_s: float = 5.0,
    ) -> None:
        """``drain_s`` is how long steps under way may take to end when the program stops."""
        self._incidents = incidents
        self._clock = clock
        self._guard = guard
        self._instruments = instruments
        self._drain_s = drain_s
        self._terms: EscalationTerms | None = None
        self._reviewed = True
        self.used_ms = 0
        """Since when the settings hold."""
        self._asked: set[int] = set()
        """Incidents whose next step a person has asked for: nothing keeps it."""
        self._acting: dict[int, asyncio.Task[object]] = {}
        self._telling: set[asyncio.Task[object]] = set()
        self._wake = asyncio.Event()
        self._book = EscalationBook(store, instruments, offload, self._wake.set)
        self._stack = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None
        self._loop: asyncio.Task[None] | None = None
        incidents.followers.append(self._seen)

    def use(self, terms: EscalationTerms) -> None:
        """Go by these settings from now on; what is frozen stays as it is.

        What is open and has no escalation, because its priority named none, begins one that is named now.
        """
        self._terms = terms
        self.used_ms = self._clock.now_ms()
        self._reviewed = False
        self._wake.set()

    def clock_was_set(self, by_ms: int) -> None:
        """Nobody is told later because the clock was set back."""
        if by_ms < 0:
            waiting = (EscalationState.WAITING, EscalationState.PAUSED)
            for each in [each for each in self._book.all() if each.state in waiting]:
                self._book.put(each.incident, course.sooner(each, -by_ms))
            self._wake.set()

    def get(self, incident: int) -> Escalation | None:
        """The escalation of an incident; None where there is none, and when it is resolved."""
        return self._book.get(incident)

    def possible(self, incident: Incident) -> bool:
        """Whether :meth:`escalate` would find somebody to tell."""
        return incident.live and (incident.number in self._book or self.policy(incident) is not None)

    async def restore(self) -> None:
        """Take up what an earlier process left, after the incidents were. Raises OperatingError."""
        now_ms = self._clock.now_ms()
        await self._book.load()
        for known in self._book.all():
            incident = self._incidents.known(known.incident)
            if incident is None or not incident.live:
                self._book.put(known.incident, None)
                continue
            self._follow(incident)
            if (now := self._book.get(known.incident)) is not None:
                await self._catch_up(now, now_ms)

    async def _catch_up(self, known: Escalation, now_ms: int) -> None:
        now, missed = course.caught_up(known, now_ms)
        self._book.put(known.incident, now)
        if missed:
            self._instruments.skipped.inc(missed)
            steps = f"{missed} step{'s' if missed > 1 else ''}"
            text = f"{steps} left out for a newer one: nobody was there to take {'them' if missed > 1 else 'it'}"
            await self._note(known.incident, EventKind.ESCALATION_MISSED, text, {"steps": missed})

    async def __aenter__(self) -> Self:
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._loop = self._group.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Steps under way may end for a while; those that do not are taken again at the next start."""
        assert self._loop is not None
        self._loop.cancel()
        running = {*self._acting.values(), *self._telling}
        if running:
            _, late = await asyncio.wait(running, timeout=self._drain_s)
            for task in late:
                task.cancel()
        await self._stack.aclose()
        self._group = None
        await self._book.write()

    async def finish(self, patience_s: float) -> None:
        """Wait for the steps that are under way, but not longer."""
        if running := {*self._acting.values(), *self._telling}:
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(patience_s):
                    await asyncio.wait(running)

    async def escalate(self, number: int, actor: Actor, comment: str = "") -> Incident:
        """A person wants the next step taken now. An answered incident is open again.

        Raises UnknownIncidentError, and InputError for one that is resolved or has no policy.
        """

        def do(incident: Incident, now_ms: int) -> Step:
            step = machine.escalate(incident, actor, now_ms, comment)
            now = course.hurried(self._book.get(number), number, self.policy(incident), now_ms)
            if now is None:
                raise InputError(
                    f"no escalation is set for {incident.priority}",
                    remedy=f"name one: `priorities: {{{incident.priority}: {{escalation: NAME}}}}`",
                )
            self._asked.add(number)
            self._book.put(number, now)
            return step

        return await self._incidents.act(number, do)

    # --- following incidents

    def _seen(self, before: Incident | None, step: Step) -> None:
        incident = step.incident
        self._follow(incident)
        if before is not None and incident.live and incident.assignee and incident.assignee != before.assignee:
            actors = {event.actor.name for event in step.events if event.kind is EventKind.ASSIGNED}
            self._assign(incident, actors)

    def _follow(self, incident: Incident) -> None:
        number = incident.number
        if not incident.live:
            self._asked.discard(number)
        self._book.put(
            number, course.follow(self._book.get(number), incident, self.policy(incident), self._clock.now_ms())
        )

    def policy(self, incident: Incident) -> FrozenPolicy | None:
        """The one that an incident would begin with now."""
        return None if self._terms is None else self._terms.policy(incident.priority)

    # --- taking steps

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            await self._guard.run("escalation", self._look)
            await sleep_or(self._clock, self._rest_s(), self._wake)

    async def _review(self) -> None:
        """Follow every incident by new settings."""
        self._reviewed = True
        async for incident in in_turns(self._incidents.live(), REVIEWED_AT_ONCE):
            self._follow(self._incidents.known(incident.number) or incident)

    async def _look(self) -> None:
        if not self._reviewed:
            await self._review()
        await self._book.write()
        now_ms = self._clock.now_ms()
        for each in sorted(self._due(now_ms), key=lambda each: (each.policy.priority, each.next_at_ms)):
            if len(self._acting) >= AT_ONCE.default:
                AT_ONCE.hit()
                break
            if self._book.get(each.incident) is each and not self._keep(each, now_ms):
                self._act(each.incident)
            # An incident of many alerts takes a while to be looked through.
            await asyncio.sleep(0)

    def _due(self, now_ms: int) -> list[Escalation]:
        waiting = EscalationState.WAITING
        return [
            each
            for each in self._book.all()
            if each.state is waiting and each.next_at_ms <= now_ms and each.incident not in self._acting
        ]

    def _rest_s(self) -> float:
        """Until the next step is due."""
        now_ms = self._clock.now_ms()
        waiting = (
            each.next_at_ms
            for each in self._book.all()
            if each.state is EscalationState.WAITING and each.incident not in self._acting
        )
        rest_s = (min(waiting, default=now_ms + 1_000_000) - now_ms) / 1000
        if len(self._acting) >= AT_ONCE.default:
            return LOOK_S
        return max(min(rest_s, LOOK_S), 0.0)

    def _keep(self, each: Escalation, now_ms: int) -> bool:
        """Whether the wait for the step begins anew, because the incident is kept quiet at the moment."""
        incident = self._incidents.known(each.incident)
        if incident is None or self._terms is None or each.incident in self._asked:
            return False
        until_ms = self._terms.quiet_until(incident, now_ms)
        if until_ms is None:
            return False
        self._book.put(each.incident, course.put_off(each, until_ms))
        return True

    def _act(self, number: int) -> None:
        assert self._group is not None
        task = self._group.create_task(self._guard.run("escalation", partial(self._take_step, number)))
        self._acting[number] = task
        task.add_done_callback(lambda _: self._acted(number))

    def _acted(self, number: int) -> None:
        del self._acting[number]
        self._wake.set()

    async def _take_step(self, number: int) -> None:
        """Claim, tell, mark. One that is broken off stays claimed, and is taken again at the next start."""
        mine = self._book.get(number)
        if mine is None or mine.state is not EscalationState.WAITING:
            return
        mine = course.claimed(mine)
        self._asked.discard(number)
        self._book.put(number, mine)
        await self._book.write()
        began_ms, began_s, reached = self._clock.now_ms(), self._clock.monotonic_s(), False

        async def tell() -> None:
            nonlocal reached
            reached = await self._tell(mine, began_ms)

        await self._guard.run("escalation", tell)
        self._instruments.steps.labels("reached" if reached else "nobody").inc()
        if self._is_under_way(mine):
            # The clock may have been set meanwhile.
            lasted_ms = round((self._clock.monotonic_s() - began_s) * 1000)
            now = course.taken(mine, self._clock.now_ms() - lasted_ms, reached=reached)
            if number in self._asked:
                # Somebody asked for the next step while this one was being taken.
                now = course.hurried(now, number, None, self._clock.now_ms()) or now
            self._book.put(number, now)
            await self._end(mine)

    async def _tell(self, mine: Escalation, began_ms: int) -> bool:
        if self._terms is None or not self._is_under_way(mine):
            return False
        number, targets = mine.incident, mine.step.targets
        incident = await self._incidents.get(number)
        note = partial(self._note, number)
        await note(EventKind.ESCALATED, course.described(mine), course.facts(mine))
        occasion = Occasion(incident, Reason.ESCALATION, began_ms, note, lambda: self._is_under_way(mine))
        return await self._terms.reach.tell(targets, occasion)

    def _is_under_way(self, mine: Escalation) -> bool:
        """Nobody has answered since the step began, and nothing more urgent took its place."""
        return self._book.get(mine.incident) is mine

    async def _end(self, mine: Escalation) -> None:
        now = self._book.get(mine.incident)
        if now is None or now.state is not EscalationState.OVER:
            return
        self._instruments.over.labels(mine.policy.priority).inc()
        text = f"every step of {mine.policy.name!r} was taken and nobody has answered"
        log.error("INC-%d: %s", mine.incident, text)
        await self._note(mine.incident, EventKind.ESCALATION_OVER, text, {"policy": mine.policy.name})

    # --- assigning

    def _assign(self, incident: Incident, actors: set[str]) -> None:
        """Tell the person to whom it was given, unless that person took it."""
        if self._terms is None or self._group is None:
            return
        person = self._terms.person(incident.assignee)
        if person is None or person in {self._terms.person(actor) for actor in actors}:
            return
        note = partial(self._note, incident.number)
        occasion = Occasion(incident, Reason.ASSIGNED, self._clock.now_ms(), note)
        work = partial(self._terms.reach.person, person, occasion)
        task = self._group.create_task(self._guard.run("assignment", work))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _note(self, number: int, kind: EventKind, text: str, data: Mapping[str, Any]) -> None:
        def do(incident: Incident, now_ms: int) -> Step:
            return Step(incident, [IncidentEvent(now_ms, kind, SYSTEM, text, data)])

        await self._incidents.act(number, do)
