"""Escalations of the past: whom they would have told if nobody had answered."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fenghuo.alerting.escalation.course import claimed, follow, freeze, put_off, taken
from fenghuo.alerting.escalation.settings import RECEIVER, EscalationPolicy
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.reached import Duty, Target, reached
from fenghuo.model.escalation import Escalation, EscalationState, FrozenPolicy
from fenghuo.model.incident import Incident, Priority

Place = tuple[str, str]
"""A group's key and its route's receiver."""


@dataclass(frozen=True, slots=True)
class _Lives:
    incident: Incident
    escalation: Escalation


class EscalationReplay:
    """The course of every escalation, on a clock that is moved by :meth:`run_until`."""

    def __init__(
        self,
        priorities: Priorities,
        policies: Mapping[str, EscalationPolicy],
        duty: Duty,
        tell_receiver: Callable[[str], None],
    ) -> None:
        self._priorities = priorities
        self._policies = policies
        self._duty = duty
        self._tell_receiver = tell_receiver
        self._live: dict[Place, _Lives] = {}
        self._due: list[tuple[int, Place]] = []
        self.people: Counter[str] = Counter()
        """Notices by person."""
        self.unheard = 0
        """Steps that reached nobody."""

    def follow(self, place: Place, incident: Incident, now_ms: int) -> None:
        """Go on as the incident now stands."""
        known = self._live.get(place)
        going = follow(None if known is None else known.escalation, incident, self._policy(incident.priority), now_ms)
        if going is None:
            self._live.pop(place, None)
        else:
            self._keep(place, incident, going)

    def run_until(self, now_ms: int) -> None:
        """Take every step that is due up to this moment."""
        while self._due and self._due[0][0] <= now_ms:
            due_ms, place = heapq.heappop(self._due)
            lives = self._live.get(place)
            if lives is None or not self._waits_for(lives.escalation, due_ms):
                continue
            incident = lives.incident
            kept_ms = self._priorities.kept_until(incident.priority, incident.labels, due_ms)
            if kept_ms is not None:
                self._keep(place, incident, put_off(lives.escalation, kept_ms))
                continue
            targets = list(reached(lives.escalation.step.targets, due_ms, incident.priority, self._duty))
            self._tell(targets)
            heard = any(target.heard for target in targets)
            self.unheard += not heard
            self._keep(place, incident, taken(claimed(lives.escalation), due_ms, reached=heard))

    def _keep(self, place: Place, incident: Incident, escalation: Escalation) -> None:
        known = self._live.get(place)
        self._live[place] = _Lives(incident, escalation)
        is_same = known is not None and known.escalation == escalation
        if escalation.state is EscalationState.WAITING and not is_same:
            heapq.heappush(self._due, (escalation.next_at_ms, place))

    def _policy(self, priority: Priority) -> FrozenPolicy | None:
        name = self._priorities.policy(priority).escalation
        policy = self._policies.get(name)
        return None if policy is None else freeze(name, policy, priority, self._priorities.ack_within_ms(priority))

    def _tell(self, targets: Iterable[Target]) -> None:
        """Count everybody whom the targets of one step mean, each once."""
        people, receivers = set(), set()
        for target in targets:
            kind, _, name = target.target.partition(":")
            if kind == RECEIVER:
                receivers.add(name)
            elif target.heard and target.person is not None:
                people.add(target.person.key)
        self.people.update(people)
        for name in receivers:
            self._tell_receiver(name)

    @staticmethod
    def _waits_for(escalation: Escalation, due_ms: int) -> bool:
        return escalation.state is EscalationState.WAITING and escalation.next_at_ms == due_ms
