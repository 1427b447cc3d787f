"""Layouts that the targets of a job have in common.

The instances of a service say the same of themselves, but for the numbers. Whoever is read first lays out the body for
all: the others take the fast path from their first scrape on, and 1,000 series of labels are kept once and not a
hundred times.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from fenghuo.wire.exposition import Parsed, parse_text

KEPT: Final = 4
"""Layouts: one for each version of a service that runs, and some that come and go. A miss costs as many comparisons."""


class LayoutShelf:
    """The layouts met last. Thread-safe."""

    def __init__(self) -> None:
        self._kept: deque[Parsed] = deque(maxlen=KEPT)

    def read(self, body: bytes, content_type: str, last: Parsed | None) -> Parsed:
        """What ``body`` holds; see :func:`parse_text`. ``last`` is what the same target gave."""
        kept = tuple(self._kept)
        parsed = parse_text(body, content_type, last, kept)
        if parsed.lines is not None and all(parsed.layout is not like.layout for like in (last, *kept) if like):
            self._kept.append(parsed)
        return parsed
