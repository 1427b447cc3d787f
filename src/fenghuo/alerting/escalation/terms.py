"""What one version of the settings means for escalations."""

from __future__ import annotations

from dataclasses import dataclass

from fenghuo.alerting.book import Book
from fenghuo.alerting.escalation.course import freeze
from fenghuo.alerting.escalation.reach import Reach
from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.incident.links import Links
from fenghuo.alerting.mute.stage import Mutes
from fenghuo.alerting.notify.message import Message, ToldAlert
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.route.groups import show_group_labels
from fenghuo.alerting.route.tree import Route
from fenghuo.alerting.telling import incident_view, told_alert
from fenghuo.model.escalation import FrozenPolicy
from fenghuo.model.incident import Incident, Priority
from fenghuo.model.labels import Labels


@dataclass(frozen=True, slots=True)
class EscalationTerms:
    """Policies by priority, and who can be told how."""

    settings: EscalationsSettings
    priorities: Priorities
    oncall: OnCall
    reach: Reach
    muted: Hush

    def policy(self, priority: Priority) -> FrozenPolicy | None:
        """For incidents of this priority that begin now; None where it names none."""
        name = self.priorities.policy(priority).escalation
        policy = self.settings.escalations.get(name)
        return None if policy is None else freeze(name, policy, priority, self.priorities.ack_within_ms(priority))

    def person(self, said: str) -> str | None:
        """The key in ``people`` of somebody by that or by name; None for who is not there."""
        people = self.oncall.settings.people
        if said in people:
            return said
        return next((key for key, person in people.items() if person.name and person.name == said), None)

    def quiet_until(self, incident: Incident, at_ms: int) -> int | None:
        """Until when an incident is kept quiet, as far as that can be known; None: it may be told.

        The rules of its priority say when they end; what mutes its alerts is asked again.
        """
        until_ms = self.priorities.kept_until(incident.priority, incident.labels, at_ms)
        if until_ms is None and self.muted(incident, at_ms):
            return at_ms
        return until_ms


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes the message of an incident."""

    book: Book
    links: Links
    external_url: str

    def __call__(self, incident: Incident, person: str, now_ms: int) -> Message:
        """For a person, whose name is in the link to answer; empty: for a group of people."""
        firing = self.book.firing_of(incident.firing, now_ms)
        alerts = [told_alert(held, now_ms) for held in sorted(firing, key=lambda held: held.labels)]
        return Message(
            group_key=incident.group_key,
            receiver=incident.receiver,
            group_labels=incident.labels,
            alerts=alerts or [_stand_in(incident)],
            external_url=self.external_url,
            at_ms=now_ms,
            incident=incident_view(incident, self.links, self.external_url, now_ms, person),
        )


@dataclass(frozen=True, slots=True)
class Hush:
    """Whether all that fires in an incident is silenced, inhibited or muted by a time interval at a moment."""

    book: Book
    mutes: Mutes
    root: Route

    def __call__(self, incident: Incident, at_ms: int) -> bool:
        any_fires = False
        for held in self.book.firing_of(incident.firing, at_ms):
            any_fires = True
            if not self.mutes.mutes(self._routes(incident, held.labels), held.labels, at_ms):
                return False
        return any_fires

    def _routes(self, incident: Incident, labels: Labels) -> list[Route]:
        """Those that the incident is of."""
        group = show_group_labels(incident.labels)
        return [route for route in self.root.match(labels) if f"{route.key}:{group}" == incident.group_key]


def _stand_in(incident: Incident) -> ToldAlert:
    """What an incident tells of none of whose alerts fires: a person opened it again."""
    labels = Labels({"alertname": incident.title, **dict(incident.labels.pairs)})
    return ToldAlert(labels, Labels({"summary": incident.title}), incident.opened_ms, None, "", labels.fingerprint())
