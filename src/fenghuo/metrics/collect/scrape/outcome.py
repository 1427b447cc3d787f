"""How a scrape ended: what was counted, or why it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from fenghuo.wire.exposition import Parsed


class Reason(StrEnum):
    """Why a scrape failed; the ``outcome`` label of ``fenghuo_scrapes_total`` (which says ``ok`` otherwise)."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    TLS = "tls"
    PROTOCOL = "protocol"
    STATUS = "status"
    REDIRECTS = "redirects"
    CREDENTIALS = "credentials"
    BODY_SIZE = "body_size"
    ENCODING = "encoding"
    CONTENT_TYPE = "content_type"
    PARSE = "parse"
    LABELS = "labels"
    SAMPLE_LIMIT = "sample_limit"
    TARGET_LIMIT = "target_limit"
    SOURCE = "source"
    STORE = "store"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a scrape is not good. ``message`` is what a person reads beside the target."""

    reason: Reason
    message: str


class ScrapeError(Exception):
    """Raised on the way from the target to its samples; the scrape is a failure and the loop goes on."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a target said. ``body_bytes`` counts after decompression, 0 for what came without a body."""

    parsed: Parsed
    body_bytes: int = 0


Read: TypeAlias = Callable[[Parsed | None], Reading]
"""Turns what was fetched into samples, given what the last time gave. May run in a worker thread; may
raise ScrapeError."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One finished scrape, with Prometheus' counts."""

    time_ms: int
    duration_s: float
    scraped: int = 0
    """Samples in the body, as far as it was read."""
    kept: int = 0
    """Samples after metric relabelling."""
    added: int = 0
    """Series that the last good scrape did not have."""
    body_bytes: int = 0
    """Size of the body; -1 when it was over the limit."""
    failure: Failure | None = None
    accepted: int = 0
    """Samples that the store took, staleness markers and report samples included."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Samples that it did not take, by reason."""
    layout_reused: bool = False

    @property
    def complaint(self) -> str:
        """What its operator should know: why it failed, or what a limit of the store turned away; else empty."""
        if self.failure is not None:
            return self.failure.message
        refused = self.rejected.get("limit", 0)
        return f"{refused} samples refused by a limit of the store; /health says which" if refused else ""
