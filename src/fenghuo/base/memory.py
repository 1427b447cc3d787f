"""Memory that the C library keeps although nobody uses it any more.

glibc gives back what is free at the end of its heap, and keeps holes. A program that now and then handles tens of
megabytes, and keeps a few kilobytes of what it made of them, ends up with a heap of holes.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_TRIM: Final = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def give_back() -> None:
    """Give the pages of holes back to the system; does nothing with another C library. Takes some milliseconds, in
    which other threads of Python go on."""
    if _TRIM is not None:
        _TRIM(0)
