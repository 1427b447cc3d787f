"""What the store tells about itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FSYNC_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class StoreMetrics:
    """The store's instruments on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"fenghuo_store_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"fenghuo_store_{name}", text, registry=registry)

        self.appended = counter("appended_samples", "Samples accepted.")
        self.rejected = counter("rejected_samples", "Samples refused, by reason.", ("reason",))
        self.exemplars = counter("appended_exemplars", "Exemplars accepted.")
        self.wal_bytes = counter("wal_written_bytes", "Bytes written to the WAL.")
        self.wal_failures = counter(
            "wal_write_failures", "Writes to the WAL that the system refused, by operation.", ("operation",)
        )
        self.wal_corruptions = counter(
            "wal_corruptions", "Places where replay found the WAL damaged, by what was done.", ("action",)
        )
        self.wal_segments = gauge("wal_segments", "Segments of the WAL on disk.")
        self.last_append = gauge("last_append_timestamp_seconds", "When samples were last accepted.")
        self.fsync_s = Histogram(
            "fenghuo_store_wal_fsync_duration_seconds",
            "How long forcing the WAL to the disk took.",
            buckets=FSYNC_BUCKETS_S,
            registry=registry,
        )
        self.replay_s = gauge("replay_duration_seconds", "How long the replay of the WAL took at start.")
        self.replayed = gauge("replayed_samples", "Samples that the replay brought back at start.")
        self.series = gauge("series", "Series that the index knows, in memory and on disk.")
        self.head_series = gauge("head_series", "Series with samples in the head.")
        self.head_pages = gauge("head_pages", "Pages of the head.")
        self.head_bytes = gauge("head_bytes", "Memory that the head's pages reserve.")
        self.blocks = gauge("blocks", "Blocks on disk.")
        self.block_bytes = gauge("block_bytes", "Size of the blocks on disk.")
        self.cuts = counter("blocks_written", "Blocks written, by origin.", ("origin",))
        self.cut_failures = counter("block_write_failures", "Blocks that could not be written; they are tried again.")
        self.blocks_deleted = counter("blocks_deleted", "Blocks deleted, by reason.", ("reason",))
        self.deletions = counter("deletions", "Deletions that were carried out.")
        self.tombstones = gauge(
            "tombstones", "Series of blocks with samples that are deleted and still on disk; each deletion counts."
        )
        self.blocks_damaged = counter("blocks_damaged", "Places where a block was found damaged; the rest is used.")

    @property
    def corruptions(self) -> int:
        """Places where the WAL or a block was found damaged since the start."""
        counters = (self.wal_corruptions, self.blocks_damaged)
        samples = [each for counter in counters for family in counter.collect() for each in family.samples]
        return round(sum(each.value for each in samples if each.name.endswith("_total")))
