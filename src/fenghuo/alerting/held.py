"""An alert as the pipeline holds it, and how two reports of the same alert become one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Held:
    """An alert with an end: the one it came with, or the one we gave it until it is heard of again."""

    alert: Alert
    ends_at_ms: int
    end_is_ours: bool
    """Nobody has said when it ends; ``ends_at_ms`` is when we stop believing in it."""
    fingerprint: int
    heard: bool = True
    """Reported to this process; false while it is only remembered from before a restart."""

    @property
    def labels(self) -> Labels:
        return self.alert.labels

    def resolved_at(self, now_ms: int) -> bool:
        return self.ends_at_ms <= now_ms


def moved(held: Held, by_ms: int) -> Held:
    """The same with another end."""
    ends_ms = held.ends_at_ms + by_ms
    return replace(held, alert=replace(held.alert, ends_at_ms=ends_ms), ends_at_ms=ends_ms)


class HeldStore(Protocol):
    """Where alerts survive the process. Synchronous; called in worker threads."""

    def load(self) -> list[tuple[Alert, bool]]:
        """Every alert that was saved and not removed, and whether its end was ours."""
        ...

    def save(self, alerts: Iterable[tuple[Alert, bool, int]]) -> None:
        """Insert or replace: alert with its end, whether the end is ours, fingerprint."""
        ...

    def remove(self, fingerprints: Iterable[int]) -> None: ...


class Invalid(StrEnum):
    """Why an alert cannot be taken."""

    NO_LABELS = "no_labels"
    END_BEFORE_START = "end_before_start"


def admit(alert: Alert, now_ms: int, resolve_timeout_ms: int, fingerprint: int | None = None) -> Held | Invalid:
    """A report that arrives at ``now_ms``, completed as Alertmanager completes it.

    Without a start the alert starts where it ends, or now; without an end it ends ``resolve_timeout_ms`` after it
    was last heard of. ``fingerprint`` saves computing it, where it is known.
    """
    if not alert.labels:
        return Invalid.NO_LABELS
    ours = alert.ends_at_ms is None
    ends_ms = now_ms + resolve_timeout_ms if alert.ends_at_ms is None else alert.ends_at_ms
    starts_ms = alert.starts_at_ms if alert.starts_at_ms > 0 else (now_ms if ours else ends_ms)
    if ends_ms < starts_ms:
        return Invalid.END_BEFORE_START
    complete = alert.during(starts_ms, ends_ms, now_ms)
    return Held(complete, ends_ms, ours, alert.labels.fingerprint() if fingerprint is None else fingerprint)


def merge(old: Held, new: Held, now_ms: int) -> Held:
    """What is held after ``new`` arrives while ``old`` is known; ``old`` was updated no later than ``new``.

    Reports whose times overlap are one alert: the earliest start holds, the newest annotations, and of two ends
    the later. Reports that do not overlap are two occurrences, and the new one takes the old one's place.
    """
    old_start_ms, new_start_ms = old.alert.starts_at_ms, new.alert.starts_at_ms
    overlaps = (old_start_ms < new.ends_at_ms < old.ends_at_ms) or (old_start_ms < new_start_ms < old.ends_at_ms)
    if not overlaps:
        return new
    ends_ms, ours = new.ends_at_ms, new.end_is_ours
    if new.resolved_at(now_ms):
        if old.resolved_at(now_ms) and old.ends_at_ms > ends_ms:
            ends_ms, ours = old.ends_at_ms, old.end_is_ours
    elif old.ends_at_ms > ends_ms and not old.end_is_ours:
        ends_ms, ours = old.ends_at_ms, False
    starts_ms = min(old_start_ms, new_start_ms)
    # Who reports an end may not know the texts any more: a rule that finds its alert gone after a restart.
    annotations = new.alert.annotations or old.alert.annotations
    reading = new.alert.reading or old.alert.reading
    merged = replace(new.alert, starts_at_ms=starts_ms, ends_at_ms=ends_ms, annotations=annotations, reading=reading)
    return Held(merged, ends_ms, ours, new.fingerprint)


PROMISE_KEPT = 0.75
"""The share of a report's validity that an alert is given after a restart. A rule group reports with a validity of
four of its intervals, so three remain for it to start, to restore its state and to report again."""


def restored(alert: Alert, end_is_ours: bool, now_ms: int) -> Held:
    """An alert as it is believed after the process was away.

    One that was firing when last heard of may be firing still: while we were away nobody could tell us. Its
    believed end is moved so that its source has time to speak first; otherwise a restart would send "resolved"
    and then "firing" for an alert that never went away.
    """
    assert alert.ends_at_ms is not None
    ends_ms = alert.ends_at_ms
    if ends_ms > alert.updated_at_ms:
        ends_ms = max(ends_ms, now_ms + round((ends_ms - alert.updated_at_ms) * PROMISE_KEPT))
    return Held(replace(alert, ends_at_ms=ends_ms), ends_ms, end_is_ours, alert.labels.fingerprint(), heard=False)
