"""Incidents: what happened to a group of alerts, who answered, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fenghuo.model.labels import Labels


class Priority(StrEnum):
    """How urgent something is. As text the more urgent is the smaller."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    """Nobody has answered yet."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody works on it: nobody is reminded."""
    SNOOZED = "snoozed"
    """Nobody is reminded until a moment; then it is open again."""
    RESOLVED = "resolved"
    """All of its alerts are over, or a person said that it is done."""


class EventKind(StrEnum):
    """What can stand on a time line."""

    OPENED = "opened"
    OVERDUE = "overdue"
    """Nobody has answered in the time that its priority gives."""
    ALERTS = "alerts"
    """Alerts began or ended."""
    RAISED = "raised"
    """A more urgent alert joined."""
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    """A snooze is over."""
    RESOLVED = "resolved"
    REOPENED = "reopened"
    POSTMORTEM = "postmortem"
    """A post-mortem was linked."""
    ESCALATED = "escalated"
    """A step of its escalation began, or a person asked for the next one."""
    REACHED = "reached"
    """Somebody was told by a step, or because it was assigned."""
    NOT_REACHED = "not_reached"
    """Somebody was not, and why."""
    ESCALATION_OVER = "escalation_over"
    """Every step was taken and nobody has answered."""
    ESCALATION_MISSED = "escalation_missed"
    """A step should have been taken and was not."""
    LINK_REFUSED = "link_refused"
    """Somebody used a link that was over or used before."""
    ATTEMPT = "attempt"
    """A try to send a notice that failed and was followed by another."""
    NOTICE = "notice"
    """A notice: sent, failed, being sent, or interrupted by the end of the process."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, and through what: ``api``, ``panel``, ``link`` …"""

    name: str
    via: str


SYSTEM = Actor("fenghuo", "pipeline")
"""The program itself."""


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One line of a time line."""

    at_ms: int
    kind: EventKind
    actor: Actor
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What programs want to know; plain JSON."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One period in which a group of alerts fired, as it stands now."""

    number: int
    group_key: str
    receiver: str
    """That of the group's route."""
    title: str
    labels: Labels
    """The group's."""
    priority: Priority
    """The most urgent of any alert that was seen in it."""
    opened_ms: int
    state: IncidentState = IncidentState.OPEN
    firing: frozenset[int] = frozenset()
    """Fingerprints of the alerts in it that fire."""
    acknowledged_ms: int | None = None
    """When somebody first answered."""
    acknowledged_by: str = ""
    """Who answered last."""
    snoozed_until_ms: int | None = None
    resolved_ms: int | None = None
    due_ms: int | None = None
    """When somebody has to have answered; None once somebody has."""
    overdue_ms: int | None = None
    """The deadline that has passed without an answer; None while none has."""
    remind_ms: int = 0
    """A notice older than this moment is repeated: a snooze ended then, or it was opened again."""
    assignee: str = ""
    postmortem_url: str = ""
    events: int = 0
    """How many lines its time line has, notices not counted."""

    @property
    def id(self) -> str:
        return f"INC-{self.number}"

    @property
    def live(self) -> bool:
        return self.state is not IncidentState.RESOLVED

    @property
    def answered(self) -> bool:
        """Nobody is to be reminded of it."""
        return self.state is not IncidentState.OPEN

    @property
    def overdue(self) -> bool:
        """Somebody should have answered by now."""
        return self.overdue_ms is not None


@dataclass(frozen=True, slots=True)
class IncidentTimes:
    """How fast incidents of one priority were answered and resolved, in the mean. None: none was."""

    priority: Priority
    opened: int
    acknowledged: int
    resolved: int
    mtta_s: float | None
    mttr_s: float | None
