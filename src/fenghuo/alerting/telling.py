"""One flush of a group: what of it may be told, which incident it belongs to, and who is told through what."""

from __future__ import annotations

from dataclasses import dataclass

from fenghuo.alerting.flushing import receivers, repeat, sighting
from fenghuo.alerting.held import Held
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.alerting.incident.links import Links
from fenghuo.alerting.mute.stage import Mutes
from fenghuo.alerting.notify.failover import Receivers
from fenghuo.alerting.notify.message import IncidentView, Message, ToldAlert
from fenghuo.alerting.notify.stage import Terms
from fenghuo.alerting.priority.policy import Priorities, Sorted
from fenghuo.alerting.route.groups import Flush, Flushed
from fenghuo.model.incident import Incident

ANSWER_PATH = "/a/"
"""Where links to answer lead; a token follows."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What flushes are told with, by one version of the settings."""

    mutes: Mutes
    receivers: Receivers
    priorities: Priorities
    incidents: IncidentBook
    links: Links
    external_url: str

    async def tell(self, flush: Flush) -> Flushed:
        """Bring everybody up to date who has to be, and say when something that is kept may be told."""
        found = self.priorities.sort_out(self.mutes.allowed(flush.route, flush.alerts, flush.now_ms), flush.now_ms)
        self.mutes.count(found.because)
        incident = await self.incidents.see(sighting(flush, found.told, self.priorities), flush.now_ms)
        # That something is over is still to be told.
        owed = any(held.resolved_at(flush.now_ms) for held in found.held)
        names = receivers(flush.route, incident, self.priorities)
        if not found.told or not any(self.receivers.channels.get(name) for name in names):
            return Flushed(not owed, found.again_ms)
        message = self._message(flush, found, incident)
        sure = all(held.heard or held.resolved_at(flush.now_ms) for held in found.told)
        terms = Terms(repeat(flush.route, incident, self.priorities), flush.deadline_s, may_repeat=sure)
        told = await self.receivers.tell(names, message, terms)
        return Flushed(told and not owed, found.again_ms)

    def _message(self, flush: Flush, found: Sorted[Held], incident: Incident | None) -> Message:
        return Message(
            group_key=flush.group_key,
            receiver=flush.route.receiver,
            group_labels=flush.group_labels,
            alerts=[told_alert(held, flush.now_ms) for held in found.told],
            external_url=self.external_url,
            at_ms=flush.now_ms,
            route_labels=flush.route.labels,
            incident=None if incident is None else incident_view(incident, self.links, self.external_url, flush.now_ms),
            was_kept=found.released,
        )

    def deadline(self, incident: Incident, since_ms: int) -> int:
        """When an incident has to be answered that waits for an answer since the moment."""
        return self.priorities.answer_by_ms(incident.priority, incident.labels, since_ms)


def incident_view(incident: Incident, links: Links, external_url: str, now_ms: int, person: str = "") -> IncidentView:
    """The incident with a link to answer it, for a person or, without one, for whoever gets the message."""
    return IncidentView(
        number=incident.number,
        id=incident.id,
        priority=incident.priority,
        state=incident.state,
        answer_url=f"{external_url}{ANSWER_PATH}{links.grant(incident.number, now_ms, person)}",
        acknowledged_by=incident.acknowledged_by,
        assignee=incident.assignee,
    )


def told_alert(held: Held, now_ms: int) -> ToldAlert:
    """An alert as it stands at the moment."""
    alert = held.alert
    ends_ms = held.ends_at_ms if held.resolved_at(now_ms) else None
    return ToldAlert(
        held.labels,
        alert.annotations,
        alert.starts_at_ms,
        ends_ms,
        alert.generator_url,
        held.fingerprint,
        alert.reading,
    )
