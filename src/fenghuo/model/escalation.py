"""Escalations: how far an unanswered incident has come on its way to more people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fenghuo.model.incident import Priority


class EscalationState(StrEnum):
    """Where an escalation stands."""

    WAITING = "waiting"
    """The next step comes at a moment."""
    ACTING = "acting"
    """A step is being taken, or was when the process ended; it is taken again then."""
    PAUSED = "paused"
    """The incident is snoozed."""
    STOPPED = "stopped"
    """Somebody has answered."""
    OVER = "over"
    """Every step was taken and nobody has answered."""


@dataclass(frozen=True, slots=True)
class FrozenStep:
    """A step with nothing left open."""

    wait_ms: int
    """From the step before, or from the beginning."""
    targets: tuple[str, ...]
    """``person:zhang``, ``schedule:primary``, ``receiver:robot``."""


@dataclass(frozen=True, slots=True)
class FrozenPolicy:
    """What is done about one incident, as it was settled when its escalation began."""

    name: str
    priority: Priority
    """For which it was chosen."""
    steps: tuple[FrozenStep, ...]
    """At least one."""
    repeat: int
    """How often the steps are gone through again."""
    again_ms: int
    """From the last step of a round to the first of the next."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """The escalation of one incident."""

    incident: int
    policy: FrozenPolicy
    next_at_ms: int
    """When the next step is due. While it is paused: when it would have been."""
    next_step: int = 0
    """From 0; that which is being taken while it acts."""
    round: int = 0
    """From 0."""
    state: EscalationState = EscalationState.WAITING
    paused_ms: int | None = None
    """Since when it is paused."""

    @property
    def step(self) -> FrozenStep:
        """The next one."""
        return self.policy.steps[self.next_step]
