"""The service: takes alerts in, keeps them over restarts, and sees to it that somebody is told."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

from fenghuo.alerting.book import Book
from fenghuo.alerting.held import Held, Invalid, restored
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.alerting.incident.links import Links
from fenghuo.alerting.incident.metrics import IncidentInstruments
from fenghuo.alerting.intake import Intake
from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.mute.silences import Change, Silences
from fenghuo.alerting.mute.stage import Mutes
from fenghuo.alerting.notify.log import SteadyLog
from fenghuo.alerting.notify.stage import ChannelStage, Tools
from fenghuo.alerting.parts import AlertingParts, AlertView, BuiltChannels, GroupView
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.route.dispatch import Dispatcher
from fenghuo.alerting.route.tree import Route, build_route
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.alerting.telling import Telling
from fenghuo.alerting.whatif import Surroundings, WhatIf, what_if
from fenghuo.base.errors import OperatingError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.notification import Notice
from fenghuo.model.silence import Silence
from fenghuo.trading import MarketBook, built_in_markets

log = logging.getLogger(__name__)

T = TypeVar("T")

CATCH_UP_S = 15.0
"""How often what the database refused is tried again."""
CATCH_UPS_BETWEEN_CLEANINGS = 20

ALERTS_AT_ONCE = 200
"""Alerts that are merged or routed in one turn of the event loop: about 10 ms of work."""


@dataclass(frozen=True, slots=True)
class _Arrangement:
    """Everything that follows from one version of the settings."""

    settings: AlertingSettings
    root: Route
    mutes: Mutes
    telling: Telling
    channels: BuiltChannels


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
    ) -> None:
        """Without ``markets`` and ``priorities`` those hold that are built in."""
        self._parts = parts
        self._instruments = Instruments(parts.registry)
        self._book = Book()
        self._silences = Silences()
        self._log = SteadyLog(parts.log, self._instruments, parts.offload)
        self._tools = Tools(parts.clock, self._log, self._instruments, parts.backoff)
        self.incident_instruments = IncidentInstruments(parts.registry)
        self.incidents = IncidentBook(parts.incidents, parts.clock, self.incident_instruments, parts.offload)
        self.links = Links(parts.link_secret)
        self._arrangement = self._arrange(settings, markets, priorities)
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._dispatcher: Dispatcher | None = None
        self._swapping = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._silencing = asyncio.Lock()
        self._entering = asyncio.Lock()
        self._unsaved: dict[Labels, Held] = {}
        """What the database refused to save."""
        self.intake = Intake(self._instruments)

    async def __aenter__(self) -> Self:
        now_ms = self._parts.clock.now_ms()
        saved = await self._parts.offload(self._parts.alerts.load)
        self._silences.restore(await self._parts.offload(self._parts.silences.load))
        await self.incidents.restore()
        if interrupted := await self._close_claims():
            log.warning("%d notices were being sent when the last process ended; they are sent again", interrupted)
        self._book.restore(restored(alert, ours, now_ms) for alert, ours in saved)
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        await self._start_dispatcher()
        self.intake.attach()
        self._tasks = [group.create_task(self._take_in()), group.create_task(self._keep_house())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.intake.detach()
        for task in self._tasks:
            task.cancel()
        await self._enter(self.intake.take())
        await self._stop_dispatcher()
        await self._catch_up()
        await self._arrangement.channels.aclose()
        await self._stack.aclose()

    async def apply(
        self,
        settings: AlertingSettings,
        markets: MarketBook | None = None,
        priorities: PrioritiesSettings | None = None,
    ) -> None:
        """Go on with other settings. Raises InputError, with the old ones still at work, when they cannot work."""
        arrangement = self._arrange(settings, markets, priorities)
        async with self._swapping:
            await self._stop_dispatcher()
            await self._arrangement.channels.aclose()
            self._arrangement = arrangement
            await self._start_dispatcher()

    @property
    def settings(self) -> AlertingSettings:
        """Those that are at work."""
        return self._arrangement.settings

    def alerts(self) -> list[AlertView]:
        """Every alert that fires now, with what becomes of it."""
        now_ms = self._parts.clock.now_ms()
        return [self._view(held, now_ms) for held in self._book.snapshot() if not held.resolved_at(now_ms)]

    def groups(self) -> list[GroupView]:
        """Every group with the alerts in it that fire now, by labels and receiver."""
        assert self._dispatcher is not None
        now_ms = self._parts.clock.now_ms()
        views = []
        for group in self._dispatcher.groups:
            firing = tuple(self._view(held, now_ms) for held in group.alerts if not held.resolved_at(now_ms))
            if firing:
                views.append(GroupView(group.labels, group.route.receiver, group.route.labels, firing))
        return sorted(views, key=lambda view: (view.labels, view.receiver))

    async def what_if(self, labels: Labels, at_ms: int) -> WhatIf:
        """What would become of an alert that begins to fire at ``at_ms``; what fires now counts as firing then."""
        now = self._arrangement
        around = Surroundings(
            root=now.root,
            settings=now.settings,
            muting=now.mutes.intervals_muting,
            priorities=now.telling.priorities,
            inhibited_by=now.mutes.inhibited_by(labels, self._parts.clock.now_ms()),
            silences=self._silences.meeting(labels),
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

    def _arrange(
        self, settings: AlertingSettings, markets: MarketBook | None, priorities: PrioritiesSettings | None
    ) -> _Arrangement:
        parts = self._parts
        channels = parts.channels.build(settings)
        rules = [rule.compiled() for rule in settings.inhibit_rules]
        mutes = Mutes(
            rules, settings.intervals, markets or built_in_markets(), self._book, self._silences, self._instruments
        )
        stages = {
            name: [ChannelStage(channel, name, index, self._tools) for index, channel in own]
            for name, own in channels.by_receiver.items()
        }
        table = Priorities(priorities or PrioritiesSettings())
        telling = Telling(mutes, stages, table, self.incidents, self.links, parts.guard, parts.external_url)
        return _Arrangement(settings, build_route(settings.root), mutes, telling, channels)

    async def _start_dispatcher(self) -> None:
        parts, now = self._parts, self._arrangement
        dispatcher = Dispatcher(now.root, parts.clock, now.telling.tell, self._instruments, parts.guard)
        await dispatcher.__aenter__()
        for held in self._book.snapshot():
            dispatcher.dispatch(held)
        self._dispatcher = dispatcher

    async def _stop_dispatcher(self) -> None:
        if self._dispatcher is not None:
            await self._dispatcher.__aexit__(None, None, None)
            await self._close_claims()

    async def _close_claims(self) -> int:
        """Mark notices that nobody sends any more; returns how many there were."""
        try:
            count: int = await self._parts.offload(self._parts.log.interrupt_open, self._parts.clock.now_ms())
        except OperatingError as error:
            self._instruments.state_refused("interrupt")
            log.error("notices under way could not be marked as interrupted; the next start does it: %s", error)
            return 0
        return count

    async def _take_in(self) -> None:
        while True:
            alerts = await self.intake.drain()
            await self._parts.guard.run("alert intake", lambda alerts=alerts: self._enter(alerts))  # type: ignore[misc]

    async def report(self, alerts: Iterable[Alert]) -> None:
        """Enter alerts and return when they hold and are saved: for senders who are told so."""
        await self._enter(alerts)

    async def _enter(self, alerts: Iterable[Alert]) -> None:
        """Merge, save, dispatch, one batch after another."""
        async with self._entering:
            await self._enter_batch(alerts)

    async def _enter_batch(self, alerts: Iterable[Alert]) -> None:
        """An alert is dispatched even when it cannot be saved: telling comes first."""
        now_ms = self._parts.clock.now_ms()
        entered: dict[Labels, Held] = {}
        for some in batched(alerts, ALERTS_AT_ONCE):
            self._merge(some, now_ms, entered)
            await asyncio.sleep(0)
        if not entered:
            return
        await self._save(entered)
        async with self._swapping:
            assert self._dispatcher is not None
            for held in batched(entered.values(), ALERTS_AT_ONCE):
                for one in held:
                    self._dispatcher.dispatch(one)
                await asyncio.sleep(0)

    def _merge(self, alerts: Iterable[Alert], now_ms: int, entered: dict[Labels, Held]) -> None:
        timeout_ms = self._arrangement.settings.global_.resolve_timeout_ms
        firing = resolved = 0
        for alert in alerts:
            held = self._book.take(alert, now_ms, timeout_ms)
            if isinstance(held, Invalid):
                self._instruments.rejected(held)
                continue
            entered[held.labels] = held
            firing, resolved = (firing, resolved + 1) if held.resolved_at(now_ms) else (firing + 1, resolved)
        self._instruments.received(firing, resolved)

    async def _save(self, entered: Mapping[Labels, Held]) -> None:
        """Save these and what could not be saved before."""
        async with self._saving:
            self._unsaved.update(entered)
            rows = [(one.alert, one.end_is_ours, one.fingerprint) for one in self._unsaved.values()]
            try:
                if rows:
                    await self._parts.offload(self._parts.alerts.save, rows)
            except OperatingError as error:
                self._instruments.state_refused("save_alerts")
                log.error("%d alerts are not saved and would not survive a restart: %s", len(rows), error)
            else:
                self._unsaved.clear()

    async def _keep_house(self) -> None:
        for number in itertools.count():
            if number % CATCH_UPS_BETWEEN_CLEANINGS == 0:
                await self._parts.guard.run("alert housekeeping", self._clean)
            await self._parts.guard.run("alert housekeeping", self._catch_up)
            await self._parts.clock.sleep(CATCH_UP_S)

    async def _catch_up(self) -> None:
        await self._log.catch_up()
        await self.incidents.catch_up()
        await self._save({})

    async def _clean(self) -> None:
        now_ms = self._parts.clock.now_ms()
        assert self._dispatcher is not None
        self._log.forget_expired(now_ms)
        gone = self._book.forget_resolved(now_ms, self._dispatcher.needed())
        for held in gone:
            self._unsaved.pop(held.labels, None)
        firing = sum(not held.resolved_at(now_ms) for held in self._book.snapshot())
        self._instruments.alerts.labels("firing").set(firing)
        self._instruments.alerts.labels("resolved").set(len(self._book) - firing)
        try:
            if gone:
                await self._parts.offload(self._parts.alerts.remove, [held.fingerprint for held in gone])
            if over := self._silences.forget_expired(now_ms):
                await self._parts.offload(self._parts.silences.remove, over)
            await self._parts.offload(self._parts.log.expire, now_ms)
            await self.incidents.tidy({(group.key, group.route.receiver) for group in self._dispatcher.groups})
        except OperatingError as error:
            self._instruments.state_refused("clean")
            log.error("the state database could not be cleaned: %s", error)

    def _view(self, held: Held, now_ms: int) -> AlertView:
        mutes = self._arrangement.mutes
        routes = self._arrangement.root.match(held.labels)
        muted = [mutes.intervals_muting(route, now_ms) for route in routes]
        return AlertView(
            held.alert,
            held.fingerprint,
            tuple(dict.fromkeys(route.receiver for route in routes)),
            mutes.inhibited_by(held.labels, now_ms),
            tuple(self._silences.silencing(held.labels, now_ms)),
            tuple(dict.fromkeys(name for names in muted for name in names)) if all(muted) else (),
        )


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of ``size``, the last one shorter."""
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
