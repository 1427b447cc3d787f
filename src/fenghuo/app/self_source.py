"""The server as a target of its own: what it would show at ``/metrics``, without the way over HTTP."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from fenghuo.wire.exposition import Parsed, parse_text


class SelfSource:
    """Collects the program's own instruments."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._last: Parsed | None = None

    def collect(self) -> Parsed:
        """The samples of now. Synchronous, about a millisecond."""
        body = generate_latest(self._registry)
        self._last = parse_text(body, "text/plain; version=0.0.4; charset=utf-8", self._last)
        return self._last
