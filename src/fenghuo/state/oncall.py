"""Who takes over from whom: overrides of on-call schedules."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from fenghuo.model.oncall import Override
from fenghuo.state.database import Database
from fenghuo.state.schema import oncall_overrides


class OverrideRepository:
    """Overrides by number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> list[Override]:
        """Every override, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(oncall_overrides).order_by(oncall_overrides.c.id)).all()
        return [
            Override(row.id, row.schedule, row.person, row.start_ms, row.end_ms, row.made_by, row.made_ms)
            for row in rows
        ]

    def add(self, overrides: Sequence[Override]) -> list[int]:
        """Keep new overrides, all or none, and return their numbers; the numbers that they have are ignored."""
        numbers = []
        with self._database.write() as connection:
            for override in overrides:
                row = {
                    "schedule": override.schedule,
                    "person": override.person,
                    "start_ms": override.start_ms,
                    "end_ms": override.end_ms,
                    "made_by": override.by,
                    "made_ms": override.made_ms,
                }
                numbers.append(
                    connection.execute(
                        insert(oncall_overrides).values(row).returning(oncall_overrides.c.id)
                    ).scalar_one()
                )
        return numbers

    def remove(self, number: int) -> bool:
        """Forget an override; whether there was one."""
        with self._database.write() as connection:
            return connection.execute(delete(oncall_overrides).where(oncall_overrides.c.id == number)).rowcount > 0

    def forget_before(self, moment_ms: int) -> None:
        """Forget what ended before the moment."""
        with self._database.write() as connection:
            connection.execute(delete(oncall_overrides).where(oncall_overrides.c.end_ms < moment_ms))
