"""Keeping Python's cycle collector from holding the whole program while large structures grow.

The collector looks at every container there is, with the interpreter held: 25 to 60 ms for the 200,000 objects
that stand for 20,000 series (measured on a slow core), again and again while they are being made. Objects that are
made to stay hold no cycles, so looking at them finds nothing.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator
from typing import Final

SETTLE_FROM: Final = 5000
"""After so many lasting things were made, what is there is taken out of the collector's sight. Fewer cost it little,
and cycles that happen to be garbage at that moment are never collected, so it should not happen often."""


class _Hold:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.was_enabled = False
        self.made = 0


_hold = _Hold()


@contextlib.contextmanager
def growing() -> Iterator[None]:
    """Hold the collector while this thread makes many things that are to stay. Any number of threads may."""
    with _hold.lock:
        if _hold.depth == 0:
            _hold.was_enabled = gc.isenabled()
            gc.disable()
        _hold.depth += 1
    try:
        yield
    finally:
        with _hold.lock:
            _hold.depth -= 1
            if _hold.depth == 0:
                if _hold.made >= SETTLE_FROM:
                    _hold.made = 0
                    gc.freeze()
                if _hold.was_enabled:
                    gc.enable()


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Hold the collector while modules are loaded; all that is there then is out of its sight afterwards."""
    with growing():
        yield
        gc.freeze()


def made(count: int) -> None:
    """Tell that ``count`` lasting things (series, say) were made inside :func:`growing`."""
    with _hold.lock:
        _hold.made += count


def settle() -> None:
    """Collect once, and take all that is left out of the collector's sight. For the end of the program's start."""
    gc.collect()
    gc.freeze()
