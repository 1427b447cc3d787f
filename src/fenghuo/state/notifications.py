"""Who was told what, and every attempt to tell it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Executable, bindparam, delete, func, insert, select, update

from fenghuo.base import limits
from fenghuo.model.notification import (
    Attempt,
    Notice,
    NoticeClaim,
    NoticeState,
    NotificationEntry,
    NotificationKey,
)
from fenghuo.state.database import Database
from fenghuo.state.schema import attempts, notices, notification_log
from fenghuo.state.texts import storable

T = TypeVar("T")

NOTICES_KEPT_MS = 90 * 86_400_000
NOTICES = limits.declare(
    "notices_kept", 100_000, limits.Policy.DROP_OLDEST, "Notices whose delivery can be looked up; 90 days at most."
)
ERROR_CHARS_MAX = 2_000
ROWS_AT_ONCE = 500
"""Groups named in one statement; SQLite bounds the number of its parameters."""
_CLAIM = insert(notices)
_KEY = ["group_key", "receiver", "channel", "channel_index"]


class NotificationRepository:
    """The notification log and the record of deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, keys: Iterable[NotificationKey]) -> dict[NotificationKey, NotificationEntry]:
        """What these channels were last told about their groups; without those that were told nothing."""
        wanted = {_stored(key): key for key in keys}
        groups = list({key.group_key for key in wanted})
        found = {}
        with self._database.read() as connection:
            for start in range(0, len(groups), ROWS_AT_ONCE):
                some = notification_log.c.group_key.in_(groups[start : start + ROWS_AT_ONCE])
                for row in connection.execute(select(notification_log).where(some)):
                    key = NotificationKey(row.group_key, row.receiver, row.channel, row.channel_index)
                    if key in wanted:
                        found[wanted[key]] = NotificationEntry(
                            _set_of(row.firing), _set_of(row.resolved), row.sent_at_ms, row.expires_at_ms
                        )
        return found

    def together(self, work: Callable[[], T]) -> T:
        """Do what ``work`` asks of this repository in one transaction: all of it is written, or nothing."""
        with self._database.write():
            return work()

    def claim(self, claim: NoticeClaim) -> int:
        """Write down that a notice is about to be sent; returns its number."""
        with self._database.write() as connection:
            row = {
                **_key_values(claim.key),
                "reason": claim.reason,
                "status": claim.status,
                "alerts": claim.alerts,
                "claimed_at_ms": claim.claimed_at_ms,
                "state": NoticeState.CLAIMED.value,
                "attempts": 0,
                "error": "",
                "incident": claim.incident,
                "instead_of": claim.instead_of,
            }
            result = connection.execute(_CLAIM, row)
        number = result.inserted_primary_key
        assert number is not None
        return int(number[0])

    def attempted(self, notice_id: int, attempt: Attempt) -> None:
        """Write down one try of a notice that stays open."""
        with self._database.write():
            self._add_attempt(notice_id, attempt, {})

    def mark_sent(self, notice_id: int, key: NotificationKey, entry: NotificationEntry, last: Attempt) -> None:
        """Write down the last try, close the claim and replace the entry: all of it or nothing."""
        with self._database.write():
            self._put(key, entry)
            self._add_attempt(notice_id, last, _closed(NoticeState.SENT, last))

    def mark_failed(self, notice_id: int, last: Attempt) -> None:
        """Write down the last try and close the claim; the entry stays, so that the next flush tries again."""
        with self._database.write():
            self._add_attempt(notice_id, last, _closed(NoticeState.FAILED, last))

    def mark_interrupted(self, notice_id: int, at_ms: int) -> None:
        """Close the claim of a notice that was cut off; whether it arrived is not known."""
        with self._database.write() as connection:
            values = {"state": NoticeState.INTERRUPTED.value, "finished_at_ms": at_ms}
            connection.execute(update(notices).where(notices.c.id == notice_id).values(**values))

    def remember(self, key: NotificationKey, entry: NotificationEntry) -> None:
        """Replace the entry without a notice."""
        with self._database.write():
            self._put(key, entry)

    def interrupt_open(self, at_ms: int) -> int:
        """Close every open claim as interrupted; returns how many there were."""
        with self._database.write() as connection:
            result = connection.execute(
                update(notices)
                .where(notices.c.state == NoticeState.CLAIMED.value)
                .values(state=NoticeState.INTERRUPTED.value, finished_at_ms=at_ms)
            )
        return result.rowcount

    def expire(self, now_ms: int) -> None:
        """Forget entries whose time is over, old notices, and the oldest beyond the limit."""
        with self._database.write() as connection:
            connection.execute(delete(notification_log).where(notification_log.c.expires_at_ms <= now_ms))
            newest = connection.execute(select(func.max(notices.c.id))).scalar() or 0
            connection.execute(delete(notices).where(notices.c.claimed_at_ms < now_ms - NOTICES_KEPT_MS))
            surplus = connection.execute(delete(notices).where(notices.c.id <= newest - NOTICES.default))
        NOTICES.hit(surplus.rowcount)

    def recent(self, limit: int) -> list[Notice]:
        """The newest notices first."""
        with self._database.read() as connection:
            rows = connection.execute(select(notices).order_by(notices.c.id.desc()).limit(limit)).all()
        return [_notice(row) for row in rows]

    def attempts_of(self, notice_id: int) -> list[Attempt]:
        """Every try of one notice, in order."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(attempts).where(attempts.c.notice_id == notice_id).order_by(attempts.c.number)
            ).all()
        return [Attempt(row.number, row.at_ms, row.duration_ms, row.error) for row in rows]

    def _add_attempt(self, notice_id: int, attempt: Attempt, values: dict[str, Any]) -> None:
        """One that is there already is replaced: the last try before other settings take over is told twice."""
        error = storable(attempt.error)[:ERROR_CHARS_MAX]
        row = {
            "notice_id": notice_id,
            "number": attempt.number,
            "at_ms": attempt.at_ms,
            "duration_ms": attempt.duration_ms,
            "error": error,
        }
        self._database.at_the_end(self._database.putting(attempts, ["notice_id", "number"]), row)
        changed = {"attempts": attempt.number, **({"error": error} if error else {}), **values}
        named = {f"new_{name}": value for name, value in changed.items()}
        self._database.at_the_end(_change(tuple(changed)), {"notice": notice_id, **named})

    def _put(self, key: NotificationKey, entry: NotificationEntry) -> None:
        row = {
            **_key_values(key),
            "firing": _text_of(entry.firing),
            "resolved": _text_of(entry.resolved),
            "sent_at_ms": entry.sent_at_ms,
            "expires_at_ms": entry.expires_at_ms,
        }
        self._database.at_the_end(self._database.putting(notification_log, _KEY), row)


@cache
def _change(names: tuple[str, ...]) -> Executable:
    """Changes these columns of a notice."""
    return update(notices).where(notices.c.id == bindparam("notice")).values({n: bindparam(f"new_{n}") for n in names})


def _closed(state: NoticeState, last: Attempt) -> dict[str, Any]:
    return {"state": state.value, "finished_at_ms": last.at_ms + last.duration_ms}


def _stored(key: NotificationKey) -> NotificationKey:
    """As the database keeps it."""
    return replace(key, group_key=storable(key.group_key), receiver=storable(key.receiver))


def _key_values(key: NotificationKey) -> dict[str, Any]:
    key = _stored(key)
    return {
        "group_key": key.group_key,
        "receiver": key.receiver,
        "channel": key.channel,
        "channel_index": key.index,
    }


def _text_of(fingerprints: Iterable[int]) -> str:
    return json.dumps([f"{value:016x}" for value in sorted(fingerprints)], separators=(",", ":"))


def _set_of(text: str) -> frozenset[int]:
    return frozenset(int(value, 16) for value in json.loads(text))


def _notice(row: Any) -> Notice:
    key = NotificationKey(row.group_key, row.receiver, row.channel, row.channel_index)
    claim = NoticeClaim(key, row.reason, row.status, row.alerts, row.claimed_at_ms, row.incident, row.instead_of)
    return Notice(row.id, claim, NoticeState(row.state), row.attempts, row.error, row.finished_at_ms)
