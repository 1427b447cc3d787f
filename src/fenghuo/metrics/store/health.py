"""How the store is doing, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """``troubles`` says, one sentence each, what the disk refuses now; it is empty when all is well."""

    troubles: tuple[str, ...]
    last_append_ms: int | None
    """When samples were last accepted, by the clock; None when none were since the start."""
    corruptions: int
    """Places where the WAL or a block was found damaged since the start."""
