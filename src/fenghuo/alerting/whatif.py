"""What would become of an alert: where it would go, what would keep it quiet, and when who would be told.

Pure: the question is answered from the routes, from what mutes, and from a moment. Nothing is entered or sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fenghuo.alerting.matcher import show_matchers
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.route.groups import show_group_labels
from fenghuo.alerting.route.tree import Route
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.model.labels import Labels
from fenghuo.model.silence import Silence, SilenceState

FLUSHES_MAX = 2_100
"""How many looks at the group are tried until one speaks: a week of the default interval."""


@dataclass(frozen=True, slots=True)
class Step:
    """One node on the way down the tree."""

    index: tuple[int, ...]
    """Its position, child by child; empty for the root."""
    matchers: str
    receiver: str


@dataclass(frozen=True, slots=True)
class Receiving:
    """A receiver and the kinds of its channels; without any nobody hears."""

    receiver: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Destination:
    """One node that the alert ends at, and what happens there."""

    path: tuple[Step, ...]
    """From the root to the node, both included."""
    receiver: str
    channels: tuple[str, ...]
    """The kinds of the receiver's channels; empty: nobody hears."""
    group_key: str
    group_labels: Labels
    group_wait_ms: int
    group_interval_ms: int
    repeat_interval_ms: int
    also: tuple[Receiving, ...]
    """Receivers that the alert's priority adds, told at the same moments."""
    reminders_ms: tuple[int, ...]
    """The times between reminders by its priority, the last of which holds on; empty: ``repeat_interval_ms``."""
    muted_by: tuple[str, ...]
    """Names of time intervals that keep the route quiet at the moment of its first look."""
    told_at_ms: int | None
    """When the first notice leaves if the alert begins a group of its own; None: not as far as can be seen."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The whole answer."""

    labels: Labels
    at_ms: int
    priority: str
    inhibited_by: Labels | None
    """A firing alert for whose sake this one is not told. It counts as lasting."""
    silenced_by: tuple[str, ...]
    destinations: tuple[Destination, ...]

    @property
    def told(self) -> bool:
        """Whether somebody is told at all, now or later."""
        return any(
            each.told_at_ms is not None and (each.channels or any(also.channels for also in each.also))
            for each in self.destinations
        )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the answer depends on besides the question."""

    root: Route
    settings: AlertingSettings
    muting: Callable[[Route, int], Sequence[str]]
    """The names of the intervals that keep a route quiet at a moment."""
    priorities: Priorities
    inhibited_by: Labels | None = None
    silences: Sequence[Silence] = ()
    """Those whose matchers the labels meet, whatever their time."""


def what_if(labels: Labels, at_ms: int, around: Surroundings) -> WhatIf:
    """What becomes of an alert with these labels that begins to fire at ``at_ms``."""
    kinds = {
        receiver.name: tuple(channel.kind for _, channel in receiver.channels())
        for receiver in around.settings.receivers
    }
    return WhatIf(
        labels,
        at_ms,
        around.priorities.of(labels).value,
        around.inhibited_by,
        tuple(_silencing(around.silences, at_ms)),
        tuple(_destination(route, labels, at_ms, around, kinds) for route in around.root.match(labels)),
    )


def _destination(
    route: Route, labels: Labels, at_ms: int, around: Surroundings, kinds: Mapping[str, tuple[str, ...]]
) -> Destination:
    group_labels = route.group_labels(labels)
    policy = around.priorities.policy(around.priorities.of(labels))
    return Destination(
        path=tuple(_path(around.root, route)),
        receiver=route.receiver,
        channels=kinds.get(route.receiver, ()),
        group_key=f"{route.key}:{show_group_labels(group_labels)}",
        group_labels=group_labels,
        group_wait_ms=route.group_wait_ms,
        group_interval_ms=route.group_interval_ms,
        repeat_interval_ms=route.repeat_interval_ms,
        also=tuple(
            Receiving(name, kinds.get(name, ())) for name in dict.fromkeys(policy.receivers) if name != route.receiver
        ),
        reminders_ms=tuple(policy.repeat),
        muted_by=tuple(around.muting(route, at_ms + route.group_wait_ms)),
        told_at_ms=None if around.inhibited_by is not None else _first_notice(route, at_ms, around),
    )


def _first_notice(route: Route, at_ms: int, around: Surroundings) -> int | None:
    """The first look at the group that nothing keeps quiet."""
    first_ms = at_ms + route.group_wait_ms
    for number in range(FLUSHES_MAX):
        look_ms = first_ms + number * route.group_interval_ms
        if not _silencing(around.silences, look_ms) and not around.muting(route, look_ms):
            return look_ms
    return None


def _silencing(silences: Sequence[Silence], at_ms: int) -> list[str]:
    return sorted(each.id for each in silences if each.state_at(at_ms) is SilenceState.ACTIVE)


def _path(root: Route, end: Route) -> list[Step]:
    nodes = [root]
    for position in end.index:
        nodes.append(nodes[-1].children[position])
    return [Step(node.index, show_matchers(node.matchers), node.receiver) for node in nodes]


def as_json(found: WhatIf) -> dict[str, Any]:
    """The answer for programs; label sets become objects."""
    return {
        "labels": dict(found.labels),
        "at_ms": found.at_ms,
        "told": found.told,
        "priority": found.priority,
        "inhibited_by": None if found.inhibited_by is None else dict(found.inhibited_by),
        "silenced_by": list(found.silenced_by),
        "destinations": [
            {
                "path": [
                    {"index": list(step.index), "matchers": step.matchers, "receiver": step.receiver}
                    for step in each.path
                ],
                "receiver": each.receiver,
                "channels": list(each.channels),
                "group_key": each.group_key,
                "group_labels": dict(each.group_labels),
                "group_wait_ms": each.group_wait_ms,
                "group_interval_ms": each.group_interval_ms,
                "repeat_interval_ms": each.repeat_interval_ms,
                "also": [{"receiver": also.receiver, "channels": list(also.channels)} for also in each.also],
                "reminders_ms": list(each.reminders_ms),
                "muted_by": list(each.muted_by),
                "told_at_ms": each.told_at_ms,
            }
            for each in found.destinations
        ],
    }
