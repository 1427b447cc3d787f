"""Incidents and their time lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import case, delete, func, insert, select

from fenghuo.model.incident import (
    SYSTEM,
    Actor,
    EventKind,
    Incident,
    IncidentEvent,
    IncidentState,
    IncidentTimes,
    Priority,
)
from fenghuo.model.notification import NoticeState
from fenghuo.state.alerts import labels_from_json, labels_to_json
from fenghuo.state.database import Database
from fenghuo.state.schema import attempts, incident_events, incidents, notices, used_links
from fenghuo.state.texts import storable


class IncidentRepository:
    """Incidents by number. Notices are told of by the notification log; a time line joins them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_number(self) -> int:
        """The highest number that was ever given; 0 when none was."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(incidents.c.number))).scalar() or 0)

    def load(self, resolved_after_ms: int) -> list[Incident]:
        """Those that live, those that fire on though resolved, and those resolved after the moment."""
        columns = incidents.c
        wanted = (
            (columns.state != IncidentState.RESOLVED.value)
            | (columns.firing != "[]")
            | (columns.resolved_ms > resolved_after_ms)
        )
        with self._database.read() as connection:
            rows = connection.execute(select(incidents).where(wanted).order_by(columns.number)).all()
        return [_incident(row) for row in rows]

    def save(self, changed: Iterable[Incident], events: Sequence[tuple[int, IncidentEvent]]) -> None:
        """Insert or replace incidents and add lines to time lines, by number of the incident: all or nothing."""
        with self._database.write() as connection:
            self._database.put(connection, incidents, [_row(each) for each in changed], key=["number"])
            if events:
                connection.execute(insert(incident_events), [_event_row(number, event) for number, event in events])

    def get(self, number: int) -> Incident | None:
        with self._database.read() as connection:
            row = connection.execute(select(incidents).where(incidents.c.number == number)).one_or_none()
        return None if row is None else _incident(row)

    def find(
        self,
        states: Sequence[IncidentState] = (),
        priorities: Sequence[Priority] = (),
        before: int | None = None,
        limit: int = 100,
    ) -> list[Incident]:
        """The newest first; ``before`` is the number from which a listing goes on."""
        query = select(incidents).order_by(incidents.c.number.desc()).limit(limit)
        if states:
            query = query.where(incidents.c.state.in_([each.value for each in states]))
        if priorities:
            query = query.where(incidents.c.priority.in_([each.value for each in priorities]))
        if before is not None:
            query = query.where(incidents.c.number < before)
        with self._database.read() as connection:
            return [_incident(row) for row in connection.execute(query).all()]

    def timeline(self, number: int) -> list[IncidentEvent]:
        """What happened, what was told and what was tried, in order of time."""
        with self._database.read() as connection:
            own = connection.execute(
                select(incident_events)
                .where(incident_events.c.incident == number)
                .order_by(incident_events.c.at_ms, incident_events.c.id)
            ).all()
            told = connection.execute(select(notices).where(notices.c.incident == number)).all()
            tried = connection.execute(
                select(attempts, notices.c.receiver, notices.c.channel, notices.c.state, notices.c.attempts)
                .join(notices, attempts.c.notice_id == notices.c.id)
                .where(notices.c.incident == number)
            ).all()
        events = [_event(row) for row in own]
        events += [_attempt(row) for row in tried if row.error and not _is_last(row)]
        events += [_notice(row) for row in told]
        return sorted(events, key=lambda event: event.at_ms)

    def times(self, since_ms: int) -> list[IncidentTimes]:
        """How fast the incidents that opened since the moment were answered and resolved, by priority."""
        columns = incidents.c
        done = case((columns.state == IncidentState.RESOLVED.value, columns.resolved_ms - columns.opened_ms))
        query = (
            select(
                columns.priority,
                func.count().label("opened"),
                func.count(columns.acknowledged_ms).label("acknowledged"),
                func.count(done).label("resolved"),
                func.avg(columns.acknowledged_ms - columns.opened_ms).label("mtta_ms"),
                func.avg(done).label("mttr_ms"),
            )
            .where(columns.opened_ms >= since_ms)
            .group_by(columns.priority)
            .order_by(columns.priority)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            IncidentTimes(
                Priority(row.priority), row.opened, row.acknowledged, row.resolved, _s(row.mtta_ms), _s(row.mttr_ms)
            )
            for row in rows
        ]

    def forget(self, resolved_before_ms: int, kept: int) -> int:
        """Forget what was resolved before the moment, and the oldest resolved beyond ``kept``; returns how many."""
        resolved = incidents.c.state == IncidentState.RESOLVED.value
        with self._database.write() as connection:
            newest = connection.execute(select(func.max(incidents.c.number))).scalar() or 0
            old = (incidents.c.resolved_ms < resolved_before_ms) | (incidents.c.number <= newest - kept)
            # The last one stays, so that no number is given twice.
            return connection.execute(delete(incidents).where(resolved, old, incidents.c.number < newest)).rowcount

    def use_link(self, nonce: str, used_ms: int, expires_ms: int) -> bool:
        """Mark a link as used; false when it was used before. Forgets links whose time is over."""
        with self._database.write() as connection:
            connection.execute(delete(used_links).where(used_links.c.expires_ms < used_ms))
            if connection.execute(select(used_links.c.nonce).where(used_links.c.nonce == nonce)).first() is not None:
                return False
            connection.execute(insert(used_links).values(nonce=nonce, used_ms=used_ms, expires_ms=expires_ms))
            return True

    def link_used(self, nonce: str) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(used_links.c.nonce).where(used_links.c.nonce == nonce)).first() is not None


def _row(incident: Incident) -> dict[str, Any]:
    return {
        "number": incident.number,
        "group_key": storable(incident.group_key),
        "receiver": storable(incident.receiver),
        "title": storable(incident.title),
        "labels": labels_to_json(incident.labels),
        "priority": incident.priority.value,
        "state": incident.state.value,
        "firing": json.dumps([f"{each:016x}" for each in sorted(incident.firing)]),
        "opened_ms": incident.opened_ms,
        "acknowledged_ms": incident.acknowledged_ms,
        "acknowledged_by": storable(incident.acknowledged_by),
        "snoozed_until_ms": incident.snoozed_until_ms,
        "resolved_ms": incident.resolved_ms,
        "due_ms": incident.due_ms,
        "overdue_ms": incident.overdue_ms,
        "remind_ms": incident.remind_ms,
        "assignee": storable(incident.assignee),
        "postmortem_url": storable(incident.postmortem_url),
        "events": incident.events,
    }


def _incident(row: Any) -> Incident:
    return Incident(
        number=row.number,
        group_key=row.group_key,
        receiver=row.receiver,
        title=row.title,
        labels=labels_from_json(row.labels),
        priority=Priority(row.priority),
        opened_ms=row.opened_ms,
        state=IncidentState(row.state),
        firing=frozenset(int(each, 16) for each in json.loads(row.firing)),
        acknowledged_ms=row.acknowledged_ms,
        acknowledged_by=row.acknowledged_by,
        snoozed_until_ms=row.snoozed_until_ms,
        resolved_ms=row.resolved_ms,
        due_ms=row.due_ms,
        overdue_ms=row.overdue_ms,
        remind_ms=row.remind_ms,
        assignee=row.assignee,
        postmortem_url=row.postmortem_url,
        events=row.events,
    )


def _event_row(number: int, event: IncidentEvent) -> dict[str, Any]:
    return {
        "incident": number,
        "at_ms": event.at_ms,
        "kind": event.kind.value,
        "actor": storable(event.actor.name),
        "via": event.actor.via,
        "text": storable(event.text),
        "data": storable(json.dumps(dict(event.data), ensure_ascii=False)),
    }


def _event(row: Any) -> IncidentEvent:
    return IncidentEvent(row.at_ms, EventKind(row.kind), Actor(row.actor, row.via), row.text, json.loads(row.data))


def _notice(row: Any) -> IncidentEvent:
    """A notice stands where it ended, or where it began while it has not."""
    state = NoticeState(row.state)
    why = f" ({row.error})" if row.error and state is NoticeState.FAILED else ""
    said = f"{row.receiver} through {row.channel}: {state}{why}"
    data = {
        "receiver": row.receiver,
        "channel": row.channel,
        "reason": row.reason,
        "status": row.status,
        "state": state.value,
        "alerts": row.alerts,
        "attempts": row.attempts,
        "claimed_ms": row.claimed_at_ms,
        "error": row.error if state is NoticeState.FAILED else "",
    }
    at_ms = row.claimed_at_ms if row.finished_at_ms is None else row.finished_at_ms
    return IncidentEvent(at_ms, EventKind.NOTICE, SYSTEM, said, data)


def _attempt(row: Any) -> IncidentEvent:
    said = f"{row.receiver} through {row.channel}: attempt {row.number} failed ({row.error})"
    data = {
        "receiver": row.receiver,
        "channel": row.channel,
        "attempt": row.number,
        "duration_ms": row.duration_ms,
        "error": row.error,
    }
    return IncidentEvent(row.at_ms, EventKind.ATTEMPT, SYSTEM, said, data)


def _is_last(row: Any) -> bool:
    """The last try of a notice that has ended: the notice itself tells of it."""
    return row.number == row.attempts and row.state in (NoticeState.SENT.value, NoticeState.FAILED.value)


def _s(value_ms: Any) -> float | None:
    return None if value_ms is None else float(value_ms) / 1000
