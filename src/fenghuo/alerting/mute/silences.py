"""Silences: what people have said nobody is to be told of, and until when.

Changing one is a pure step from what is known to what is to be kept, so that it can be recorded before it holds. The
rules are Alertmanager's: a silence that is active keeps its matchers and its start; changing those ends it and makes
another.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from fenghuo.alerting.matcher import AlertMatcher, match_all
from fenghuo.base import limits
from fenghuo.base.errors import InputError
from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence, SilenceState

RETENTION_MS = 5 * 86_400_000
"""How long a silence that is over is kept. Alertmanager's ``--data.retention``."""
SILENCES = limits.declare(
    "silences", 10_000, limits.Policy.REJECT, "Silences that are known, those that were over less than 5 days included."
)
SILENCE_CHARS = limits.declare(
    "silence_chars", 100_000, limits.Policy.REJECT, "Characters of a silence: its matchers, comment and author."
)


class SilenceStore(Protocol):
    """Where silences survive the process. Synchronous; raises OperatingError when the database refuses."""

    def load(self) -> list[Silence]: ...

    def save(self, silences: Iterable[Silence]) -> None:
        """Insert or replace, all or none."""
        ...

    def remove(self, ids: Iterable[str]) -> None: ...


class UnknownSilenceError(InputError):
    """There is no silence of that id."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a request: the id that it is known by, and the silences to keep."""

    id: str
    kept: tuple[Silence, ...]


class Silences:
    """All silences that are known. Owned by one event loop."""

    def __init__(self) -> None:
        self._known: dict[str, Silence] = {}
        self._compiled: dict[str, tuple[AlertMatcher, ...]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def restore(self, silences: Iterable[Silence]) -> None:
        self.take(tuple(silences))

    def take(self, silences: Sequence[Silence]) -> None:
        """Let these hold from now on, in the place of those of the same id."""
        for silence in silences:
            self._known[silence.id] = silence
            self._compiled[silence.id] = compiled(silence)

    def all(self) -> list[Silence]:
        return list(self._known.values())

    def get(self, silence_id: str) -> Silence:
        """Raises UnknownSilenceError."""
        found = self._known.get(silence_id)
        if found is None:
            raise UnknownSilenceError("silence not found")
        return found

    def matchers(self, silence: Silence) -> tuple[AlertMatcher, ...]:
        return self._compiled[silence.id]

    def silencing(self, labels: Mapping[str, str], now_ms: int) -> list[str]:
        """The ids of the silences that keep an alert with these labels quiet now, sorted."""
        return sorted(
            silence.id
            for silence in self._known.values()
            if silence.state_at(now_ms) is SilenceState.ACTIVE and match_all(self._compiled[silence.id], labels)
        )

    def meeting(self, labels: Mapping[str, str]) -> list[Silence]:
        """The silences whose matchers these labels meet, whatever their time."""
        return [silence for silence in self._known.values() if match_all(self._compiled[silence.id], labels)]

    def set(self, wanted: Silence, now_ms: int) -> Change:
        """What making or changing a silence comes to. ``wanted.id`` empty makes a new one.

        Raises UnknownSilenceError for an id that is not known, InputError for a silence that cannot be.
        """
        _check(wanted)
        old = self.get(wanted.id) if wanted.id else None
        if old is None and len(self._known) >= SILENCES.default:
            SILENCES.hit()
            raise InputError(f"exceeded maximum number of silences: {len(self._known)} (limit: {SILENCES.default})")
        if old is not None and _can_be_changed(old, wanted, now_ms):
            return Change(old.id, (replace(wanted, updated_ms=now_ms),))
        starts_ms = max(wanted.starts_ms, now_ms)
        if wanted.ends_ms <= starts_ms:
            raise InputError("invalid silence: end time must not be before start time")
        fresh = replace(wanted, id=str(uuid.uuid4()), starts_ms=starts_ms, updated_ms=now_ms)
        ended = (_ended(old, now_ms),) if old is not None and old.state_at(now_ms) is not SilenceState.EXPIRED else ()
        return Change(fresh.id, (*ended, fresh))

    def expire(self, silence_id: str, now_ms: int) -> Change:
        """What ending a silence comes to. Raises UnknownSilenceError, and InputError for one that is over."""
        old = self.get(silence_id)
        if old.state_at(now_ms) is SilenceState.EXPIRED:
            raise InputError(f"silence {silence_id} already expired")
        return Change(silence_id, (_ended(old, now_ms),))

    def forget_expired(self, now_ms: int) -> list[str]:
        """Forget what has been over for long; returns the ids."""
        gone = [each.id for each in self._known.values() if each.ends_ms + RETENTION_MS <= now_ms]
        for silence_id in gone:
            del self._known[silence_id], self._compiled[silence_id]
        return gone


def compiled(silence: Silence) -> tuple[AlertMatcher, ...]:
    """The silence's conditions as matchers. Raises InputError for one that is none."""
    return tuple(AlertMatcher(each.name, each.value, each.op) for each in silence.conditions)


def _check(silence: Silence) -> None:
    if not silence.conditions:
        raise InputError("invalid silence: at least one matcher required")
    for number, each in enumerate(silence.conditions):
        try:
            if not each.name:
                raise InputError('invalid label name ""')
            AlertMatcher(each.name, each.value, each.op)
        except InputError as error:
            raise InputError(f"invalid silence: invalid label matcher {number}: {error.message}") from error
    # A silence that every alert meets is a mistake; one that only asks for a missing label is, too.
    if all(matcher.matches({}) for matcher in compiled(silence)):
        raise InputError("invalid silence: at least one matcher must not match the empty string")
    if silence.ends_ms < silence.starts_ms:
        raise InputError("invalid silence: end time must not be before start time")
    chars = sum(len(each.name) + len(each.value) for each in silence.conditions)
    chars += len(silence.comment) + len(silence.created_by)
    if chars > SILENCE_CHARS.default:
        SILENCE_CHARS.hit()
        raise InputError(f"silence exceeded maximum size: {chars} characters (limit: {SILENCE_CHARS.default})")


def _can_be_changed(old: Silence, wanted: Silence, now_ms: int) -> bool:
    if sorted(old.conditions, key=_order) != sorted(wanted.conditions, key=_order):
        return False
    match old.state_at(now_ms):
        case SilenceState.ACTIVE:
            return wanted.starts_ms // 1000 == old.starts_ms // 1000 and wanted.ends_ms >= now_ms
        case SilenceState.PENDING:
            return wanted.starts_ms >= now_ms
        case SilenceState.EXPIRED:
            return False


def _order(condition: Condition) -> tuple[str, str, MatchOp]:
    return condition.name, condition.value, condition.op


def _ended(silence: Silence, now_ms: int) -> Silence:
    """The silence, over at ``now_ms``; one that had not begun never does."""
    return replace(silence, starts_ms=min(silence.starts_ms, now_ms), ends_ms=now_ms, updated_ms=now_ms)
