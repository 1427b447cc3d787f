"""What forwarding tells about itself, for each remote."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase


class Dropped(StrEnum):
    """Why samples were not sent."""

    RELABELLED = "relabelled"
    """The rules drop their series: what somebody wanted."""
    TOO_OLD = "too_old"
    """Older than ``sample_age_limit``."""
    QUEUE_FULL = "queue_full"
    """Waited for longer than ``queue_size`` reaches."""
    SENT_BEFORE = "sent_before"
    """Sent again after a crash, and refused: the receiver has them, or had refused them."""


class ForwardMetrics:
    """Instruments of all remotes on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._all: list[MetricWrapperBase] = []

        def counter(name: str, text: str) -> Counter:
            made = Counter(f"fenghuo_remote_write_{name}", text, ["remote"], registry=registry)
            self._all.append(made)
            return made

        def gauge(name: str, text: str) -> Gauge:
            made = Gauge(f"fenghuo_remote_write_{name}", text, ["remote"], registry=registry)
            self._all.append(made)
            return made

        self.samples = counter("samples", "Samples that the receiver accepted.")
        self.exemplars = counter("exemplars", "Exemplars that the receiver accepted.")
        self.metadata = counter("metadata", "Metadata entries that the receiver accepted.")
        self.bytes = counter("sent_bytes", "Bytes of accepted requests, compressed.")
        self.failed = counter("samples_failed", "Samples that the receiver refused for good; they are lost to it.")
        self.retried = counter("samples_retried", "Samples that were sent again.")
        self.damaged = counter("damaged_segments", "WAL segments that could be read only in part.")
        self.newest_in = gauge("highest_timestamp_in_seconds", "The newest sample in the WAL.")
        self.newest_out = gauge("highest_timestamp_out_seconds", "The newest sample that the receiver accepted.")
        self.lag_s = gauge("lag_seconds", "How much newer the newest sample in the WAL is, while any is to be sent.")
        self.queue_bytes = gauge("queue_bytes", "Bytes of the WAL that wait for the receiver.")
        self.queue_bytes_max = gauge("queue_bytes_max", "How many may wait: queue_size.")
        self.shards = gauge("shards", "Requests that may be in flight at the same time, now.")
        self.shards_max = gauge("shards_max", "The same at most: max_shards.")
        self.dropped = Counter(
            "fenghuo_remote_write_samples_dropped",
            "Samples that were not sent, by reason.",
            ["remote", "reason"],
            registry=registry,
        )
        self.seconds = Histogram(
            "fenghuo_remote_write_request_duration_seconds",
            "How long an attempt to send took, whatever its end.",
            ["remote"],
            buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )

    def of(self, remote: str) -> RemoteMetrics:
        return RemoteMetrics(self, remote)

    def remove(self, remote: str) -> None:
        """Show a remote that is gone no more."""
        for each in (*self._all, self.seconds):
            each.remove(remote)
        for reason in Dropped:
            self.dropped.remove(remote, reason)


class RemoteMetrics:
    """The instruments of one remote."""

    def __init__(self, all_: ForwardMetrics, remote: str) -> None:
        self._all = all_
        self._remote = remote
        self.samples = all_.samples.labels(remote)
        self.exemplars = all_.exemplars.labels(remote)
        self.metadata = all_.metadata.labels(remote)
        self.bytes = all_.bytes.labels(remote)
        self.failed = all_.failed.labels(remote)
        self.retried = all_.retried.labels(remote)
        self._damaged = all_.damaged.labels(remote)
        self.newest_in = all_.newest_in.labels(remote)
        self.newest_out = all_.newest_out.labels(remote)
        self.lag_s = all_.lag_s.labels(remote)
        self.queue_bytes = all_.queue_bytes.labels(remote)
        self.queue_bytes_max = all_.queue_bytes_max.labels(remote)
        self.shards = all_.shards.labels(remote)
        self.shards_max = all_.shards_max.labels(remote)
        self.seconds = all_.seconds.labels(remote)
        for reason in Dropped:
            all_.dropped.labels(remote, reason)  # Shown as 0 before the first.

    def drop(self, reason: Dropped, count: int) -> None:
        self._all.dropped.labels(self._remote, reason).inc(count)

    def damaged(self) -> None:
        self._damaged.inc()
