"""Escalations in the database: what goes in comes out."""

from __future__ import annotations

from dataclasses import replace

from fenghuo.model.escalation import Escalation, EscalationState, FrozenPolicy, FrozenStep
from fenghuo.model.incident import Priority
from fenghuo.state import State

POLICY = FrozenPolicy(
    "夜班", Priority.P0, (FrozenStep(0, ("person:张",)), FrozenStep(600_000, ("schedule:a", "receiver:b"))), 2, 300_000
)


def test_what_is_saved_is_loaded_until_it_is_gone(state: State) -> None:
    first = Escalation(1, POLICY, 2**45)
    second = Escalation(2, POLICY, 5, 1, 2, EscalationState.PAUSED, 4)
    state.escalations.save([first, second], [])
    assert state.escalations.load() == [first, second]
    later = replace(first, state=EscalationState.ACTING)
    state.escalations.save([later], [2, 99])
    assert state.escalations.load() == [later]
