"""How far escalations have come."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, select

from fenghuo.model.escalation import Escalation, EscalationState, FrozenPolicy, FrozenStep
from fenghuo.model.incident import Priority
from fenghuo.state.database import Database
from fenghuo.state.schema import escalations


class EscalationRepository:
    """Escalations by the number of their incident."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> list[Escalation]:
        """All of them: those of incidents that live."""
        with self._database.read() as connection:
            return [_escalation(row) for row in connection.execute(select(escalations)).all()]

    def save(self, changed: Iterable[Escalation], gone: Iterable[int]) -> None:
        """Insert or replace, and forget those of the incidents ``gone``: all or nothing."""
        numbers = list(gone)
        with self._database.write() as connection:
            self._database.put(connection, escalations, [_row(each) for each in changed], key=["incident"])
            if numbers:
                mine = escalations.c.incident == bindparam("number")
                connection.execute(delete(escalations).where(mine), [{"number": number} for number in numbers])


def _row(each: Escalation) -> dict[str, Any]:
    return {
        "incident": each.incident,
        "policy": policy_to_json(each.policy),
        "next_step": each.next_step,
        "round": each.round,
        "next_at_ms": each.next_at_ms,
        "state": each.state.value,
        "paused_ms": each.paused_ms,
    }


def _escalation(row: Any) -> Escalation:
    return Escalation(
        incident=row.incident,
        policy=policy_from_json(row.policy),
        next_at_ms=row.next_at_ms,
        next_step=row.next_step,
        round=row.round,
        state=EscalationState(row.state),
        paused_ms=row.paused_ms,
    )


def policy_to_json(policy: FrozenPolicy) -> str:
    return json.dumps(
        {
            "name": policy.name,
            "priority": policy.priority.value,
            "steps": [{"wait_ms": step.wait_ms, "targets": list(step.targets)} for step in policy.steps],
            "repeat": policy.repeat,
            "again_ms": policy.again_ms,
        },
        ensure_ascii=False,
    )


def policy_from_json(text: str) -> FrozenPolicy:
    said = json.loads(text)
    return FrozenPolicy(
        said["name"],
        Priority(said["priority"]),
        tuple(FrozenStep(step["wait_ms"], tuple(step["targets"])) for step in said["steps"]),
        said["repeat"],
        said["again_ms"],
    )
