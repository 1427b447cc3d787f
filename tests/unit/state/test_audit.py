"""The audit trail: what is looked for is found, nothing else is; it does not grow without end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from fenghuo.model.audit import AuditEntry, AuditFilter
from fenghuo.state import Database, State, open_state
from fenghuo.state.audit import ENTRIES, REFUSALS

ENTRIES_OF_A_DAY = [
    AuditEntry(100, "ann", "panel", "10.0.0.1", "session.sign_in"),
    AuditEntry(200, "ann", "panel", "10.0.0.1", "token.create", "grafana", {"role": "operator"}),
    AuditEntry(300, "grafana", "token", "10.0.0.9", "silence.create", "6f1c", {"comment": "升级 | upgrade"}),
    AuditEntry(400, "ann", "panel", "10.0.0.1", "token.revoke", "grafana"),
    AuditEntry(500, "?", "", "10.0.0.8", "tokens", "not below token"),
]


@pytest.mark.parametrize(
    ("wanted", "at_ms"),
    [
        (AuditFilter(), [500, 400, 300, 200, 100]),
        (AuditFilter(since_ms=200, until_ms=400), [300, 200]),
        (AuditFilter(actor="grafana"), [300]),
        (AuditFilter(action="token"), [400, 200]),
        (AuditFilter(action="token.revoke", actor="ann"), [400]),
        (AuditFilter(action="tok_n"), []),
        (AuditFilter(before=3), [200, 100]),
    ],
)
def test_entries_are_found_by_what_they_say(state: State, wanted: AuditFilter, at_ms: list[int]) -> None:
    state.audit.add(ENTRIES_OF_A_DAY)
    found = state.audit.find(wanted, 10)
    assert [entry.at_ms for entry in found] == at_ms
    by_time = {entry.at_ms: entry for entry in ENTRIES_OF_A_DAY}
    assert all(replace(entry, number=0) == by_time[entry.at_ms] for entry in found)


def test_old_entries_and_those_beyond_the_limit_are_forgotten(state: State) -> None:
    state.audit.add(ENTRIES_OF_A_DAY)
    hits = ENTRIES.hits
    state.audit.forget(200, entries_max=3)
    assert [entry.at_ms for entry in state.audit.find(AuditFilter(), 10)] == [500, 400, 300]
    assert ENTRIES.hits == hits + 1


def test_refusals_drive_out_nothing_that_was_done(state: State) -> None:
    refusals = [AuditEntry(600 + n, "", "", "10.0.0.6", "session.refused", refused=True) for n in range(20)]
    state.audit.add([*refusals[:1], *ENTRIES_OF_A_DAY, *refusals[1:]])
    hits, others = REFUSALS.hits, ENTRIES.hits
    state.audit.forget(0, entries_max=7, refusals_max=2)
    found = state.audit.find(AuditFilter(), 100)
    assert [entry.at_ms for entry in found] == [619, 618, 500, 400, 300, 200, 100]
    assert [entry.refused for entry in found] == [True] * 2 + [False] * 5
    assert (REFUSALS.hits, ENTRIES.hits) == (hits + 18, others)


def test_a_database_of_version_9_learns_of_refusals(url: str) -> None:
    with open_state(url) as state:
        state.audit.add(ENTRIES_OF_A_DAY)
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("ALTER TABLE audit DROP COLUMN refused"))
        connection.execute(text("UPDATE meta SET value = '9' WHERE key = 'schema_version'"))
    database.close()
    with open_state(url) as state:
        assert [entry.refused for entry in state.audit.find(AuditFilter(), 10)] == [False] * 5


def test_any_text_can_be_kept(state: State) -> None:
    state.audit.add([AuditEntry(1, "a\0b\ud800", "panel", "x" * 999, "session.sign_in", "\0", {"name": "\0\ud800"})])
    (kept,) = state.audit.find(AuditFilter(), 1)
    assert (kept.actor, kept.subject, kept.detail) == ("ab?", "", {"name": "\0\ud800"})
    assert len(kept.address) == 255


def test_a_database_of_version_4_learns_of_tokens_and_the_trail(url: str) -> None:
    open_state(url).close()
    database = Database(url)
    with database.write() as connection:
        for statement in (
            "DROP TABLE tokens", "DROP TABLE audit", "CREATE TABLE api_tokens (token_hash TEXT)",
            "UPDATE meta SET value = '4' WHERE key = 'schema_version'",
        ):  # fmt: skip
            connection.execute(text(statement))
    database.close()
    with open_state(url) as state:
        state.audit.add(ENTRIES_OF_A_DAY)
        assert state.tokens.all() == []
    database = Database(url)
    with database.read() as connection:
        names = {row[0] for row in connection.execute(text("SELECT name FROM sqlite_master"))}
        assert "api_tokens" not in names
    database.close()
