"""The priority of alerts, by their labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from fenghuo.alerting.priority.settings import PrioritiesSettings, PriorityPolicy
from fenghuo.model.incident import Priority
from fenghuo.model.labels import Labels

SEVERITIES: Final[Mapping[str, Priority]] = {
    **dict.fromkeys(("p0", "disaster", "emergency", "fatal"), Priority.P0),
    **dict.fromkeys(("p1", "critical", "error", "page", "high"), Priority.P1),
    **dict.fromkeys(("p2", "warning", "warn", "medium"), Priority.P2),
    **dict.fromkeys(("p3", "info", "low", "none", "notice"), Priority.P3),
}
"""What the values of ``severity`` mean that are in common use. ``critical`` is not P0: rules that others wrote use it
for everything that should be looked at today, and P0 is kept for what must wake people."""


class Priorities:
    """The table in force."""

    def __init__(self, settings: PrioritiesSettings) -> None:
        self._label = settings.label
        self._default = settings.default
        self._known = {**SEVERITIES, **settings.severities}
        self._policies = dict(settings.policies())

    def of(self, labels: Labels) -> Priority:
        """The priority of one alert."""
        return self._known.get(labels.get(self._label, "").lower(), self._default)

    def highest(self, alerts: Iterable[Labels]) -> Priority:
        """The most urgent of several; P3 of none."""
        return min(map(self.of, alerts), default=Priority.P3)

    def policy(self, priority: Priority) -> PriorityPolicy:
        return self._policies[priority]
