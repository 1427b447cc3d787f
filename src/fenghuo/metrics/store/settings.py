"""What an operator may set about the metric store."""

from __future__ import annotations

from pydantic import Field, field_validator

from fenghuo.base.document import RefusedError, Settings
from fenghuo.model.settings_types import DurationMs, SizeBytes

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class StoreSettings(Settings):
    """Limits and rhythms of the store. Every default suits a server that watches some dozen hosts."""

    retention_ms: DurationMs = Field(15 * DAY_MS, alias="retention")
    """Samples older than this are deleted, and refused when they arrive; 0 keeps everything."""
    retention_size_bytes: SizeBytes = Field(0, alias="retention_size")
    """The blocks on disk may hold this much, then the oldest goes; 0 sets no bound."""
    out_of_order_window_ms: DurationMs = Field(30 * MINUTE_MS, alias="out_of_order_time_window")
    """A sample may be this much older than the newest of its series, or than the clock; 0 refuses all of them."""
    future_window_ms: DurationMs = Field(10 * MINUTE_MS, alias="future_time_window")
    """A sample may be this far ahead of the clock (Prometheus allows scrapes 10 minutes); 0 sets no bound."""
    fsync_interval_ms: DurationMs = Field(1000, alias="fsync_interval")
    """How often the WAL is forced to the disk. A power cut may cost this much; a killed process costs nothing."""
    block_duration_ms: DurationMs = Field(2 * HOUR_MS, alias="block_duration")
    """The time that a fresh block covers; the head holds up to one and a half times as much in memory."""
    block_duration_max_ms: DurationMs = Field(DAY_MS, alias="max_block_duration")
    """Neighbouring blocks are merged up to this length."""
    wal_segment_bytes: SizeBytes = Field(256 << 20, alias="wal_segment_size", ge=1 << 16)
    """A WAL segment that grows beyond this is followed by a new one."""
    series_max: int = Field(2_000_000, alias="max_series", ge=0)
    """Series that the store knows, in memory and on disk (some 1 KiB each); new ones beyond it are refused; 0 sets no
    bound."""
    target_series_max: int = Field(500_000, alias="max_series_per_target", ge=0)
    """The same for the series of one target, or rule, that have a sample in memory; 0 sets no bound."""
    labels_max: int = Field(100, alias="max_labels", ge=0)
    """A series may have this many labels, its name included; one with more is refused; 0 sets no bound."""
    label_name_bytes_max: int = Field(1024, alias="max_label_name_length", ge=0)
    """A label name may have this many bytes; 0 sets no bound."""
    label_value_bytes_max: int = Field(16_384, alias="max_label_value_length", ge=0)
    """A label value may have this many bytes; 0 sets no bound."""
    exemplars_max: int = Field(100_000, alias="max_exemplars", ge=0)
    """Exemplars kept in memory, the oldest dropped first; 0 keeps none."""

    @field_validator("block_duration_ms")
    @classmethod
    def _long_enough(cls, value: int) -> int:
        if value < MINUTE_MS:
            raise RefusedError(f"a block of {value} ms is too short", "use at least 1m; 2h is the default")
        return value
