"""What alerting does besides: it tries again what the database refused, forgets what is over, looks after itself."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fenghuo.alerting.book import Book
from fenghuo.alerting.entry import Entry
from fenghuo.alerting.escalation.auditor import AUDIT_S, Auditor
from fenghuo.alerting.held import Held
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.mute.silences import Silences
from fenghuo.alerting.notify.health import ChannelHealth
from fenghuo.alerting.notify.log import SteadyLog
from fenghuo.alerting.parts import AlertingParts
from fenghuo.alerting.route.dispatch import Dispatcher
from fenghuo.alerting.timing import in_turns
from fenghuo.base.errors import OperatingError
from fenghuo.model.alert import Alert

log = logging.getLogger(__name__)

CATCH_UP_S = 15.0
"""How often what the database refused is tried again."""
CATCH_UPS_BETWEEN_CLEANINGS = 20
FORGOTTEN_AT_ONCE = 100
"""Alerts that are forgotten in one turn of the event loop: about 2 ms of work."""


@dataclass(frozen=True)
class Upkeep:
    """Works on what the service holds."""

    parts: AlertingParts
    instruments: Instruments
    book: Book
    entry: Entry
    silences: Silences
    notices: SteadyLog
    incidents: IncidentBook
    health: ChannelHealth
    auditor: Auditor
    report: Callable[[Sequence[Alert]], object]
    """Puts alerts in."""
    dispatcher: Callable[[], Dispatcher]
    """That of now."""

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_house())
            group.create_task(self._audit())

    async def catch_up(self) -> None:
        """Write down what could not be before."""
        await self.notices.catch_up()
        await self.incidents.catch_up()
        await self.entry.save({})

    async def _keep_house(self) -> None:
        for number in itertools.count():
            if number % CATCH_UPS_BETWEEN_CLEANINGS == 0:
                await self.parts.guard.run("alert housekeeping", self._clean)
            await self.parts.guard.run("alert housekeeping", self.catch_up)
            self._report_channels()
            await self.parts.clock.sleep(CATCH_UP_S)

    def _report_channels(self) -> None:
        """Say what keeps failing, as rules do."""
        if alerts := self.health.alerts(self.parts.clock.now_ms()):
            self.report(alerts)
        self.instruments.failing.set(len(self.health.failing))

    async def _audit(self) -> None:
        """Look after escalations, apart from those who take their steps."""
        while True:
            await self.parts.clock.sleep(AUDIT_S)
            self.parts.guard.call("escalation audit", lambda: self.auditor.audit(self.parts.clock.now_ms()))

    async def _clean(self) -> None:
        now_ms = self.parts.clock.now_ms()
        # Each of these goes through all there is: others have the event loop in between.
        self.notices.forget_expired(now_ms)
        await asyncio.sleep(0)
        over_now = in_turns(self.book.long_over(now_ms), FORGOTTEN_AT_ONCE)
        gone = [held async for held in over_now if self._forget(held)]
        await asyncio.sleep(0)
        firing = sum(not held.resolved_at(now_ms) for held in self.book.snapshot())
        self.instruments.alerts.labels("firing").set(firing)
        self.instruments.alerts.labels("resolved").set(len(self.book) - firing)
        try:
            if away := [held.fingerprint for held in gone if held.labels not in self.book]:
                await self.parts.offload(self.parts.alerts.remove, away)
            if over := self.silences.forget_expired(now_ms):
                await self.parts.offload(self.parts.silences.remove, over)
            await self.parts.offload(self.parts.log.expire, now_ms)
            await self.incidents.tidy({(group.key, group.route.receiver) for group in self.dispatcher().groups})
        except OperatingError as error:
            self.instruments.state_refused("clean")
            log.error("the state database could not be cleaned: %s", error)

    def _forget(self, held: Held) -> bool:
        if self.dispatcher().needs(held.labels) or not self.book.forget(held):
            return False
        self.entry.forget(held)
        return True
