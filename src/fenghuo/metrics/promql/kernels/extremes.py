"""Minimum and maximum over windows, with their times, from tables of minima over power-of-two stretches.

Two stretches of the largest power of two that fits cover any window, so a window costs one comparison however
long it is. NaN counts only where a window holds nothing else.
"""

from __future__ import annotations

import numpy as np

from fenghuo.metrics.promql.windows import Windows, across, neighbours
from fenghuo.model.sample import Bools, Floats

Result = tuple[Floats, Bools]


def min_over_time(windows: Windows) -> Result:
    return _extreme(windows, np.fmin), windows.count >= 1


def max_over_time(windows: Windows) -> Result:
    return _extreme(windows, np.fmax), windows.count >= 1


def _extreme(windows: Windows, pick: np.ufunc) -> Floats:
    count = windows.count
    level = np.frexp(np.maximum(count, 1))[1] - 1
    result = np.full((windows.values.shape[0], count.shape[1]), np.nan)
    table = windows.values
    for power in range(int(level.max(initial=0)) + 1):
        if power:
            table = neighbours(pick, table, 1 << (power - 1))
        here = level == power
        if here.any():
            found = across(pick, [table], windows.hi - (1 << power), windows.lo)
            if here.all():
                return found
            np.copyto(result, found, where=here)
    return result


def first_over_time(windows: Windows) -> Result:
    return windows.value_at(windows.lo), windows.count >= 1


def last_over_time(windows: Windows) -> Result:
    return windows.value_at(windows.hi - 1), windows.count >= 1


def count_over_time(windows: Windows) -> Result:
    return np.broadcast_to(windows.count.astype(np.float64), _shape(windows)), windows.count >= 1


def present_over_time(windows: Windows) -> Result:
    return np.ones(_shape(windows)), windows.count >= 1


def ts_of_first_over_time(windows: Windows) -> Result:
    return np.broadcast_to(windows.time_at(windows.lo) / 1000, _shape(windows)), windows.count >= 1


def ts_of_last_over_time(windows: Windows) -> Result:
    return np.broadcast_to(windows.time_at(windows.hi - 1) / 1000, _shape(windows)), windows.count >= 1


def ts_of_min_over_time(windows: Windows) -> Result:
    return _time_of(windows, _extreme(windows, np.fmin)), windows.count >= 1


def ts_of_max_over_time(windows: Windows) -> Result:
    return _time_of(windows, _extreme(windows, np.fmax)), windows.count >= 1


def _time_of(windows: Windows, wanted: Floats) -> Floats:
    """Seconds of the last sample in each window that has the wanted value."""
    found = np.zeros(wanted.shape)
    longest = int(windows.count.max(initial=0))
    for step in range(longest):
        windows.check()
        index = windows.lo + step
        value = windows.value_at(index)
        same = (value == wanted) | (np.isnan(value) & np.isnan(wanted))
        inside = index < windows.hi
        np.copyto(found, windows.time_at(index) / 1000, where=same & inside)
    return found


def _shape(windows: Windows) -> tuple[int, int]:
    return windows.values.shape[0], windows.lo.shape[1]
