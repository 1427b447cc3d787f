"""Opening, migrating, and what a database that refuses says."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.account import User
from fenghuo.state import Database, State, open_state
from fenghuo.state.migrations import migrate, version_of
from fenghuo.state.schema import VERSION


def test_opening_twice_keeps_what_was_written(url: str) -> None:
    with open_state(url) as first:
        first.users.create(User("ann", "admin", "hash"))
    with open_state(url) as second:
        assert second.users.user("ann") == User("ann", "admin", "hash")


def test_steps_run_once_and_in_order(url: str) -> None:
    ran: list[str] = []

    def first(connection: Connection) -> None:
        ran.append("first")
        connection.execute(text("CREATE TABLE meta (key VARCHAR PRIMARY KEY, value TEXT)"))

    def second(connection: Connection) -> None:
        ran.append("second")

    database = Database(url)
    with database.write() as connection:
        assert migrate(connection, [first]) == 0
    with database.write() as connection:
        assert migrate(connection, [first, second]) == 1
        assert version_of(connection) == 2
    database.close()
    assert ran == ["first", "second"]


def test_alerts_of_an_older_version_get_their_reading(url: str) -> None:
    open_state(url).close()
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("ALTER TABLE alerts DROP COLUMN reading"))
        connection.execute(text("INSERT INTO alerts VALUES ('00', '{}', '{}', '', 1, 2, 0, 3)"))
        connection.execute(text("UPDATE meta SET value = '5' WHERE key = 'schema_version'"))
    database.close()
    with open_state(url) as state:
        ((alert, _),) = state.alerts.load()
    assert (alert.updated_at_ms, alert.reading) == (3, None)


def test_a_step_that_fails_leaves_the_old_version(url: str) -> None:
    def breaks(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (x INTEGER)"))
        raise OperatingError("power cut", retryable=False)

    open_state(url).close()
    database = Database(url)
    with pytest.raises(OperatingError, match="power cut"), database.write() as connection:
        migrate(connection, [lambda _: None] * VERSION + [breaks])
    with database.read() as connection:
        assert version_of(connection) == VERSION
        assert connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'half'")).scalar() == 0
    database.close()


def test_a_newer_database_is_refused(url: str, tmp_path: Path) -> None:
    open_state(url).close()
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    raw.close()
    with pytest.raises(OperatingError, match=r"version 99.*newer Fenghuo"):
        open_state(url)


def test_a_file_that_is_no_database_is_refused(url: str, tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"garbage " * 1000)
    with pytest.raises(OperatingError, match=r"not a database.*restore it from a backup") as caught:
        open_state(url)
    assert not caught.value.retryable


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatingError, match=r"unable to open.*check that the directory exists"):
        open_state(f"sqlite:///{tmp_path}/nowhere/state.db")


@pytest.mark.parametrize("url", ["not a url", "mysql://root@h/x", "oracle://x"])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(InputError, match="state database"):
        open_state(url)


def fill(state: State) -> None:
    for number in range(10_000):
        state.users.create(User(f"user{number}", "viewer", "h" * 1000))


def test_a_full_disk_keeps_nothing_and_recovers(url: str) -> None:
    """SQLite's own page limit raises what a full disk raises."""
    open_state(url).close()
    database = Database(url)
    pages_max = 60
    event.listen(database._engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages_max}"))
    state = State(database)
    with pytest.raises(OperatingError, match=r"full.*free some space") as caught:
        fill(state)
    assert caught.value.retryable
    kept = state.users.count()
    assert 0 < kept < 10_000
    assert state.trouble == str(caught.value)
    for number in range(10):
        state.users.delete(f"user{number}")
    state.users.create(User("fits", "viewer", "h"))
    assert state.users.count() == kept - 9
    state.probe(1)
    state.probe(2)
    assert state.trouble == ""
    state.close()


def test_a_locked_database_says_so(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenghuo.state.database.BUSY_TIMEOUT_MS", 20)
    with open_state(url) as state:
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperatingError, match=r"locked.*end the other process") as caught:
            state.users.create(User("ann", "admin", "h"))
        assert caught.value.retryable
        assert state.users.count() == 0, "reading goes on while somebody else writes"
        other.execute("ROLLBACK")
        other.close()
        state.users.create(User("ann", "admin", "h"))


def test_many_threads_write_without_losing_anything(url: str) -> None:
    with open_state(url) as state:

        def create(start: int) -> None:
            for number in range(start, start + 25):
                state.users.create(User(f"user{number}", "viewer", "h"))

        threads = [threading.Thread(target=create, args=(start,)) for start in range(0, 200, 25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert state.users.count() == 200


def test_a_killed_writer_loses_nothing_that_returned(url: str) -> None:
    program = (
        "import sys\n"
        "from fenghuo.state import open_state\n"
        "from fenghuo.model.account import User\n"
        "state = open_state(sys.argv[1])\n"
        "number = 0\n"
        "while True:\n"
        "    state.users.create(User(f'user{number}', 'viewer', 'h'))\n"
        "    print(number, flush=True)\n"
        "    number += 1\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(50):
        last = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().split("\n")
    writer.stdout.close()
    writer.wait()
    last = max([last, *(int(line) for line in rest[:-1] if line)])
    with open_state(url) as state:
        assert state.users.count() in (last + 1, last + 2)
