"""Silences that people have made."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import delete, select

from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence
from fenghuo.state.alerts import ROWS_AT_ONCE, labels_from_json, labels_to_json
from fenghuo.state.database import Database
from fenghuo.state.schema import silences


class SilenceRepository:
    """Silences by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> list[Silence]:
        """Every silence, those that are over included."""
        with self._database.read() as connection:
            rows = connection.execute(select(silences)).all()
        return [
            Silence(
                id=row.id,
                conditions=tuple(Condition(name, value, MatchOp(op)) for name, op, value in json.loads(row.conditions)),
                starts_ms=row.starts_ms,
                ends_ms=row.ends_ms,
                created_by=row.created_by,
                comment=row.comment,
                updated_ms=row.updated_ms,
                annotations=labels_from_json(row.annotations),
            )
            for row in rows
        ]

    def save(self, changed: Iterable[Silence]) -> None:
        """Insert or replace, all or none."""
        rows = [
            {
                "id": each.id,
                "conditions": json.dumps([[one.name, one.op.value, one.value] for one in each.conditions]),
                "starts_ms": each.starts_ms,
                "ends_ms": each.ends_ms,
                "created_by": each.created_by,
                "comment": each.comment,
                "updated_ms": each.updated_ms,
                "annotations": labels_to_json(each.annotations),
            }
            for each in changed
        ]
        with self._database.write() as connection:
            self._database.put(connection, silences, rows, key=["id"])

    def remove(self, ids: Iterable[str]) -> None:
        """Forget silences; unknown ones are ignored."""
        names = list(ids)
        with self._database.write() as connection:
            for start in range(0, len(names), ROWS_AT_ONCE):
                some = names[start : start + ROWS_AT_ONCE]
                connection.execute(delete(silences).where(silences.c.id.in_(some)))
