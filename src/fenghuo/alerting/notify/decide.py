"""Whether a receiver has to be told, and why: a pure function of what it was told last and what holds now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

from fenghuo.model.notification import NotificationEntry


class Reason(StrEnum):
    """Why a notice goes out."""

    FIRST = "first"
    """The receiver knows nothing of this group yet."""
    NEW_ALERTS = "new_alerts"
    """An alert fires that it was not told of."""
    NEW_SINCE_ANSWERED = "new_since_answered"
    """The same, while somebody has acknowledged or snoozed the incident that it joins."""
    ALL_RESOLVED = "all_resolved"
    """Everything it was told of is over."""
    SOME_RESOLVED = "some_resolved"
    """Something it was told of is over, while something else fires on."""
    ESCALATION = "escalation"
    """Nobody has answered the incident so far, or a person asked for more people."""
    ASSIGNED = "assigned"
    """The incident was given to the person who is told."""
    REPEAT = "repeat"
    """Nothing has changed for as long as ``repeat_interval``, or since a snooze ended."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """When a receiver is told again what it knows."""

    intervals_ms: Sequence[int]
    """At least one: the time after the first notice of the incident, after the second …; the last holds on."""
    since_ms: int = 0
    """When the incident opened: the intervals are counted from here."""
    answered: bool = False
    """Somebody works on it: it is not repeated."""
    remind_ms: int = 0
    """A notice from before this moment is repeated at once."""

    @property
    def longest_ms(self) -> int:
        return max(self.intervals_ms)

    def interval_ms(self, last_ms: int) -> int:
        """The least time from a notice at ``last_ms`` to its repetition.

        Which interval it is follows from how far the incident had come, so nothing needs to be counted or kept.
        """
        passed = sum(end_ms <= last_ms - self.since_ms for end_ms in accumulate(self.intervals_ms))
        return self.intervals_ms[min(passed, len(self.intervals_ms) - 1)]


def decide(
    last: NotificationEntry | None,
    firing: frozenset[int],
    resolved: frozenset[int],
    repeat: Repeat,
    *,
    send_resolved: bool,
    now_ms: int,
) -> Reason | None:
    """The reason to notify, or None. Alerts are named by their fingerprints.

    Without an earlier notice only firing alerts are worth one: what came and went in between is noise.
    """
    if last is None:
        return Reason.FIRST if firing else None
    if not firing <= last.firing:
        return Reason.NEW_SINCE_ANSWERED if repeat.answered else Reason.NEW_ALERTS
    if not firing:
        # What is over was told only if something was told to fire.
        return Reason.ALL_RESOLVED if last.firing else None
    if send_resolved and not resolved <= last.resolved:
        return Reason.SOME_RESOLVED
    if repeat.answered:
        return None
    if last.sent_at_ms < now_ms - repeat.interval_ms(last.sent_at_ms) or last.sent_at_ms < repeat.remind_ms:
        return Reason.REPEAT
    return None
