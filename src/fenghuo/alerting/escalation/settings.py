"""The section ``escalations``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.base.document import DictOf, Document, ListOf, Problem, RefusedError, Settings, nearest
from fenghuo.model.settings_types import DurationMs

STEPS_MAX: Final = 20
REPEAT_MAX: Final = 20
AFTER_MS_MIN: Final = 1_000
AFTER_MS_MAX: Final = 7 * 86_400_000
PERSON: Final = "person"
SCHEDULE: Final = "schedule"
RECEIVER: Final = "receiver"
KINDS: Final = (PERSON, SCHEDULE, RECEIVER)


def _target(value: Any) -> Any:
    kind, _, name = str(value).partition(":")
    if kind not in KINDS or not name.strip():
        remedy = "write person:NAME, schedule:NAME or receiver:NAME"
        raise RefusedError(f"{value!s} names no person, schedule or receiver", remedy)
    return f"{kind}:{name.strip()}"


Target = Annotated[str, BeforeValidator(_target)]


class EscalationStep(Settings):
    """One step: whom to tell, and how long after the step before."""

    after_ms: DurationMs | None = Field(default=None, alias="after")
    """From the step before; for the first from the moment that the incident opens. The first may be ``0s``, and without
    it comes when ``ack_within`` of the priority is over. The others need it."""
    targets: ListOf[Target] = Field(default=[])
    """``person:NAME``, ``schedule:NAME``, ``receiver:NAME``; all are told at once."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.targets:
            raise RefusedError("a step without targets tells nobody", "name at least one of `targets:`")
        return self


class EscalationPolicy(Settings):
    """Steps that are taken one after another until somebody answers."""

    steps: ListOf[EscalationStep] = Field(default=[])
    repeat: int = Field(default=0, ge=0, le=REPEAT_MAX)
    """How often all steps are gone through again. Between the last and the first people have ``ack_within`` of the
    priority once more."""

    @field_validator("steps")
    @classmethod
    def _in_order(cls, value: list[EscalationStep]) -> list[EscalationStep]:
        if not 0 < len(value) <= STEPS_MAX:
            raise RefusedError(f"an escalation has 1 to {STEPS_MAX} steps", "give at least one of `steps:`")
        for number, step in enumerate(value):
            if step.after_ms is None and number:
                raise RefusedError(f"step {number + 1} does not say when it comes", "write `after: 10m`")
            if step.after_ms is not None and number and step.after_ms < AFTER_MS_MIN:
                raise RefusedError(f"step {number + 1} comes with the one before", "put its targets into that one")
            if (step.after_ms or 0) > AFTER_MS_MAX:
                raise RefusedError(f"step {number + 1} comes more than 7 days later", "write `after: 10m`")
        return value


class EscalationsSettings(Settings):
    """The section ``escalations``: policies by name."""

    escalations: DictOf[EscalationPolicy] = Field(default={})

    def targets(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Every target with its path: its kind and its name."""
        for name, policy in self.escalations.items():
            for number, step in enumerate(policy.steps):
                for index, target in enumerate(step.targets):
                    kind, _, of = target.partition(":")
                    yield ("escalations", name, "steps", number, "targets", index), kind, of


def unknown_targets(
    settings: EscalationsSettings,
    priorities: PrioritiesSettings,
    oncall: OnCallSettings,
    receivers: Iterable[str],
    document: Document,
) -> list[Problem]:
    """People, schedules, receivers and policies that are named and that nobody knows, each with its place."""
    known: Mapping[str, Iterable[str]] = {
        PERSON: oncall.people,
        SCHEDULE: oncall.schedules,
        RECEIVER: list(receivers),
    }
    problems = [
        document.problem(f"undefined {kind} {name!r}", path, remedy=nearest(name, known[kind]))
        for path, kind, name in settings.targets()
        if name not in known[kind]
    ]
    for priority, policy in priorities.policies():
        if policy.escalation and policy.escalation not in settings.escalations:
            place = ("priorities", priority.value, "escalation")
            remedy = nearest(policy.escalation, settings.escalations) or "the configuration has no such section"
            problems.append(document.problem(f"undefined escalation {policy.escalation!r}", place, remedy=remedy))
    return problems
