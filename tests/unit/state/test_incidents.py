"""Incidents in the database: what goes in comes out, and time lines join what was told."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import inspect, text

from fenghuo.model.incident import SYSTEM, Actor, EventKind, Incident, IncidentEvent, IncidentState, Priority
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.notification import Attempt, NoticeClaim, NotificationEntry, NotificationKey
from fenghuo.state import State, open_state
from fenghuo.state.database import Database

KEY = NotificationKey("key", "team", "webhook", 0)
INCIDENT = Incident(
    1, "key", "team", "Down", Labels({"alertname": "Down", "x": "文"}), Priority.P1, 1_000,
    firing=frozenset({3, 2**64 - 1}), due_ms=901_000,
)  # fmt: skip
EVENT = IncidentEvent(1_500, EventKind.COMMENTED, Actor("张", "api"), "看一下", {"n": [1]})


def test_what_is_saved_is_loaded(state: State) -> None:
    assert state.incidents.last_number() == 0
    done = replace(INCIDENT, number=2, state=IncidentState.RESOLVED, firing=frozenset(), resolved_ms=5_000)
    state.incidents.save([INCIDENT, done], [(1, EVENT)])
    assert state.incidents.load(5_000) == [INCIDENT]
    assert state.incidents.load(4_999) == [INCIDENT, done]
    assert state.incidents.get(2) == done
    assert state.incidents.get(9) is None
    assert state.incidents.last_number() == 2
    assert state.incidents.timeline(1) == [EVENT]
    late = replace(INCIDENT, overdue_ms=901_000)
    state.incidents.save([late], [])
    assert state.incidents.get(1) == late
    acknowledged = replace(
        INCIDENT, state=IncidentState.ACKNOWLEDGED, acknowledged_ms=2_000, acknowledged_by="张", due_ms=None
    )
    state.incidents.save([acknowledged], [])
    assert state.incidents.find() == [done, acknowledged]
    assert state.incidents.find([IncidentState.RESOLVED]) == [done]
    assert state.incidents.find(priorities=[Priority.P0]) == []
    assert state.incidents.find(before=2) == [acknowledged]
    (times,) = state.incidents.times(0)
    assert (times.priority, times.opened, times.mtta_s, times.mttr_s) == (Priority.P1, 2, 1.0, 4.0)


def test_a_time_line_tells_of_notices_and_of_every_attempt(state: State) -> None:
    state.incidents.save([INCIDENT], [(1, EVENT)])
    log = state.notifications
    number = log.claim(NoticeClaim(KEY, "first", "firing", 2, 1_600, 1))
    log.claim(NoticeClaim(KEY, "first", "firing", 2, 1_600, 99))
    assert [event.data.get("state") for event in state.incidents.timeline(1)] == [None, "claimed"]
    log.attempted(number, Attempt(1, 1_600, 10, "connection refused"))
    log.mark_sent(number, KEY, NotificationEntry(frozenset(), frozenset(), 0, 0), Attempt(2, 1_700, 20))
    lines = [(event.at_ms, event.kind, event.text) for event in state.incidents.timeline(1)]
    assert lines == [
        (1_500, EventKind.COMMENTED, "看一下"),
        (1_600, EventKind.ATTEMPT, "team through webhook: attempt 1 failed (connection refused)"),
        (1_720, EventKind.NOTICE, "team through webhook: sent"),
    ]


def test_a_link_is_used_once(state: State) -> None:
    assert not state.incidents.link_used("a")
    assert state.incidents.use_link("a", 10, 20)
    assert not state.incidents.use_link("a", 11, 20)
    assert state.incidents.link_used("a")
    assert state.incidents.use_link("b", 21, 30)
    assert not state.incidents.link_used("a"), "its time is over anyway"


def test_old_ones_are_forgotten_with_their_time_line_and_no_number_comes_twice(state: State) -> None:
    done = [
        replace(INCIDENT, number=n, state=IncidentState.RESOLVED, firing=frozenset(), resolved_ms=n) for n in (1, 2, 3)
    ]
    state.incidents.save(done, [(1, EVENT)])
    assert state.incidents.forget(2, kept=100) == 1
    assert state.incidents.timeline(1) == []
    assert state.incidents.forget(100, kept=100) == 1
    assert state.incidents.last_number() == 3


def test_a_database_of_version_2_learns_of_incidents(url: str) -> None:
    open_state(url).close()
    database = Database(url)
    with database.write() as connection:
        for statement in (
            "DROP INDEX ix_notices_incident", "ALTER TABLE notices DROP COLUMN incident", "DROP TABLE incident_events",
            "DROP TABLE incidents", "DROP TABLE used_links", "UPDATE meta SET value = '2' WHERE key = 'schema_version'",
        ):  # fmt: skip
            connection.execute(text(statement))
    database.close()
    with open_state(url) as state:
        state.incidents.save([INCIDENT], [])
        state.notifications.claim(NoticeClaim(KEY, "first", "firing", 2, 1_600, 1))
        assert [event.actor for event in state.incidents.timeline(1)] == [SYSTEM]
    database = Database(url)
    with database.read() as connection:
        assert "ix_notices_incident" in {index["name"] for index in inspect(connection).get_indexes("notices")}
    database.close()


def test_incidents_of_version_6_have_no_deadline_yet(url: str) -> None:
    with open_state(url) as state:
        state.incidents.save([INCIDENT], [])
    database = Database(url)
    with database.write() as connection:
        for statement in (
            "ALTER TABLE incidents DROP COLUMN due_ms", "ALTER TABLE incidents DROP COLUMN overdue_ms",
            "UPDATE meta SET value = '6' WHERE key = 'schema_version'",
        ):  # fmt: skip
            connection.execute(text(statement))
    database.close()
    with open_state(url) as state:
        assert state.incidents.get(1) == replace(INCIDENT, due_ms=None)


def test_texts_that_no_database_keeps_are_kept_without_what_is_wrong_with_them(state: State) -> None:
    odd = "a\x00b\ud800c"
    incident = Incident(1, odd, odd, odd, EMPTY, Priority.P1, 1_000, assignee=odd)
    state.incidents.save(
        [incident], [(1, IncidentEvent(1_000, EventKind.COMMENTED, Actor(odd, "link"), odd, {"x": odd}))]
    )

    kept = state.incidents.get(1)
    assert kept is not None
    assert (kept.group_key, kept.receiver, kept.title, kept.assignee) == ("ab?c",) * 4
    (event,) = state.incidents.timeline(1)
    assert (event.actor.name, event.text) == ("ab?c", "ab?c")
