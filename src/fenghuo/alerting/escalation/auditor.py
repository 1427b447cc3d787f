"""Looks for escalations that should have acted and did not, and says so loudly: in the log, as a metric, as an alert.

It knows nothing of how steps are taken; it compares what is open and unanswered with what is said to come next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fenghuo.alerting.escalation.engine import Escalations
from fenghuo.alerting.escalation.metrics import EscalationInstruments
from fenghuo.alerting.incident.book import IncidentBook
from fenghuo.model.alert import Alert
from fenghuo.model.duration import format_duration
from fenghuo.model.escalation import EscalationState
from fenghuo.model.incident import Incident, IncidentState
from fenghuo.model.labels import Labels

log = logging.getLogger(__name__)

ALERT: Final = "FenghuoEscalationMissed"
AUDIT_S: Final = 60.0
GRACE_MS: Final = 2 * 60_000
"""How late a step may begin, and an escalation after its incident."""
ACTING_MS_MAX: Final = 10 * 60_000
"""How long a step may take: so many contacts that fail one after another."""
VALID_MS: Final = 4 * 60_000
"""How long an alert holds without another audit."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Something that should have happened."""

    incident: Incident
    since_ms: int
    what: str


def missed(escalations: Escalations, incidents: Sequence[Incident], now_ms: int) -> Iterator[Missed]:
    """What should have happened to those that are open and did not."""
    for incident in incidents:
        if incident.state is not IncidentState.OPEN:
            continue
        known = escalations.get(incident.number)
        if known is None:
            since_ms = max(incident.opened_ms, incident.remind_ms, escalations.used_ms)
            if now_ms - since_ms > GRACE_MS and escalations.policy(incident) is not None:
                yield Missed(incident, since_ms, "its escalation has not begun")
            continue
        grace_ms = ACTING_MS_MAX if known.state is EscalationState.ACTING else GRACE_MS
        waits = known.state is not EscalationState.OVER
        if waits and now_ms - known.next_at_ms > grace_ms:
            step = f"step {known.next_step + 1} of {len(known.policy.steps)} of escalation {known.policy.name!r}"
            yield Missed(incident, known.next_at_ms, f"{step} was due and is not done")


class Auditor:
    """To be asked every :data:`AUDIT_S`."""

    def __init__(
        self,
        escalations: Escalations,
        incidents: IncidentBook,
        report: Callable[[Sequence[Alert]], object],
        instruments: EscalationInstruments,
    ) -> None:
        """``report`` puts alerts in."""
        self._escalations = escalations
        self._incidents = incidents
        self._report = report
        self._instruments = instruments
        self._said: dict[int, Alert] = {}

    def audit(self, now_ms: int) -> None:
        """Compare, and report what is missed; what is missed no more is over."""
        found = {each.incident.number: each for each in missed(self._escalations, self._incidents.live(), now_ms)}
        alerts = {number: _alert(each, now_ms) for number, each in found.items()}
        for number, each in found.items():
            if number not in self._said:
                log.error("%s: %s", each.incident.id, each.what)
        over = [_ended(alert, now_ms) for number, alert in self._said.items() if number not in alerts]
        if alerts or over:
            self._report([*alerts.values(), *over])
        self._said = alerts
        self._instruments.missed.set(len(found))
        self._instruments.audited.set(now_ms / 1000)


def _alert(each: Missed, now_ms: int) -> Alert:
    labels = {"alertname": ALERT, "severity": "critical", "source": "fenghuo", "incident": each.incident.id}
    late = format_duration((now_ms - each.since_ms) // 1000 * 1000)
    annotations = {
        "summary": f"{each.incident.id} is not escalated: {each.what} for {late}",
        "summary_zh": f"{each.incident.id} 未按计划升级，已延误 {late}",
        "description": f"{each.incident.title}. Look after it now; then at the program's log.",
    }
    return Alert(Labels(labels), each.since_ms, now_ms + VALID_MS, Labels(annotations))


def _ended(alert: Alert, now_ms: int) -> Alert:
    return Alert(alert.labels, alert.starts_at_ms, now_ms, alert.annotations)
