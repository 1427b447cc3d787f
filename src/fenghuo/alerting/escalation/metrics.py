"""What escalations count about themselves."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from fenghuo.model.escalation import EscalationState


class EscalationInstruments:
    """``fenghuo_escalations*`` and ``fenghuo_escalation_*``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.live = Gauge(
            "fenghuo_escalations", "Escalations of incidents that are not resolved, by state.", ["state"],
            registry=registry,
        )  # fmt: skip
        self.started = Counter("fenghuo_escalations_started", "Escalations begun.", ["priority"], registry=registry)
        self.over = Counter(
            "fenghuo_escalations_over", "Escalations that took every step and were not answered.", ["priority"],
            registry=registry,
        )  # fmt: skip
        self.steps = Counter(
            "fenghuo_escalation_steps", "Steps taken, by whether they reached somebody.", ["outcome"], registry=registry
        )
        self.skipped = Counter(
            "fenghuo_escalation_steps_skipped", "Steps left out after the server was down, for a newer one.",
            registry=registry,
        )  # fmt: skip
        self.targets = Counter(
            "fenghuo_escalation_targets", "Targets of steps by kind and what came of them.", ["kind", "outcome"],
            registry=registry,
        )  # fmt: skip
        self.missed = Gauge(
            "fenghuo_escalations_missed", "Escalations that should have acted and have not, at the last audit.",
            registry=registry,
        )  # fmt: skip
        self.audited = Gauge(
            "fenghuo_escalation_audit_timestamp_seconds", "When escalations were last audited.", registry=registry
        )
        for state in EscalationState:
            self.live.labels(state)
        for outcome in ("reached", "nobody"):
            self.steps.labels(outcome)
