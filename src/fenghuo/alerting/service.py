"""The service: takes alerts in, keeps them over restarts, and sees to it that somebody is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from fenghuo.alerting.arrangement import Arrangement, Arranger
from fenghuo.alerting.book import Book
from fenghuo.alerting.entry import Entry
from fenghuo.alerting.escalation.auditor import Auditor
from fenghuo.alerting.escalation.engine import Escalations
from fenghuo.alerting.escalation.metrics import EscalationInstruments
from fenghuo.alerting.escalation.settings import EscalationPolicy, EscalationsSettings
from fenghuo.alerting.held import Held, restored
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.alerting.incident.links import Links
from fenghuo.alerting.incident.metrics import IncidentInstruments
from fenghuo.alerting.intake import Intake
from fenghuo.alerting.lookup import alert_views, group_views
from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.mute.silences import Change, Silences
from fenghuo.alerting.notify.health import ChannelHealth, FailingWhen
from fenghuo.alerting.notify.log import SteadyLog
from fenghuo.alerting.notify.stage import Tools
from fenghuo.alerting.parts import AlertingParts, AlertView, GroupView
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.reached import Duty
from fenghuo.alerting.route.dispatch import Dispatcher
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.alerting.upkeep import Upkeep
from fenghuo.alerting.whatif import Surroundings, WhatIf, what_if
from fenghuo.base.clock import WatchedClock
from fenghuo.base.errors import OperatingError
from fenghuo.model.alert import Alert
from fenghuo.model.duration import format_duration
from fenghuo.model.incident import Priority
from fenghuo.model.labels import Labels
from fenghuo.model.notification import Notice
from fenghuo.model.silence import Silence
from fenghuo.trading import MarketBook

log = logging.getLogger(__name__)

RETIRING_S = 30.0
"""How long an attempt to send may go on after other settings have taken over."""
NOTICES_REREAD = 1_000
"""Of an earlier process, to know which channels failed."""


class Alerting:
    """``async with Alerting(parts, settings) as alerting``: then ``alerting.intake.put(alerts)`` from anywhere.

    Entering restores the alerts that an earlier process knew. A restart neither repeats a notice nor forgets one.
    """

    def __init__(
        self,
        parts: AlertingParts,
        settings: AlertingSettings,
        markets: MarketBook | None = None,
        priorities: PrioritiesSettings | None = None,
        escalations: EscalationsSettings | None = None,
    ) -> None:
        """Without ``markets`` and ``priorities`` those hold that are built in, without ``escalations`` none."""
        clock = WatchedClock(parts.clock)
        clock.followers.append(self._clock_was_set)
        self._parts = parts = replace(parts, clock=clock)
        self._instruments = Instruments(parts.registry)
        self._book = Book()
        self._silences = Silences()
        self._log = SteadyLog(parts.log, self._instruments, parts.offload)
        self._health = ChannelHealth()
        self._tools = Tools(parts.clock, self._log, self._instruments, parts.backoff, parts.guard, self._health)
        self.incident_instruments = IncidentInstruments(parts.registry)
        self.incidents = IncidentBook(parts.incidents, parts.clock, self.incident_instruments, parts.offload)
        self.links = Links(parts.link_secret)
        counts = EscalationInstruments(parts.registry)
        self.escalations = Escalations(
            parts.escalations, self.incidents, parts.clock, parts.guard, counts, parts.offload, parts.drain_s
        )
        self._arranger = Arranger(parts, self._tools, self._book, self._silences, self.incidents, self.links, counts)
        self._arrangement = self._arranger.arrange(settings, markets, priorities, escalations)
        self._entry = Entry(self._book, parts, self._instruments, lambda: self.settings.global_.resolve_timeout_ms)
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._group: asyncio.TaskGroup | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._dispatcher: Dispatcher | None = None
        self._swapping = asyncio.Lock()
        self._silencing = asyncio.Lock()
        self.intake = Intake(self._instruments)
        self._taken: list[Alert] = []
        """What was taken from the intake and is not entered yet."""
        self._upkeep = Upkeep(
            parts=parts,
            instruments=self._instruments,
            book=self._book,
            entry=self._entry,
            silences=self._silences,
            notices=self._log,
            incidents=self.incidents,
            health=self._health,
            auditor=Auditor(self.escalations, self.incidents, self.intake.put, counts),
            report=self.intake.put,
            dispatcher=lambda: self._at_work,
        )

    async def __aenter__(self) -> Self:
        now_ms = self._parts.clock.now_ms()
        saved = await self._parts.offload(self._parts.alerts.load)
        self._silences.restore(await self._parts.offload(self._parts.silences.load))
        await self.incidents.restore()
        if interrupted := await self._close_claims():
            log.warning("%d notices were being sent when the last process ended; they are sent again", interrupted)
        self._book.restore(restored(alert, ours, now_ms) for alert, ours in saved)
        self._health.restore(reversed(await self._parts.offload(self._parts.log.recent, NOTICES_REREAD)))
        self._group = group = await self._stack.enter_async_context(asyncio.TaskGroup())
        await self._start_dispatcher()
        await self.escalations.restore()
        await self.escalations.__aenter__()
        self.intake.attach()
        self._tasks = [group.create_task(work) for work in (self._take_in(), self._upkeep.run())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.intake.detach()
        for task in self._tasks:
            task.cancel()
        # What was being entered is entered again, whole: it may be cut off before it is dispatched or saved.
        await self._enter([*self._taken, *self.intake.take()])
        for task in self._retiring:
            task.cancel()
        # At the same time: whoever stops the program waits for one of the two patiences, not for both.
        ends = [self.escalations.__aexit__(None, None, None)]
        if self._dispatcher is not None:
            ends.append(self._dispatcher.__aexit__(None, None, None))
        await asyncio.gather(*ends)
        if self._retiring:
            await asyncio.wait(self._retiring)
        await self._upkeep.catch_up()
        await self._arrangement.channels.aclose()
        await self._stack.aclose()

    async def apply(
        self,
        settings: AlertingSettings,
        markets: MarketBook | None = None,
        priorities: PrioritiesSettings | None = None,
        escalations: EscalationsSettings | None = None,
    ) -> None:
        """Go on with other settings. Raises InputError, with the old ones still at work, when they cannot work.

        What is being sent may end under the old ones; what is told next waits for it, and knows what was told.
        """
        arrangement = self._arranger.arrange(settings, markets, priorities, escalations)
        async with self._swapping:
            assert self._group is not None
            retiring = self._group.create_task(self._retire(self._arrangement, self._at_work))
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)
            self._arrangement = arrangement
            await self._start_dispatcher()

    @property
    def settings(self) -> AlertingSettings:
        """Those that are at work."""
        return self._arrangement.settings

    async def alerts(self) -> list[AlertView]:
        """Every alert that fires now, with what becomes of it."""
        return await alert_views(self._book.snapshot(), self._arrangement, self._silences, self._parts.clock.now_ms())

    def firing(self) -> list[Alert]:
        """Every alert that fires now, and nothing of what becomes of it."""
        return [held.alert for held in self._book.firing(self._parts.clock.now_ms())]

    async def groups(self) -> list[GroupView]:
        """Every group with the alerts in it that fire now, by labels and receiver."""
        now_ms = self._parts.clock.now_ms()
        return await group_views(self._at_work.groups, self._arrangement, self._silences, now_ms)

    async def what_if(
        self, labels: Labels, at_ms: int, duty: Duty, escalations: Mapping[str, EscalationPolicy]
    ) -> WhatIf:
        """What would become of an alert that begins to fire at ``at_ms``; what fires now counts as firing then."""
        now = self._arrangement
        around = Surroundings(
            root=now.root,
            muting=now.mutes.intervals_muting,
            priorities=now.telling.priorities,
            inhibited_by=now.mutes.inhibited_by(labels, self._parts.clock.now_ms()),
            silences=self._silences.meeting(labels),
            escalations=escalations,
            duty=duty,
        )
        found: WhatIf = await self._parts.offload(what_if, labels, at_ms, around)
        return found

    @property
    def silences(self) -> Silences:
        """What is silenced; to be looked at only. Changes go through :meth:`silence` and :meth:`expire_silence`."""
        return self._silences

    async def silence(self, wanted: Silence) -> str:
        """Make or change a silence; returns its id, which is a new one when the old one could not be changed.

        Raises InputError for one that cannot be and OperatingError when it cannot be kept.
        """
        async with self._silencing:
            return await self._keep(self._silences.set(wanted, self._parts.clock.now_ms()))

    async def expire_silence(self, silence_id: str) -> None:
        """End a silence. Raises InputError when there is none or it is over."""
        async with self._silencing:
            await self._keep(self._silences.expire(silence_id, self._parts.clock.now_ms()))

    async def _keep(self, change: Change) -> str:
        await self._parts.offload(self._parts.silences.save, change.kept)
        self._silences.take(change.kept)
        return change.id

    def deliveries(self, limit: int = 100) -> list[Notice]:
        """The newest notices first, with their outcome. Blocking: reads the database."""
        return self._parts.log.recent(limit)

    @property
    def _at_work(self) -> Dispatcher:
        """The dispatcher of now."""
        assert self._dispatcher is not None
        return self._dispatcher

    async def _start_dispatcher(self) -> None:
        parts, now = self._parts, self._arrangement
        self.incidents.deadline = now.telling.deadline
        self.escalations.use(now.terms)
        table = now.telling.priorities
        dispatcher = Dispatcher(
            now.root,
            parts.clock,
            now.telling.tell,
            self._instruments,
            parts.guard,
            parts.drain_s,
            urgent=lambda labels: table.of(labels) is Priority.P0,
        )
        await dispatcher.__aenter__()
        await dispatcher.dispatch_all(self._book.snapshot())
        self._dispatcher = dispatcher
        global_ = now.settings.global_
        when = FailingWhen(global_.channel_failures, global_.channel_failing_after_ms)
        self._health.apply(now.channel_names, when, parts.clock.now_ms())

    async def _retire(self, arrangement: Arrangement, dispatcher: Dispatcher) -> None:
        """Let what is being sent end, and close the channels."""
        arrangement.leaving.set()
        try:
            await dispatcher.finish(RETIRING_S)
            await self.escalations.finish(RETIRING_S)
        finally:
            await dispatcher.__aexit__(None, None, None)
            await arrangement.channels.aclose()

    async def _close_claims(self) -> int:
        """Mark the notices that an earlier process was sending when it ended; returns how many there were."""
        try:
            count: int = await self._parts.offload(self._parts.log.interrupt_open, self._parts.clock.now_ms())
        except OperatingError as error:
            self._instruments.state_refused("interrupt")
            log.error("notices under way could not be marked as interrupted; the next start does it: %s", error)
            return 0
        return count

    async def _take_in(self) -> None:
        while True:
            self._taken = await self.intake.drain()
            await self._parts.guard.run("alert intake", lambda: self._enter(self._taken))
            self._taken = []

    async def report(self, alerts: Iterable[Alert]) -> None:
        """Enter alerts and return when they hold and are saved: for senders who are told so."""
        await self._enter(alerts)

    async def _enter(self, alerts: Iterable[Alert]) -> None:
        await self._entry.enter(alerts, self._swapping, self._dispatch)

    async def _dispatch(self, held: Iterable[Held]) -> None:
        await self._at_work.dispatch_all(held)

    def _clock_was_set(self, by_ms: int, now_ms: int) -> None:
        """What fires goes on as long as it would have, and nobody waits longer for a step."""
        log.warning("the clock was set %s by %s", "back" if by_ms < 0 else "ahead", format_duration(abs(by_ms)))
        held = self._book.move_ends(by_ms, now_ms - by_ms)
        self._entry.owe(held)
        if self._dispatcher is not None:
            for one in held:
                self._dispatcher.dispatch(one)
        self.escalations.clock_was_set(by_ms)
