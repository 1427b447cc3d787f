"""The one file that knows the engine: connections, transactions, and what their errors mean."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Executable, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.late import Later

INSERTS: Final = {
    "sqlite": Later("sqlalchemy.dialects.sqlite", "insert"),
    "postgresql": Later("sqlalchemy.dialects.postgresql", "insert"),
}
"""Inserting what may be there already is in no standard: each dialect has a statement for it."""

BUSY_TIMEOUT_MS = 5_000
"""How long SQLite waits for another process that writes (a backup, an operator's shell) before it gives up."""


class Database:
    """Transactions on one SQL database. Writers take turns; readers do not wait for them."""

    def __init__(self, url: str) -> None:
        """``url`` is SQLAlchemy's: ``sqlite:////var/lib/fenghuo/state.db``, ``postgresql://user@host/name``.

        Raises InputError for a URL that is none, OperatingError when the driver is not installed.
        """
        self._engine = _engine(url)
        self._shown = self._engine.url.render_as_string(hide_password=True)
        self._insert = INSERTS[self._engine.dialect.name].get()
        self._turn = threading.Lock()
        self._open = threading.local()
        self._puts: dict[tuple[str, ...], Executable] = {}
        self.trouble = ""
        """What the database last refused; empty when it did not since :meth:`clear_trouble`."""

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view. Raises OperatingError when the database cannot be read."""
        with self._translated("read"), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is kept, or nothing. Raises OperatingError when the database cannot be written.

        One that the same thread begins inside of another is part of that one.
        """
        outer: Connection | None = getattr(self._open, "connection", None)
        if outer is not None:
            yield outer
            return
        with self._turn, self._translated("written"), self._engine.connect() as connection:
            writing = connection.execution_options(fenghuo_writing=True)
            with writing.begin():
                self._open.connection, self._open.rows = writing, {}
                try:
                    yield writing
                    for statement, rows in self._open.rows.items():
                        writing.execute(statement, rows)
                finally:
                    self._open.connection = None

    def put(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]
    ) -> None:
        """Insert ``rows``, or replace those whose ``key`` columns exist."""
        if not rows:
            return
        connection.execute(self.putting(table, key), list(rows))

    def putting(self, table: Table, key: Sequence[str]) -> Executable:
        """The statement of :meth:`put`, made once: making it costs more than executing it."""
        known = self._puts.get((table.name, *key))
        if known is None:
            statement = self._insert(table)
            fresh = {column.name: statement.excluded[column.name] for column in table.c if column.name not in key}
            known = statement.on_conflict_do_update(index_elements=list(key), set_=fresh)
            self._puts[table.name, *key] = known
        return known

    def at_the_end(self, statement: Executable, row: Mapping[str, Any]) -> None:
        """Execute with this row when the transaction that this thread has open ends, all rows of a statement at once.

        Statements go in the order of their first rows; each must be one object, made once.
        """
        self._open.rows.setdefault(statement, []).append(row)

    def clear_trouble(self) -> None:
        """Whoever saw that the database works again says so."""
        self.trouble = ""

    def close(self) -> None:
        """Give the connections back. On SQLite the last one folds the write-ahead log into the file."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            refused = _operating_error(error, self._shown, verb)
            self.trouble = str(refused)
            raise refused from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(
                f"state database {parsed.get_backend_name()!r} is not spoken", remedy="use sqlite or postgresql"
            )
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError) as error:
        raise InputError(f"state database URL is not one: {error}") from error
    except ModuleNotFoundError as error:
        raise OperatingError(
            f"the driver for the state database is not installed: {error.name}",
            retryable=False,
            remedy="pip install 'fenghuo[server,postgresql]'",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    # Transactions are begun by us: the driver's own way would read first and fail to upgrade to a writer later.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("fenghuo_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


_REMEDIES = (
    (("disk is full",), True, "free some space; it recovers by itself"),
    (("is locked", "busy"), True, "end the other process that holds the database; it is tried again"),
    (("disk I/O error",), True, "check that disk (dmesg, smartctl) and how it is mounted; it is tried again"),
    (("readonly", "read-only"), True, "make the data directory writable; it recovers by itself"),
    (
        ("malformed", "not a database", "corrupt"),
        False,
        "stop Fenghuo, move the file away or restore it from a backup, and start again",
    ),
    (("unable to open",), False, "check that the directory exists and that this user may write there"),
    (("no such table",), False, "the file was changed from outside; restore it from a backup"),
)


def _operating_error(error: DBAPIError, shown: str, verb: str) -> OperatingError:
    text = str(error.orig)
    for words, retryable, remedy in _REMEDIES:
        if any(word in text for word in words):
            return OperatingError(
                f"state database {shown} cannot be {verb}: {text}", retryable=retryable, remedy=remedy
            )
    remedy = "check that the database server runs and lets us in"
    return OperatingError(f"state database {shown} cannot be {verb}: {text}", retryable=True, remedy=remedy)
