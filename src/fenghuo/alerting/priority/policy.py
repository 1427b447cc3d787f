"""The priority of alerts, by their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from fenghuo.alerting.priority.settings import PrioritiesSettings, PriorityPolicy
from fenghuo.alerting.priority.treatment import Treatment, Treatments, market_labels
from fenghuo.model.incident import Priority
from fenghuo.model.labels import Labels
from fenghuo.trading import MarketBook, built_in_markets

SEVERITIES: Final[Mapping[str, Priority]] = {
    **dict.fromkeys(("p0", "disaster", "emergency", "fatal"), Priority.P0),
    **dict.fromkeys(("p1", "critical", "error", "page", "high"), Priority.P1),
    **dict.fromkeys(("p2", "warning", "warn", "medium"), Priority.P2),
    **dict.fromkeys(("p3", "info", "low", "none", "notice"), Priority.P3),
}
"""What the values of ``severity`` mean that are in common use. ``critical`` is not P0: rules that others wrote use it
for everything that should be looked at today, and P0 is kept for what must wake people."""
RELEASED_MS: Final = 60_000
"""What was kept within so long before a moment belongs into that moment's digest: looks come when a hold ends, and
those of one busy event loop are not quite at once."""


class Labelled(Protocol):
    """Whatever has an alert's labels."""

    @property
    def labels(self) -> Labels: ...


T = TypeVar("T", bound=Labelled)


@dataclass(frozen=True, slots=True)
class Sorted(Generic[T]):
    """Alerts as the table treats them at one moment."""

    told: list[T]
    held: list[T]
    because: Counter[str]
    """How many are kept by ``quiet_hours``, ``in_session`` and ``out_of_session``."""
    again_ms: int | None
    """When some of it may change; None: nothing is kept or lowered, or no end is in sight."""
    released: bool
    """Some of ``told`` was kept until a moment ago."""


class Priorities:
    """The table in force."""

    def __init__(self, settings: PrioritiesSettings, markets: MarketBook | None = None) -> None:
        """Without ``markets`` those hold that are built in."""
        self._label = settings.label
        self._default = settings.default
        self._known = {**SEVERITIES, **settings.severities}
        self._policies = dict(settings.policies())
        self._treatments = Treatments(self._policies, markets or built_in_markets())

    def of(self, labels: Labels) -> Priority:
        """The priority of one alert, by its labels alone."""
        return self._known.get(labels.get(self._label, "").lower(), self._default)

    def at(self, labels: Labels, at_ms: int) -> Treatment:
        """What the alert counts as at the moment, and whether it is kept."""
        priority = self.of(labels)
        return self._treatments.at(priority, labels, at_ms) if self._treatments.restless else Treatment(priority)

    def highest(self, alerts: Iterable[Labels], at_ms: int) -> Priority:
        """What the most urgent of several counts as; P3 of none."""
        if not self.restless:
            return min(map(self.of, alerts), default=Priority.P3)
        alike = {self._kind(labels): labels for labels in alerts}
        return min((self.at(labels, at_ms).priority for labels in alike.values()), default=Priority.P3)

    @property
    def restless(self) -> bool:
        """Whether any rule can keep or lower anything."""
        return self._treatments.restless

    def policy(self, priority: Priority) -> PriorityPolicy:
        return self._policies[priority]

    def ack_within_ms(self, priority: Priority) -> int:
        """How soon somebody has to answer an incident of this priority."""
        within_ms = self._policies[priority].ack_within_ms
        assert within_ms is not None
        return within_ms

    def kept_until(self, priority: Priority, labels: Labels, at_ms: int) -> int | None:
        """When nothing keeps such an alert any more that is kept at the moment; None: nothing does, or for ever."""
        told_ms = self._treatments.told_from(priority, labels, at_ms) if self.restless else at_ms
        return None if told_ms == at_ms else told_ms

    def answer_by_ms(self, priority: Priority, labels: Labels, since_ms: int) -> int:
        """When an incident has to be answered that nobody has answered since a moment.

        A deadline at which its priority is kept is moved: the time begins anew when nothing keeps it any more.
        """
        within_ms = self.ack_within_ms(priority)
        kept_ms = self.kept_until(priority, labels, since_ms + within_ms)
        return (since_ms if kept_ms is None else kept_ms) + within_ms

    def sort_out(self, alerts: Sequence[T], at_ms: int) -> Sorted[T]:
        """Which of the alerts may be told at the moment."""
        if not self.restless:
            return Sorted(list(alerts), [], Counter(), None, released=False)
        kinds = [self._kind(alert.labels) for alert in alerts]
        by_kind = {kind: alert.labels for kind, alert in zip(kinds, alerts, strict=True)}
        looks = {kind: self.at(labels, at_ms) for kind, labels in by_kind.items()}
        found = [(alert, looks[kind]) for kind, alert in zip(kinds, alerts, strict=True)]
        ends = [look.until_ms for look in looks.values() if look.until_ms is not None]
        free = [by_kind[kind] for kind, look in looks.items() if not look.held]
        return Sorted(
            [alert for alert, look in found if not look.held],
            [alert for alert, look in found if look.held],
            Counter(look.keeper for _, look in found if look.held),
            min(ends, default=None),
            released=any(self.at(labels, at_ms - RELEASED_MS).held for labels in free),
        )

    def _kind(self, labels: Labels) -> tuple[Priority, str, str]:
        """What the table goes by: alerts that agree on this are treated alike."""
        return self.of(labels), *market_labels(labels)
