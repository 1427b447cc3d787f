"""The moments at which an expression is evaluated: evenly spaced, one for an instant query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.model.sample import Ints


@dataclass(frozen=True, slots=True)
class Grid:
    """``size`` moments from ``start_ms`` on, ``step_ms`` apart. ``size`` is at least 1."""

    start_ms: int
    step_ms: int
    size: int

    @staticmethod
    def instant(time_ms: int) -> Grid:
        return Grid(time_ms, 1, 1)

    @staticmethod
    def between(start_ms: int, end_ms: int, step_ms: int) -> Grid:
        """From ``start_ms`` to ``end_ms``, both inclusive; ``end_ms`` itself only when a step falls on it."""
        return Grid(start_ms, step_ms, (end_ms - start_ms) // step_ms + 1)

    @property
    def end_ms(self) -> int:
        """The last moment."""
        return self.start_ms + (self.size - 1) * self.step_ms

    @property
    def times_ms(self) -> Ints:
        """int64[size]."""
        return self.start_ms + np.arange(self.size, dtype=np.int64) * self.step_ms

    def shifted(self, by_ms: int) -> Grid:
        return Grid(self.start_ms + by_ms, self.step_ms, self.size)

    def first(self) -> Grid:
        """The grid of the first moment alone."""
        return Grid(self.start_ms, self.step_ms, 1)
