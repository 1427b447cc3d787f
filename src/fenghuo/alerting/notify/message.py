"""What a channel is handed to send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.language import Language
from fenghuo.model.reading import Reading

FIRING = "firing"
RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """One alert of a message, as it stands at the moment of the message."""

    labels: Labels
    annotations: Labels
    starts_at_ms: int
    ends_at_ms: int | None
    """None while it fires."""
    generator_url: str
    fingerprint: int
    reading: Reading | None = None
    """The value that its rule saw last; None for alerts from elsewhere."""

    @property
    def status(self) -> str:
        return FIRING if self.ends_at_ms is None else RESOLVED

    @property
    def fingerprint_hex(self) -> str:
        return f"{self.fingerprint:016x}"


@dataclass(frozen=True, slots=True)
class IncidentView:
    """The incident that a message tells of, as it stands then."""

    number: int
    id: str
    """As people say it: ``INC-12``."""
    priority: str
    """``P0`` … ``P3``."""
    state: str
    """``open``, ``acknowledged``, ``snoozed`` or ``resolved``."""
    answer_url: str
    """A page to answer on without signing in. Secret: it is for whoever gets the message."""
    acknowledged_by: str = ""
    assignee: str = ""


@dataclass(frozen=True)
class Message:
    """A group of alerts at one moment, for one receiver."""

    group_key: str
    receiver: str
    group_labels: Labels
    alerts: Sequence[ToldAlert]
    """At least one, in the order of their labels."""
    external_url: str
    at_ms: int
    route_labels: Labels = EMPTY
    reason: str = ""
    truncated_alerts: int = field(default=0)
    incident: IncidentView | None = None
    language: Language | None = None
    """That of the person to whom it goes; None: the one that holds for everybody."""
    was_kept: bool = False
    """Some of it was kept until a moment ago, by quiet hours or a trading session: it is told with others like it."""
    instead_of: str = ""
    """The receiver that could not be told, when this one is told in its place."""

    @property
    def firing(self) -> list[ToldAlert]:
        return [alert for alert in self.alerts if alert.status == FIRING]

    @property
    def resolved(self) -> list[ToldAlert]:
        return [alert for alert in self.alerts if alert.status == RESOLVED]

    @cached_property
    def status(self) -> str:
        """``firing`` while any alert of it fires."""
        return FIRING if self.firing else RESOLVED

    @cached_property
    def common_labels(self) -> Labels:
        return common(alert.labels for alert in self.alerts)

    @cached_property
    def common_annotations(self) -> Labels:
        return common(alert.annotations for alert in self.alerts)


def common(sets: Iterable[Labels]) -> Labels:
    """The pairs that all of ``sets`` have."""
    iterator = iter(sets)
    first = next(iterator, EMPTY)
    pairs = set(first.pairs)
    for labels in iterator:
        pairs.intersection_update(labels.pairs)
        if not pairs:
            break
    return Labels(pairs)
