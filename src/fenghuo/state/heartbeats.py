"""Heartbeats that people made, and what was heard of all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import delete, select

from fenghuo.model.heartbeat import MadeHeartbeat, Pulse
from fenghuo.state.database import Database
from fenghuo.state.schema import heartbeat_pulses, heartbeats


class HeartbeatRepository:
    """Heartbeats by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def made(self) -> list[MadeHeartbeat]:
        """What people made, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(heartbeats).order_by(heartbeats.c.name)).all()
        return [MadeHeartbeat(row.name, row.definition, row.made_by, row.made_ms) for row in rows]

    def pulses(self) -> list[Pulse]:
        """What was heard, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(heartbeat_pulses).order_by(heartbeat_pulses.c.name)).mappings().all()
        return [Pulse(**row) for row in rows]

    def make(self, made: MadeHeartbeat) -> None:
        """Keep one, in place of that of the same name."""
        with self._database.write() as connection:
            self._database.put(connection, heartbeats, [asdict(made)], key=["name"])

    def save(self, pulses: Sequence[Pulse]) -> None:
        """Keep what was heard."""
        with self._database.write() as connection:
            self._database.put(connection, heartbeat_pulses, [asdict(pulse) for pulse in pulses], key=["name"])

    def remove(self, name: str) -> None:
        """Forget a heartbeat and what was heard of it."""
        with self._database.write() as connection:
            connection.execute(delete(heartbeats).where(heartbeats.c.name == name))
            connection.execute(delete(heartbeat_pulses).where(heartbeat_pulses.c.name == name))

    def forget_pulses(self, names: Collection[str]) -> None:
        """Forget what was heard of those that nobody waits for any more."""
        with self._database.write() as connection:
            for name in names:
                connection.execute(delete(heartbeat_pulses).where(heartbeat_pulses.c.name == name))
