"""What the rules look like from outside: frozen values, made after each evaluation, for APIs and pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fenghuo.model.labels import Labels


class RuleHealth(StrEnum):
    UNKNOWN = "unknown"
    """Not evaluated yet."""
    OK = "ok"
    ERROR = "err"


class AlertState(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class AlertView:
    """One pending or firing alert."""

    labels: Labels
    annotations: Labels
    state: AlertState
    active_at_ms: int
    keep_firing_since_ms: int | None
    value: float


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule and how its last evaluation went. ``alert_state`` is None for recording rules."""

    name: str
    expr: str
    labels: Labels
    annotations: Labels
    hold_ms: int
    keep_firing_ms: int
    alert_state: AlertState | None
    alerts: tuple[AlertView, ...]
    health: RuleHealth
    last_error: str
    evaluation_s: float
    """How long the last evaluation took."""
    last_evaluation_ms: int | None
    """When it began; None before the first."""

    @property
    def is_alert(self) -> bool:
        return self.alert_state is not None


@dataclass(frozen=True, slots=True)
class GroupView:
    """One group."""

    file: str
    name: str
    interval_ms: int
    query_offset_ms: int
    limit: int
    rules: tuple[RuleView, ...]
    evaluation_s: float
    last_evaluation_ms: int | None
