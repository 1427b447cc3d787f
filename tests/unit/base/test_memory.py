"""Free memory goes back to the system."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.memory import give_back


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps holes and has a way to ask for them")
def test_holes_are_given_back() -> None:
    pieces = [np.ones(10_000, dtype=np.uint8) for _ in range(8000)]
    last = np.ones(10_000, dtype=np.uint8)
    pieces.clear()
    before = resident_bytes()
    give_back()
    assert before - resident_bytes() > 40_000_000
    assert last.all()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
