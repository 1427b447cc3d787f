"""The one file where a broad ``except`` stands.

A long-running part (a scrape loop, a rule group, a notifier) must outlive a fault in one of its rounds. It runs
each round through :func:`guarded`, which logs the fault with its traceback, counts it, and goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter

log = logging.getLogger(__name__)

T = TypeVar("T")


class Guard:
    """Runs rounds of long-lived loops and counts those that failed in a way nobody foresaw."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._faults = Counter(
            "fenghuo_unexpected_faults",
            "Rounds of a long-running part that ended in an error nobody foresaw; the log has the traceback.",
            ["part"],
            registry=registry,
        )

    async def run(self, part: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Await ``work()``; true when it ended well. Cancellation passes through."""
        try:
            await work()
        except Exception:
            self._faults.labels(part).inc()
            log.exception("%s failed unexpectedly; it goes on with its next round", part)
            return False
        return True

    def call(self, part: str, work: Callable[[], object]) -> bool:
        """The same for a plain function."""
        try:
            work()
        except Exception:
            self._faults.labels(part).inc()
            log.exception("%s failed unexpectedly; it goes on", part)
            return False
        return True


def told(work: Callable[[], T], succeeded: Callable[[T], object], failed: Callable[[BaseException], object]) -> None:
    """Do ``work()`` in a thread that has nobody to raise to: what it ends in, whatever that is, is told."""
    try:
        result = work()
    except BaseException as error:
        failed(error)
    else:
        succeeded(result)
