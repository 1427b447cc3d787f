"""What is kept of heartbeats: who made them, and what was heard of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known of one heartbeat. Times are None where nothing of the kind has happened."""

    name: str
    since_ms: int
    """When it was first waited for."""
    heard_ms: int | None = None
    """The last start or end of a run."""
    started_ms: int | None = None
    """When the run that is under way started."""
    succeeded_ms: int | None = None
    """The last end that was a success."""
    failed_ms: int | None = None
    """Since when runs have failed; None after a success."""
    missing_ms: int | None = None
    """Since when it is missing; None after a sign of life."""
    duration_ms: int | None = None
    """How long the last run took that said when it started."""
    exit_code: int | None = None
    """Of the last end that had one."""
    text: str = ""
    """The end of what was last sent along."""


@dataclass(frozen=True, slots=True)
class MadeHeartbeat:
    """A heartbeat that somebody made while the program ran; those of the configuration are not kept."""

    name: str
    definition: str
    """Its settings as a JSON object, in the words of the configuration."""
    made_by: str
    made_ms: int
