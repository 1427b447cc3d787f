"""What incidents count about themselves."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fenghuo.alerting.incident.machine import Step
from fenghuo.model.incident import EventKind, Incident

BUCKETS_S = (60.0, 300.0, 900.0, 1_800.0, 3_600.0, 4 * 3_600.0, 12 * 3_600.0, 86_400.0, 7 * 86_400.0)


class IncidentInstruments:
    """``fenghuo_incident*``. Sum by count of the two histograms is MTTA and MTTR."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.live = Gauge(
            "fenghuo_incidents", "Incidents that are not resolved, by state and priority.", ["state", "priority"],
            registry=registry,
        )  # fmt: skip
        self.overdue = Gauge(
            "fenghuo_incidents_overdue", "Incidents that nobody has answered in time, by priority.", ["priority"],
            registry=registry,
        )  # fmt: skip
        self._late = Counter(
            "fenghuo_incident_answers_overdue", "Times that nobody answered an incident in time.", ["priority"],
            registry=registry,
        )  # fmt: skip
        self._opened = Counter("fenghuo_incidents_opened", "Incidents opened.", ["priority"], registry=registry)
        self._acknowledged = Histogram(
            "fenghuo_incident_acknowledge_seconds", "From opening to the first answer of a person.", ["priority"],
            buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._resolved = Histogram(
            "fenghuo_incident_resolve_seconds", "From opening to resolution.", ["priority"],
            buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.links_refused = Counter(
            "fenghuo_incident_links_refused", "Links to answer that did not hold, by why.", ["why"], registry=registry
        )

    def stepped(self, before: Incident | None, step: Step) -> None:
        """Count what a step has changed."""
        now = step.incident
        kinds = {event.kind for event in step.events}
        if EventKind.OPENED in kinds:
            self._opened.labels(now.priority).inc()
            before = None
        if EventKind.OVERDUE in kinds:
            self._late.labels(now.priority).inc()
        if now.acknowledged_ms is not None and (before is None or before.acknowledged_ms is None):
            self._acknowledged.labels(now.priority).observe((now.acknowledged_ms - now.opened_ms) / 1000)
        if EventKind.RESOLVED in kinds and now.resolved_ms is not None:
            self._resolved.labels(now.priority).observe((now.resolved_ms - now.opened_ms) / 1000)
