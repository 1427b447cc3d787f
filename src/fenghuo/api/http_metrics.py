"""The server's own request metrics, and the log line for a handler that broke."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FAMILIES = ("/api/v1/", "/api/v2/", "/api/fenghuo/", "/metrics", "/federate", "/health", "/-/")


class ServerHttpMetrics:
    """Requests by protocol family, so that what visitors type makes no series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter("fenghuo_http_requests", "Requests answered.", ["handler", "code"], registry=registry)
        self.duration = Histogram(
            "fenghuo_http_request_duration_seconds",
            "Time to answer.",
            ["handler"],
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0),
            registry=registry,
        )


class HttpMetricsMiddleware:
    """Counts and times every request."""

    def __init__(self, app: ASGIApp, metrics: ServerHttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        handler = _family(scope["path"])
        start_s = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            self._metrics.requests.labels(handler, str(status)).inc()
            self._metrics.duration.labels(handler).observe(time.perf_counter() - start_s)


def _family(path: str) -> str:
    return next((family.rstrip("/") for family in FAMILIES if path.startswith(family)), "panel")
