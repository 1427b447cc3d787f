"""From whatever version a database has to the one this program knows.

Every step runs inside one transaction with the change of the version number: a database is at a version, never
between two. A step is never changed after a release; a new one is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, select, text

from fenghuo.base.errors import OperatingError
from fenghuo.state import schema

Step = Callable[[Connection], None]


def _create(connection: Connection) -> None:
    """Make the tables that are not there."""
    schema.metadata.create_all(connection)


def _incidents(connection: Connection) -> None:
    """Incidents, and of which one a notice told."""
    _create(connection)
    if "incident" not in {column["name"] for column in inspect(connection).get_columns("notices")}:
        connection.execute(text("ALTER TABLE notices ADD COLUMN incident BIGINT"))
        connection.execute(text("CREATE INDEX ix_notices_incident ON notices (incident)"))


def _tokens(connection: Connection) -> None:
    """Tokens of programs belong to nobody's account any more, and the audit trail; nothing ever wrote the old table."""
    _create(connection)
    connection.execute(text("DROP TABLE IF EXISTS api_tokens"))


def _readings(connection: Connection) -> None:
    """The value and the threshold of an alert."""
    _create(connection)
    if "reading" not in {column["name"] for column in inspect(connection).get_columns("alerts")}:
        connection.execute(text("ALTER TABLE alerts ADD COLUMN reading TEXT"))


def _stand_ins(connection: Connection) -> None:
    """In whose place a receiver was told."""
    _create(connection)
    if "instead_of" not in {column["name"] for column in inspect(connection).get_columns("notices")}:
        connection.execute(text("ALTER TABLE notices ADD COLUMN instead_of TEXT NOT NULL DEFAULT ''"))


def _deadlines(connection: Connection) -> None:
    """When an incident has to be answered, and whether it was not."""
    _create(connection)
    known = {column["name"] for column in inspect(connection).get_columns("incidents")}
    for name in ("due_ms", "overdue_ms"):
        if name not in known:
            connection.execute(text(f"ALTER TABLE incidents ADD COLUMN {name} BIGINT"))


def _refusals(connection: Connection) -> None:
    """Which entries of the audit trail tell of a refusal."""
    _create(connection)
    if "refused" not in {column["name"] for column in inspect(connection).get_columns("audit")}:
        connection.execute(text("ALTER TABLE audit ADD COLUMN refused BOOLEAN NOT NULL DEFAULT FALSE"))


STEPS: Sequence[Step] = (
    _create, _create, _incidents, _create, _tokens, _readings, _stand_ins, _deadlines, _create, _refusals,
)  # fmt: skip
"""The step at position n leads from version n to version n + 1."""

assert len(STEPS) == schema.VERSION


def migrate(connection: Connection, steps: Sequence[Step] = STEPS) -> int:
    """Bring the database to the newest version; returns the version that it had.

    Raises OperatingError for a database that a newer program wrote.
    """
    had = version_of(connection)
    if had > len(steps):
        raise OperatingError(
            f"the state database has version {had}, this program knows up to {len(steps)}",
            retryable=False,
            remedy="start the newer Fenghuo that wrote it, or restore a backup from before the upgrade",
        )
    for step in steps[had:]:
        step(connection)
    if had < len(steps):
        connection.execute(schema.meta.delete().where(schema.meta.c.key == "schema_version"))
        connection.execute(schema.meta.insert().values(key="schema_version", value=str(len(steps))))
    return had


def version_of(connection: Connection) -> int:
    """The database's version; 0 when it is empty."""
    if not inspect(connection).has_table("meta"):
        return 0
    value = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")).scalar()
    return int(value) if value is not None else 0
