"""What people change about a schedule of on-call duty."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody takes over from ``start_ms`` to ``end_ms`` (exclusive). Of several at one moment the newest wins."""

    id: int
    schedule: str
    person: str
    start_ms: int
    end_ms: int
    by: str = ""
    """Who made it."""
    made_ms: int = 0
