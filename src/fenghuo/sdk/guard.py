"""The SDK's one broad ``except``: a fault of ours is logged once per place and never reaches the application."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

log = logging.getLogger("fenghuo.sdk")

_reported: set[str] = set()


@contextlib.contextmanager
def harmless(place: str) -> Iterator[None]:
    """Swallow and report what goes wrong inside; ``place`` names it in the log, the first time only."""
    try:
        yield
    except Exception:
        if place not in _reported:
            _reported.add(place)
            log.warning("%s failed; the application is not affected", place, exc_info=True)
