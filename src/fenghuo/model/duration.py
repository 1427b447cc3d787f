"""Durations in Prometheus' notation: ``1h30m``, ``15s``, ``500ms``, ``0``."""

from __future__ import annotations

import re

from fenghuo.base.errors import InputError

_UNITS_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?\Z", re.ASCII
)
_MAX_MS = (1 << 63) // 1_000_000
"""Prometheus holds durations as int64 nanoseconds."""


def parse_duration_ms(text: str) -> int:
    """Milliseconds in ``text``. Units go from large to small, each at most once; ``0`` stands alone.

    Raises InputError for anything else, an empty text and durations beyond 292 years.
    """
    if text == "0":
        return 0
    found = _DURATION.match(text)
    if not text or found is None:
        raise InputError(
            f"{text!r} is not a duration", remedy="write numbers with units, as in 15s, 1h30m, 7d or 500ms"
        )
    total_ms = sum(
        int(number) * unit_ms
        for number, unit_ms in zip(found.groups(), _UNITS_MS.values(), strict=True)
        if number is not None
    )
    if total_ms > _MAX_MS:
        raise InputError(f"duration {text!r} is out of range", remedy="the longest duration is 292y")
    return total_ms


def format_duration(duration_ms: int) -> str:
    """``5400000`` as ``1h30m``, the way Prometheus prints durations: years and weeks only when they divide."""
    if duration_ms == 0:
        return "0s"
    sign, rest = ("-", -duration_ms) if duration_ms < 0 else ("", duration_ms)
    parts = []
    for unit, unit_ms in _UNITS_MS.items():
        if unit in ("y", "w", "d") and unit != "d" and rest % unit_ms:
            continue
        count, rest = divmod(rest, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return sign + "".join(parts)
