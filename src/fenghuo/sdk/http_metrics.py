"""The metrics of an instrumented HTTP application.

``http_requests_total{method,endpoint,status}``, ``http_request_duration_seconds{method,endpoint}`` and
``http_requests_in_flight``. ``endpoint`` is the route's template (``/orders/{id}``), never the path that was
asked for, so that the number of series stays bounded whatever visitors type.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fenghuo.sdk.guard import harmless

log = logging.getLogger("fenghuo.sdk")

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
UNMATCHED: Final = "unmatched"
"""The endpoint of requests that no route answers."""
OTHER: Final = "other"

ENDPOINTS_MAX: Final = 1000
"""Distinct endpoints before further ones are counted as ``other``: a guard against generated routes."""

DURATION_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Metric = TypeVar("Metric", Counter, Gauge, Histogram)
Request = TypeVar("Request")


class HttpMetrics:
    """The metric objects of one registry. Use :func:`http_metrics` to get them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._endpoints: set[str] = set()
        self._requests = _registered(
            lambda: Counter("http_requests", "HTTP requests.", ["method", "endpoint", "status"], registry=registry),
            "http_requests_total",
        )
        self._duration = _registered(
            lambda: Histogram(
                "http_request_duration_seconds",
                "Time from the request's first byte to the response's last.",
                ["method", "endpoint"],
                buckets=DURATION_BUCKETS_S,
                registry=registry,
            ),
            "http_request_duration_seconds",
        )
        self._in_flight = _registered(
            lambda: Gauge(
                "http_requests_in_flight",
                "HTTP requests being answered.",
                registry=registry,
                multiprocess_mode="livesum",
            ),
            "http_requests_in_flight",
        )

    def started(self) -> None:
        if self._in_flight is not None:
            self._in_flight.inc()

    def ended(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count one answered request. ``status`` 500 stands for an application that raised."""
        if self._in_flight is not None:
            self._in_flight.dec()
        method = method if method in METHODS else "OTHER"
        endpoint = self._bounded(endpoint)
        if self._requests is not None:
            self._requests.labels(method, endpoint, str(status)).inc()
        if self._duration is not None:
            self._duration.labels(method, endpoint).observe(seconds)

    def _bounded(self, endpoint: str) -> str:
        if endpoint not in self._endpoints:
            if len(self._endpoints) >= ENDPOINTS_MAX:
                return OTHER
            self._endpoints.add(endpoint)
        return endpoint


def endpoint_by(endpoint_of: Callable[[Request], str], request: Request) -> str:
    """What ``endpoint_of`` says of a request; :data:`UNMATCHED` when it fails, so that the request still counts."""
    with harmless("finding a request's endpoint"):
        return endpoint_of(request)
    return UNMATCHED


_of_registry: weakref.WeakKeyDictionary[CollectorRegistry, HttpMetrics] = weakref.WeakKeyDictionary()


def http_metrics(registry: CollectorRegistry) -> HttpMetrics:
    """The metrics of ``registry``: the same object for the same registry, so that several apps can share it."""
    metrics = _of_registry.get(registry)
    if metrics is None:
        metrics = _of_registry[registry] = HttpMetrics(registry)
    return metrics


def _registered(make: Callable[[], Metric], name: str) -> Metric | None:
    """The metric, or None when the application registered that name itself: then it is the application's."""
    try:
        return make()
    except ValueError:
        log.info("%s is registered by the application itself and is left to it", name)
        return None
