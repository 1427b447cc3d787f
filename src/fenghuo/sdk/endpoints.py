"""The paths that the SDK answers in the application's stead."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from fenghuo.sdk.exposition import render_metrics
from fenghuo.sdk.health import Health, health_answer


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes


@dataclass(slots=True)
class Endpoints:
    """``/metrics`` and the health paths of one application; a path that is None is not answered."""

    registry: CollectorRegistry
    health: Health
    metrics_path: str | None = "/metrics"
    health_path: str | None = "/health"
    _paths: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        health = (self.health_path, f"{self.health_path}/live", f"{self.health_path}/ready") if self.health_path else ()
        self._paths = frozenset(path for path in (self.metrics_path, *health) if path)

    @property
    def paths(self) -> frozenset[str]:
        return self._paths

    def leave(self, paths: frozenset[str]) -> None:
        """Leave ``paths`` to the application, which answers them itself."""
        self._paths -= paths

    def answer(self, path: str, accept: str) -> Answer:
        """The answer for one of :attr:`paths`. Blocking: health checks may take their timeout."""
        if path == self.metrics_path:
            body, content_type = render_metrics(self.registry, accept)
            return Answer(200, content_type, body)
        status, body = health_answer(self.health, path)
        return Answer(status, "application/json", body)
