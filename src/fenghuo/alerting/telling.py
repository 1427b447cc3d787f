"""One flush of a group: what of it may be told, which incident it belongs to, and who is told through what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fenghuo.alerting.held import Held
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.alerting.incident.links import Links
from fenghuo.alerting.incident.machine import Sighting
from fenghuo.alerting.mute.stage import Mutes
from fenghuo.alerting.notify.decide import Repeat
from fenghuo.alerting.notify.failover import Receivers
from fenghuo.alerting.notify.message import IncidentView, Message, ToldAlert
from fenghuo.alerting.notify.stage import Terms
from fenghuo.alerting.priority.policy import Priorities, Sorted
from fenghuo.alerting.route.groups import Flush, Outcome
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

    async def tell(self, flush: Flush) -> Outcome:
        """Bring everybody up to date who has to be, and say when something that is kept may be told."""
        found = self.priorities.sort_out(self.mutes.allowed(flush.route, flush.alerts, flush.now_ms), flush.now_ms)
        self.mutes.count(found.because)
        incident = await self.incidents.see(self._sighting(flush, found.told), flush.now_ms)
        # That something is over is still to be told.
        owed = any(held.resolved_at(flush.now_ms) for held in found.held)
        names = self._names(flush, incident)
        if not found.told or not any(self.receivers.channels.get(name) for name in names):
            return Outcome(not owed, found.again_ms)
        message = self._message(flush, found, incident)
        repeat = self._repeat(flush, incident)
        sure = all(held.heard or held.resolved_at(flush.now_ms) for held in found.told)
        told = await self.receivers.tell(names, message, Terms(repeat, flush.deadline_s, may_repeat=sure))
        return Outcome(told and not owed, found.again_ms)

    def _message(self, flush: Flush, found: Sorted[Held], incident: Incident | None) -> Message:
        return Message(
            group_key=flush.group_key,
            receiver=flush.route.receiver,
            group_labels=flush.group_labels,
            alerts=[told_alert(held, flush.now_ms) for held in found.told],
            external_url=self.external_url,
            at_ms=flush.now_ms,
            route_labels=flush.route.labels,
            incident=None if incident is None else self._view(incident, flush.now_ms),
            was_kept=found.released,
        )

    def deadline(self, incident: Incident, since_ms: int) -> int:
        """When an incident has to be answered that waits for an answer since the moment."""
        return self.priorities.answer_by_ms(incident.priority, incident.labels, since_ms)

    def _sighting(self, flush: Flush, allowed: Sequence[Held]) -> Sighting:
        firing = [held for held in allowed if not held.resolved_at(flush.now_ms)]
        return Sighting(
            group_key=flush.group_key,
            receiver=flush.route.receiver,
            labels=flush.group_labels,
            told={held.fingerprint: held.alert.name for held in firing},
            still=frozenset(held.fingerprint for held in flush.alerts if not held.resolved_at(flush.now_ms)),
            priority=self.priorities.highest((held.labels for held in firing), flush.now_ms),
        )

    def _names(self, flush: Flush, incident: Incident | None) -> list[str]:
        """The route's receiver, then those that the priority adds; each once."""
        more = self.priorities.policy(incident.priority).receivers if incident is not None else ()
        return list(dict.fromkeys((flush.route.receiver, *more)))

    def _repeat(self, flush: Flush, incident: Incident | None) -> Repeat:
        usual_ms = flush.route.repeat_interval_ms
        if incident is None:
            return Repeat((usual_ms,))
        intervals_ms = self.priorities.policy(incident.priority).repeat or (usual_ms,)
        # The end of an earlier incident may have been kept until this one opened: who was told of that one knows
        # nothing of this.
        remind_ms = max(incident.remind_ms, incident.opened_ms if self.priorities.restless else 0)
        return Repeat(intervals_ms, incident.opened_ms, incident.answered, remind_ms)

    def _view(self, incident: Incident, now_ms: int) -> IncidentView:
        return IncidentView(
            number=incident.number,
            id=incident.id,
            priority=incident.priority,
            state=incident.state,
            answer_url=f"{self.external_url}{ANSWER_PATH}{self.links.grant(incident.number, now_ms)}",
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
