"""What the engine says about itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fenghuo.base.clock import Clock
from fenghuo.base.errors import FenghuoError
from fenghuo.metrics.promql.errors import (
    ExecutionError,
    ParseError,
    QueryCancelledError,
    QueryTimeoutError,
    TooManySamplesError,
)

_REASONS: dict[type[FenghuoError], str] = {
    ParseError: "parse",
    TooManySamplesError: "too_many_samples",
    ExecutionError: "execution",
    QueryTimeoutError: "timeout",
    QueryCancelledError: "cancelled",
}
"""By the first class that fits."""
_OTHER = "storage"


class QueryMetrics:
    """Instruments of one engine."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        duration = Histogram(
            "fenghuo_query_duration_seconds",
            "Time that one PromQL query took, from text to arrays.",
            ["kind"],
            registry=registry,
        )
        self._durations = {kind: duration.labels(kind) for kind in ("instant", "range")}
        self._running = Gauge("fenghuo_queries_running", "PromQL queries being evaluated now.", registry=registry)
        self._failures = Counter(
            "fenghuo_query_failures", "PromQL queries that ended in an error, by reason.", ["reason"], registry=registry
        )
        self.samples = Counter("fenghuo_query_samples", "Samples that PromQL queries have read.", registry=registry)
        for reason in (*_REASONS.values(), _OTHER):
            self._failures.labels(reason)

    @contextlib.contextmanager
    def watched(self, kind: str) -> Iterator[None]:
        """Count and time what happens inside as one query of that kind."""
        start_s = self._clock.monotonic_s()
        self._running.inc()
        try:
            yield
        except FenghuoError as error:
            reasons = (reason for error_class, reason in _REASONS.items() if isinstance(error, error_class))
            self._failures.labels(next(reasons, _OTHER)).inc()
            raise
        finally:
            self._running.dec()
            self._durations[kind].observe(self._clock.monotonic_s() - start_s)
