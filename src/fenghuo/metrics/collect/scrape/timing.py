"""When a target is scraped, and which timestamp its samples get. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

TOLERANCE_MS_MAX: Final = 10
"""How far a scrape may be off its tick and still get the tick's timestamp. Evenly spaced timestamps compress to
almost nothing. Prometheus allows 2 ms; an event loop under load wakes a little later than its runtime does."""


def offset_s(identity: str, seed: int, interval_ms: int, now_ms: int) -> float:
    """Seconds from now to the target's place in the interval.

    The place follows from ``identity`` and ``seed`` (which differs between servers) alone: targets spread over the
    interval, and a restarted server scrapes each at the same phase as before.
    """
    digest = hashlib.blake2b(identity.encode(), digest_size=8).digest()
    place_ms = (int.from_bytes(digest, "big") ^ seed) % interval_ms
    return ((place_ms - now_ms) % interval_ms) / 1000


def next_tick_s(tick_s: float, interval_s: float, now_s: float) -> float:
    """The tick after ``tick_s``. Of the ticks that passed meanwhile only the last is made up for, at once."""
    following_s = tick_s + interval_s
    missed = int((now_s - following_s) // interval_s) if now_s > following_s else 0
    return following_s + missed * interval_s


class Timestamps:
    """Gives scrapes their timestamps: the tick's own when the scrape is close to it, else the time it began."""

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._tolerance_ms = min(interval_ms // 100, TOLERANCE_MS_MAX)
        self._aligned_ms: int | None = None

    def take(self, now_ms: int, late_ms: float) -> int:
        """The timestamp of a scrape that begins now, ``late_ms`` after its tick on the monotonic clock."""
        if late_ms > self._tolerance_ms:
            return now_ms
        if self._aligned_ms is not None:
            self._aligned_ms += round((now_ms - self._aligned_ms) / self._interval_ms) * self._interval_ms
        if self._aligned_ms is None or abs(now_ms - self._aligned_ms) > self._tolerance_ms:
            self._aligned_ms = now_ms  # The first scrape, or the wall clock was set: count from here.
        return self._aligned_ms
