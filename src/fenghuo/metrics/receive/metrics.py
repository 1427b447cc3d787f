"""What receiving tells about itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from fenghuo.metrics.receive.receipt import Receipt


class ReceiveMetrics:
    """Own instruments, by way in: ``remote_write_1``, ``remote_write_2``, ``import``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "fenghuo_receive_requests",
            "Requests that pushed samples, by how they ended: ok, partial or unreadable.",
            ["way", "outcome"],
            registry=registry,
        )
        self._samples = Counter("fenghuo_receive_samples", "Pushed samples stored.", ["way"], registry=registry)
        self._exemplars = Counter("fenghuo_receive_exemplars", "Pushed exemplars kept.", ["way"], registry=registry)
        self._refused = Counter(
            "fenghuo_receive_refused",
            "Pushed samples, histograms and lines that were not stored, by reason.",
            ["way", "reason"],
            registry=registry,
        )
        self.known = Gauge(
            "fenghuo_receive_known_series", "Series whose senders' spelling is remembered.", registry=registry
        )
        self.last = Gauge(
            "fenghuo_receive_last_timestamp_seconds", "When something pushed was last stored.", registry=registry
        )

    def count(self, way: str, receipt: Receipt, now_ms: int) -> None:
        """Count what became of one request."""
        outcome = "unreadable" if receipt.unreadable else "partial" if receipt.refused else "ok"
        self._requests.labels(way, outcome).inc()
        self._samples.labels(way).inc(receipt.samples)
        self._exemplars.labels(way).inc(receipt.exemplars)
        for reason, count in receipt.refused.items():
            self._refused.labels(way, reason).inc(count)
        if receipt.samples:
            self.last.set(now_ms / 1000)
