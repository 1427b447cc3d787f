"""What would become of an alert: where it would go, what would keep it quiet, and when who would be told.

Pure: the question is answered from the routes, from what mutes and keeps, from who is on call, and from a moment.
Nothing is entered or sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from fenghuo.alerting.escalation.course import begin, claimed, freeze, put_off, taken
from fenghuo.alerting.escalation.settings import EscalationPolicy
from fenghuo.alerting.matcher import show_matchers
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.reached import Duty, Receiving, Target, reached
from fenghuo.alerting.route.groups import show_group_labels
from fenghuo.alerting.route.tree import Route
from fenghuo.model.escalation import EscalationState
from fenghuo.model.incident import Priority
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
class PlannedStep:
    """A step of the escalation, as it comes if nobody answers. One that reaches nobody is followed at once."""

    at_ms: int
    round: int
    """From 1."""
    targets: tuple[Target, ...]


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
    """How long a new group waits for company: P0 does not, unless a route says so."""
    group_interval_ms: int
    repeat_interval_ms: int
    muted_by: tuple[str, ...]
    """Names of time intervals that keep the route quiet at the moment of its first look."""
    kept_by: tuple[str, ...]
    """Rules of priorities that keep the alert at that moment, or count it as less urgent."""
    told_at_ms: int | None
    """When the first notice leaves if the alert begins a group of its own; None: not as far as can be seen."""
    priority: str
    """What the alert counts as then; what follows holds for that priority."""
    also: tuple[Receiving, ...]
    """Receivers that the priority adds, told at the same moments."""
    reminders_ms: tuple[int, ...]
    """The times between reminders by the priority, the last of which holds on; empty: ``repeat_interval_ms``."""
    answer_by_ms: int | None
    """When somebody has to have answered; None where nobody is told."""
    escalation: str
    """The name of the policy; empty: none."""
    steps: tuple[PlannedStep, ...]


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
    muting: Callable[[Route, int], Sequence[str]]
    """The names of the intervals that keep a route quiet at a moment."""
    priorities: Priorities
    inhibited_by: Labels | None = None
    silences: Sequence[Silence] = ()
    """Those whose matchers the labels meet, whatever their time."""
    escalations: Mapping[str, EscalationPolicy] = field(default_factory=dict)
    duty: Duty = field(default_factory=Duty)


def what_if(labels: Labels, at_ms: int, around: Surroundings) -> WhatIf:
    """What becomes of an alert with these labels that begins to fire at ``at_ms``."""
    return WhatIf(
        labels,
        at_ms,
        around.priorities.of(labels).value,
        around.inhibited_by,
        tuple(_silencing(around.silences, at_ms)),
        tuple(_destination(route, labels, at_ms, around) for route in around.root.match(labels)),
    )


def _destination(route: Route, labels: Labels, at_ms: int, around: Surroundings) -> Destination:
    group_labels = route.group_labels(labels)
    urgent = around.priorities.of(labels) is Priority.P0 and not route.wait_is_given
    first_ms = at_ms if urgent else at_ms + route.group_wait_ms
    told_ms = None if around.inhibited_by is not None else _first_notice(route, labels, first_ms, around)
    priority = around.priorities.at(labels, first_ms if told_ms is None else told_ms).priority
    policy = around.priorities.policy(priority)
    names = dict.fromkeys(name for name in policy.receivers if name != route.receiver)
    return Destination(
        path=tuple(_path(around.root, route)),
        receiver=route.receiver,
        channels=around.duty.receivers.get(route.receiver, ()),
        group_key=f"{route.key}:{show_group_labels(group_labels)}",
        group_labels=group_labels,
        group_wait_ms=first_ms - at_ms,
        group_interval_ms=route.group_interval_ms,
        repeat_interval_ms=route.repeat_interval_ms,
        muted_by=tuple(around.muting(route, first_ms)),
        kept_by=around.priorities.at(labels, first_ms).why,
        told_at_ms=told_ms,
        priority=priority.value,
        also=tuple(around.duty.receiving(name) for name in names),
        reminders_ms=tuple(policy.repeat),
        answer_by_ms=None if told_ms is None else around.priorities.answer_by_ms(priority, group_labels, told_ms),
        escalation=policy.escalation,
        steps=() if told_ms is None else tuple(_steps(priority, group_labels, told_ms, around)),
    )


def _steps(priority: Priority, labels: Labels, opened_ms: int, around: Surroundings) -> Iterator[PlannedStep]:
    """The course of the escalation of an incident with these labels, from its opening on."""
    name = around.priorities.policy(priority).escalation
    policy = around.escalations.get(name)
    if policy is None:
        return
    course = begin(0, freeze(name, policy, priority, around.priorities.ack_within_ms(priority)), opened_ms)
    while course.state is EscalationState.WAITING:
        at_ms = course.next_at_ms
        kept_ms = around.priorities.kept_until(priority, labels, at_ms)
        if kept_ms is not None:
            course = put_off(course, kept_ms)
            at_ms = course.next_at_ms
        targets = tuple(reached(course.step.targets, at_ms, priority, around.duty))
        yield PlannedStep(at_ms, course.round + 1, targets)
        course = taken(claimed(course), at_ms, reached=any(target.heard for target in targets))


def _first_notice(route: Route, labels: Labels, first_ms: int, around: Surroundings) -> int | None:
    """The first look at the group that nothing keeps quiet. Looks come at the interval, and when a hold ends."""
    look_ms = first_ms
    for _ in range(FLUSHES_MAX):
        following_ms = look_ms + route.group_interval_ms
        if not _silencing(around.silences, look_ms) and not around.muting(route, look_ms):
            found = around.priorities.at(labels, look_ms)
            if not found.held:
                return look_ms
            following_ms = min(following_ms, found.until_ms or following_ms)
        look_ms = following_ms
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
    plain: dict[str, Any] = _plain(found)
    return {**plain, "told": found.told}


def _plain(value: Any) -> Any:
    if isinstance(value, Labels):
        return dict(value)
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
