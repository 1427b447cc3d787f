"""What discovery says of itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class DiscoveryMetrics:
    """Instruments of all discovery systems of one program."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refreshes = Counter(
            "fenghuo_discovery_refreshes",
            "Times a discovery source was read; outcome is ok or failed.",
            ["system", "outcome"],
            registry=registry,
        )
        self.last_success_seconds = Gauge(
            "fenghuo_discovery_last_success_timestamp_seconds",
            "When a source of this kind was last read without a fault.",
            ["system"],
            registry=registry,
        )
        self.groups = Gauge(
            "fenghuo_discovery_target_groups", "Target groups that discovery gives a job.", ["job"], registry=registry
        )

    def refreshed(self, system: str, ok: bool, now_ms: int) -> None:
        """Count one reading."""
        self.refreshes.labels(system, "ok" if ok else "failed").inc()
        if ok:
            self.last_success_seconds.labels(system).set(now_ms / 1000)
