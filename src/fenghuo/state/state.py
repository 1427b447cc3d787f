"""The door to the state: one database, one repository for each kind of value."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Self

from sqlalchemy import select

from fenghuo.state import schema
from fenghuo.state.accounts import SessionRepository, TokenRepository, UserRepository
from fenghuo.state.alerts import AlertRepository
from fenghuo.state.audit import AuditRepository
from fenghuo.state.database import Database
from fenghuo.state.escalations import EscalationRepository
from fenghuo.state.heartbeats import HeartbeatRepository
from fenghuo.state.incidents import IncidentRepository
from fenghuo.state.migrations import migrate
from fenghuo.state.notifications import NotificationRepository
from fenghuo.state.oncall import OverrideRepository
from fenghuo.state.silences import SilenceRepository


class State:
    """Repositories over one open database. Close it when nothing uses them any more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.alerts = AlertRepository(database)
        self.notifications = NotificationRepository(database)
        self.users = UserRepository(database)
        self.sessions = SessionRepository(database)
        self.tokens = TokenRepository(database)
        self.audit = AuditRepository(database)
        self.silences = SilenceRepository(database)
        self.overrides = OverrideRepository(database)
        self.heartbeats = HeartbeatRepository(database)
        self.incidents = IncidentRepository(database)
        self.escalations = EscalationRepository(database)

    @property
    def trouble(self) -> str:
        """What the database last refused; empty when it works, as far as was tried."""
        return self._database.trouble

    def probe(self, now_ms: int) -> None:
        """Find out by a real write whether the database works. Raises OperatingError when it does not."""
        with self._database.write() as connection:
            row = {"key": "probed_at_ms", "value": str(now_ms)}
            self._database.put(connection, schema.meta, [row], key=["key"])
        self._database.clear_trouble()

    def secret(self, name: str) -> bytes:
        """32 random bytes that belong to this database under that name, made when they are first asked for."""
        key = schema.meta.c.key
        with self._database.write() as connection:
            known = connection.execute(select(schema.meta.c.value).where(key == f"secret:{name}")).scalar()
            if known is None:
                known = secrets.token_hex(32)
                connection.execute(schema.meta.insert().values(key=f"secret:{name}", value=known))
        return bytes.fromhex(known)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_state(url: str) -> State:
    """Open the database at ``url`` and bring it to this program's version.

    Raises InputError for a URL that is none, OperatingError when the database cannot be used or is newer.
    """
    database = Database(url)
    try:
        with database.write() as connection:
            migrate(connection)
    except BaseException:
        database.close()
        raise
    return State(database)
