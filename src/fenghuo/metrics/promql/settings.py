"""What an operator may set about queries."""

from __future__ import annotations

from pydantic import Field

from fenghuo.base.document import Settings
from fenghuo.metrics.promql.limits import (
    ANSWER_BYTES_MAX,
    CONCURRENCY,
    POINTS_MAX,
    SAMPLES_MAX,
    TEXT_CHARS_MAX,
    TIMEOUT_S,
)
from fenghuo.model.settings_types import DurationMs, SizeBytes


class QuerySettings(Settings):
    """How far back queries look, and what one of them may cost. A reload changes them for the queries that follow."""

    lookback_ms: DurationMs = Field(5 * 60_000, alias="lookback_delta", ge=1)
    """How old the newest sample of a series may be to count as its value."""
    timeout_ms: DurationMs = Field(TIMEOUT_S.default * 1000, alias="timeout", ge=1)
    """How long one query may take, waiting for its turn included. A client may ask for less."""
    concurrency_max: int = Field(CONCURRENCY.default, alias="max_concurrency", ge=1)
    """Queries of clients evaluated at the same time; further ones wait for their turn."""
    samples_max: int = Field(SAMPLES_MAX.default, alias="max_samples", ge=1)
    """Samples that one query may hold in memory at a time."""
    points_max: int = Field(POINTS_MAX.default, alias="max_points_per_series", ge=1)
    """Steps that a range query may have."""
    answer_bytes_max: SizeBytes = Field(ANSWER_BYTES_MAX.default, alias="max_response_size", ge=1)
    """Size of one answer before it is compressed."""
    text_chars_max: int = Field(TEXT_CHARS_MAX.default, alias="max_length", ge=1)
    """Characters of one query."""
