"""Whether a receiver has to be told, and why: a pure function of what it was told last and what holds now."""

from __future__ import annotations

from enum import StrEnum

from fenghuo.model.notification import NotificationEntry


class Reason(StrEnum):
    """Why a notice goes out."""

    FIRST = "first"
    """The receiver knows nothing of this group yet."""
    NEW_ALERTS = "new_alerts"
    """An alert fires that it was not told of."""
    ALL_RESOLVED = "all_resolved"
    """Everything it was told of is over."""
    SOME_RESOLVED = "some_resolved"
    """Something it was told of is over, while something else fires on."""
    REPEAT = "repeat"
    """Nothing has changed for as long as ``repeat_interval``."""


def decide(
    last: NotificationEntry | None,
    firing: frozenset[int],
    resolved: frozenset[int],
    *,
    repeat_interval_ms: int,
    send_resolved: bool,
    now_ms: int,
) -> Reason | None:
    """The reason to notify, or None. Alerts are named by their fingerprints.

    Without an earlier notice only firing alerts are worth one: what came and went in between is noise.
    """
    if last is None:
        return Reason.FIRST if firing else None
    if not firing <= last.firing:
        return Reason.NEW_ALERTS
    if not firing:
        # What is over was told only if something was told to fire.
        return Reason.ALL_RESOLVED if last.firing else None
    if send_resolved and not resolved <= last.resolved:
        return Reason.SOME_RESOLVED
    if last.sent_at_ms < now_ms - repeat_interval_ms:
        return Reason.REPEAT
    return None
