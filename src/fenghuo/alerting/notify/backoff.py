"""How long to wait between attempts."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.5
FACTOR = 1.5
LONGEST_S = 60.0
JITTER = 0.5


class Backoff:
    """Exponential, with each pause drawn from half to one and a half of its nominal length.

    The numbers are Alertmanager's: 0.5 s, half as much again each time, a minute at most.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        """``draw`` gives numbers in [0, 1)."""
        self._draw = draw
        self._nominal_s = FIRST_S

    def next_s(self) -> float:
        pause_s = self._nominal_s * (1 - JITTER + 2 * JITTER * self._draw())
        self._nominal_s = min(self._nominal_s * FACTOR, LONGEST_S)
        return pause_s
