"""The audit trail, as it is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from fenghuo.base import limits
from fenghuo.model.audit import AuditEntry, AuditFilter
from fenghuo.state.database import Database
from fenghuo.state.schema import audit
from fenghuo.state.texts import storable

ENTRIES = limits.declare(
    "audit_entries", 1_000_000, limits.Policy.DROP_OLDEST, "Entries that the audit trail keeps, whatever their age."
)
REFUSALS = limits.declare(
    "audit_refusals", 100_000, limits.Policy.DROP_OLDEST, "Entries of refused requests that the audit trail keeps."
)
NAME_CHARS_MAX = 255
"""What names and addresses are cut to; so long is no real one."""


class AuditRepository:
    """Entries by number. They are added and, when they are old, forgotten; nothing changes one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entries: Sequence[AuditEntry]) -> None:
        """Keep entries in this order, all or none; the numbers that they have are ignored."""
        if entries:
            with self._database.write() as connection:
                connection.execute(insert(audit), [_row(entry) for entry in entries])

    def find(self, wanted: AuditFilter, limit: int) -> list[AuditEntry]:
        """The newest first."""
        columns = audit.c
        query = select(audit).order_by(columns.id.desc()).limit(limit)
        if wanted.since_ms is not None:
            query = query.where(columns.at_ms >= wanted.since_ms)
        if wanted.until_ms is not None:
            query = query.where(columns.at_ms < wanted.until_ms)
        if wanted.actor:
            query = query.where(columns.actor == wanted.actor)
        if wanted.action:
            below = columns.action.startswith(f"{wanted.action}.", autoescape=True)
            query = query.where((columns.action == wanted.action) | below)
        if wanted.before is not None:
            query = query.where(columns.id < wanted.before)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(query).all()]

    def forget(self, before_ms: int, entries_max: int = ENTRIES.default, refusals_max: int = REFUSALS.default) -> None:
        """Forget what is older than the moment, and the oldest beyond ``entries_max``.

        Of refusals, which anybody can cause, fewer are kept: they must not drive out what was done.
        """
        with self._database.write() as connection:
            connection.execute(delete(audit).where(audit.c.at_ms < before_ms))
            REFUSALS.hit(_forget_oldest(connection, refusals_max, audit.c.refused))
            ENTRIES.hit(_forget_oldest(connection, entries_max))


def _forget_oldest(connection: Connection, kept: int, *which: ColumnElement[bool]) -> int:
    """Forget the oldest of these entries beyond ``kept``; returns how many."""
    surplus = connection.execute(select(func.count()).select_from(audit).where(*which)).scalar_one() - kept
    if surplus <= 0:
        return 0
    last = select(audit.c.id).where(*which).order_by(audit.c.id).offset(surplus - 1).limit(1).scalar_subquery()
    connection.execute(delete(audit).where(*which, audit.c.id <= last))
    return surplus


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at_ms": entry.at_ms,
        "actor": storable(entry.actor)[:NAME_CHARS_MAX],
        "via": entry.via,
        "address": storable(entry.address)[:NAME_CHARS_MAX],
        "action": entry.action,
        "subject": storable(entry.subject),
        "detail": json.dumps(dict(entry.detail)),
        "refused": entry.refused,
    }


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(
        row.at_ms, row.actor, row.via, row.address, row.action, row.subject, json.loads(row.detail), row.refused, row.id
    )
