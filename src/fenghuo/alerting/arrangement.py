"""Everything that follows from one version of the settings: routes, what mutes, channels, and how flushes are told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from fenghuo.alerting.book import Book
from fenghuo.alerting.escalation.metrics import EscalationInstruments
from fenghuo.alerting.escalation.reach import Reach
from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.escalation.terms import Composer, EscalationTerms, Hush
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.alerting.incident.links import Links
from fenghuo.alerting.mute.silences import Silences
from fenghuo.alerting.mute.stage import Mutes
from fenghuo.alerting.notify.failover import Failover, Receivers
from fenghuo.alerting.notify.health import ChannelName
from fenghuo.alerting.notify.stage import ChannelStage, Tools
from fenghuo.alerting.notify.together import Gathering
from fenghuo.alerting.parts import AlertingParts, BuiltChannels
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.route.tree import Route, build_route
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.alerting.telling import Telling
from fenghuo.trading import MarketBook, built_in_markets


@dataclass(frozen=True, slots=True)
class Arrangement:
    """One version of the settings, ready to work."""

    settings: AlertingSettings
    root: Route
    mutes: Mutes
    telling: Telling
    channels: BuiltChannels
    terms: EscalationTerms
    """Of escalations."""
    leaving: asyncio.Event
    """Set when another arrangement has taken over."""

    @property
    def channel_names(self) -> set[ChannelName]:
        """Of receivers, and people's contacts."""
        stages = {stage.name for stages in self.telling.receivers.channels.values() for stage in stages}
        return stages | self.terms.reach.contact_names


@dataclass(frozen=True, slots=True)
class Arranger:
    """What stays the same from one version of the settings to the next."""

    parts: AlertingParts
    tools: Tools
    book: Book
    silences: Silences
    incidents: IncidentBook
    links: Links
    escalation_instruments: EscalationInstruments

    def arrange(
        self,
        settings: AlertingSettings,
        markets: MarketBook | None,
        priorities: PrioritiesSettings | None,
        escalations: EscalationsSettings | None,
    ) -> Arrangement:
        """Make everything anew; what works now goes on until it is swapped. Raises InputError for what cannot work."""
        parts, tools = self.parts, replace(self.tools, leaving=asyncio.Event())
        channels = parts.channels.build(settings)
        markets = markets or built_in_markets()
        mutes = Mutes(
            [rule.compiled() for rule in settings.inhibit_rules],
            settings.intervals,
            markets,
            self.book,
            self.silences,
            tools.instruments,
        )
        stages = {
            name: [ChannelStage(Gathering(channel, parts.clock), name, index, tools) for index, channel in own]
            for name, own in channels.by_receiver.items()
        }
        table = Priorities(priorities or PrioritiesSettings(), markets)
        receivers = Receivers(stages, failovers_of(settings), parts.clock, parts.guard)
        telling = Telling(mutes, receivers, table, self.incidents, self.links, parts.external_url())
        composer = Composer(self.book, self.links, telling.external_url)
        reach = Reach(
            parts.oncall,
            stages,
            channels.by_receiver,
            tools,
            markets,
            composer,
            self.escalation_instruments,
            parts.offload,
        )
        root = build_route(settings.root)
        hush = Hush(self.book, mutes, root)
        terms = EscalationTerms(escalations or EscalationsSettings(), table, parts.oncall, reach, hush)
        return Arrangement(settings, root, mutes, telling, channels, terms, tools.leaving)


def failovers_of(settings: AlertingSettings) -> dict[str, Failover]:
    """Who stands in for which receiver."""
    return {
        receiver.name: Failover(receiver.failover, receiver.failover_after_ms / 1000)
        for receiver in settings.receivers
        if receiver.failover
    }
