"""Moments as Go marshals them into JSON: RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: it has not happened."""


def rfc3339(time_ms: int | None) -> str:
    """``2026-11-21T00:45:35.12Z``; :data:`NEVER` for None. Trailing zeros of the fraction are left out."""
    if time_ms is None:
        return NEVER
    seconds, rest_ms = divmod(time_ms, 1000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest_ms:03d}".rstrip("0") if rest_ms else ""
    return f"{whole}{fraction}Z"
