"""The section ``priorities``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import Field, field_validator

from fenghuo.base.document import DictOf, Document, ListOf, Problem, RefusedError, Settings, nearest
from fenghuo.model.incident import Priority
from fenghuo.model.settings_types import DurationMs

REPEAT_MS_MIN = 60_000


class PriorityPolicy(Settings):
    """What holds for one priority."""

    receivers: ListOf[str] = Field(default=[])
    """Receivers that are told besides the route's."""
    repeat: ListOf[DurationMs] = Field(default=[])
    """The time between a notice and its reminder, the first, the second …; the last holds on. Empty: the route's
    ``repeat_interval``."""

    @field_validator("repeat")
    @classmethod
    def _long_enough(cls, value: list[int]) -> list[int]:
        if any(each < REPEAT_MS_MIN for each in value):
            raise RefusedError("a reminder within a minute is noise", "write [5m, 15m, 1h]")
        return value


class PrioritiesSettings(Settings):
    """``priorities``: from labels to P0, P1, P2, P3, and from those to what happens."""

    label: str = "severity"
    """The label that says how bad an alert is."""
    severities: DictOf[Priority] = Field(default={})
    """Values of the label, in small letters, beside and before those that are known without this."""
    default: Priority = Priority.P2
    """For every other value, and for none."""
    p0: PriorityPolicy = Field(default=PriorityPolicy(), alias="P0")
    p1: PriorityPolicy = Field(default=PriorityPolicy(), alias="P1")
    p2: PriorityPolicy = Field(default=PriorityPolicy(), alias="P2")
    p3: PriorityPolicy = Field(default=PriorityPolicy(), alias="P3")

    @field_validator("severities")
    @classmethod
    def _small_letters(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {key.lower(): priority for key, priority in value.items()}

    def policies(self) -> Iterator[tuple[Priority, PriorityPolicy]]:
        yield from zip(Priority, (self.p0, self.p1, self.p2, self.p3), strict=True)


def unknown_receivers(settings: PrioritiesSettings, receivers: Iterable[str], document: Document) -> list[Problem]:
    """Receivers that are named and that no section defines, each with its place."""
    known = set(receivers)
    return [
        document.problem(
            f"undefined receiver {name!r}",
            ("priorities", priority.value, "receivers", index),
            remedy=nearest(name, known),
        )
        for priority, policy in settings.policies()
        for index, name in enumerate(policy.receivers)
        if name not in known
    ]
