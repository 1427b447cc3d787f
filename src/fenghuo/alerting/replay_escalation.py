"""Escalations of the past: whom they would have told if nobody had answered."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fenghuo.alerting.escalation.course import claimed, follow, freeze, taken
from fenghuo.alerting.escalation.settings import RECEIVER, EscalationPolicy
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.reached import Duty, Target, reached
from fenghuo.model.escalation import Escalation, EscalationState, FrozenPolicy
from fenghuo.model.incident import Incident, Priority

Place = tuple[str, str]
"""A group's key and its route's receiver."""


@dataclass(frozen=True, slots=True)
class _Lives:
    priority: Priority
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
            self._keep(place, incident.priority, going)

    def run_until(self, now_ms: int) -> None:
        """Take every step that is due up to this moment."""
        while self._due and self._due[0][0] <= now_ms:
            due_ms, place = heapq.heappop(self._due)
            lives = self._live.get(place)
            if lives is None or not self._waits_for(lives.escalation, due_ms):
                continue
            targets = reached(lives.escalation.step.targets, due_ms, lives.priority, self._duty)
            heard = [self._tell(target) for target in targets]
            self.unheard += not any(heard)
            self._keep(place, lives.priority, taken(claimed(lives.escalation), due_ms, reached=any(heard)))

    def _keep(self, place: Place, priority: Priority, escalation: Escalation) -> None:
        known = self._live.get(place)
        self._live[place] = _Lives(priority, escalation)
        is_same = known is not None and known.escalation == escalation
        if escalation.state is EscalationState.WAITING and not is_same:
            heapq.heappush(self._due, (escalation.next_at_ms, place))

    def _policy(self, priority: Priority) -> FrozenPolicy | None:
        name = self._priorities.policy(priority).escalation
        policy = self._policies.get(name)
        return None if policy is None else freeze(name, policy, priority, self._priorities.ack_within_ms(priority))

    def _tell(self, target: Target) -> bool:
        """Count whoever the target means; whether somebody heard."""
        kind, _, name = target.target.partition(":")
        if kind == RECEIVER:
            self._tell_receiver(name)
            return bool(target.channels)
        person = target.person
        if person is None or person.quiet or not person.contacts:
            return False
        self.people[person.key] += 1
        return True

    @staticmethod
    def _waits_for(escalation: Escalation, due_ms: int) -> bool:
        return escalation.state is EscalationState.WAITING and escalation.next_at_ms == due_ms
