"""Moments and durations as people type and read them."""

from __future__ import annotations

import datetime as dt
import re

from fenghuo.base.errors import InputError
from fenghuo.model.duration import parse_duration_ms

MOMENT = "A moment as in 2026-11-23T10:00 (local time) or with +08:00"
_DURATION = re.compile(r"(?:[0-9]+[a-z]+)+")


def moment_ms(text: str) -> int:
    """A moment that people wrote, in ms; empty: now. Raises InputError."""
    if not text:
        return round(dt.datetime.now().timestamp() * 1000)  # noqa: DTZ005 - a timestamp has no zone
    try:
        return round(dt.datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise InputError(
            f"{text!r} is not a moment", remedy="write 2026-11-23T10:00 or 2026-11-23T10:00+08:00"
        ) from error


def begin_ms(end_ms: int, text: str) -> int:
    """A moment, or a duration counted back from ``end_ms``, in ms. Raises InputError."""
    if _DURATION.fullmatch(text):
        return end_ms - parse_duration_ms(text)
    return moment_ms(text)


def end_ms(start_ms: int, text: str) -> int:
    """A moment, or a duration counted from ``start_ms``, in ms. Raises InputError."""
    if _DURATION.fullmatch(text):
        return start_ms + parse_duration_ms(text)
    return moment_ms(text)


def zone_of(text: str) -> dt.tzinfo | None:
    """The zone that a moment names; None: that of this machine. Raises InputError."""
    moment_ms(text)
    return dt.datetime.fromisoformat(text).tzinfo if text else None


def shown(at_ms: int, zone: dt.tzinfo | None = None, *, seconds: bool = False) -> str:
    """``Mon 11-23 10:00+08:00`` in the zone, or else in that of this machine."""
    moment = dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).astimezone(zone)
    offset = moment.strftime("%z")
    return moment.strftime(f"%a %m-%d %H:%M{':%S' if seconds else ''}{offset[:3]}:{offset[3:5]}")


def rfc3339(at_ms: int) -> str:
    """``2026-11-23T02:00:00.000Z``, for APIs."""
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
