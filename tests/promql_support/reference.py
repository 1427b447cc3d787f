"""The functions over ranges once more, slow and obvious: one window at a time, in plain Python."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable

Window = list[tuple[int, float]]
"""Samples (ms, value) of one window in order of time; never empty."""


def _extrapolated(window: Window, start_ms: int, end_ms: int, *, counter: bool) -> float | None:
    if len(window) < 2:
        return None
    values = [value for _, value in window]
    change = values[-1] - values[0]
    if counter:
        change += sum(before for before, after in itertools.pairwise(values) if after < before)
    first_ms, last_ms = window[0][0], window[-1][0]
    sampled = last_ms - first_ms
    distance = sampled / (len(window) - 1)
    to_start: float = first_ms - start_ms
    to_end: float = end_ms - last_ms
    if to_start >= 1.1 * distance:
        to_start = distance / 2
    if counter and change > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * values[0] / change)
    if to_end >= 1.1 * distance:
        to_end = distance / 2
    return change * (sampled + to_start + to_end) / sampled


def rate(window: Window, start_ms: int, end_ms: int) -> float | None:
    change = _extrapolated(window, start_ms, end_ms, counter=True)
    return None if change is None else change / (end_ms - start_ms) * 1000


def increase(window: Window, start_ms: int, end_ms: int) -> float | None:
    return _extrapolated(window, start_ms, end_ms, counter=True)


def delta(window: Window, start_ms: int, end_ms: int) -> float | None:
    return _extrapolated(window, start_ms, end_ms, counter=False)


def irate(window: Window, start_ms: int, end_ms: int) -> float | None:
    if len(window) < 2:
        return None
    (before_ms, before), (last_ms, last) = window[-2:]
    return (last if last < before else last - before) / (last_ms - before_ms) * 1000


def idelta(window: Window, start_ms: int, end_ms: int) -> float | None:
    return window[-1][1] - window[-2][1] if len(window) >= 2 else None


def deriv(window: Window, start_ms: int, end_ms: int) -> float | None:
    if len(window) < 2:
        return None
    xs, ys = [ms / 1000 for ms, _ in window], [value for _, value in window]
    return statistics.linear_regression(xs, ys).slope


def _quantile(phi: float, values: list[float]) -> float:
    ranked = sorted(values)
    rank = phi * (len(ranked) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] * (1 - (rank - low)) + ranked[high] * (rank - low)


def mad(values: list[float]) -> float:
    median = _quantile(0.5, values)
    return _quantile(0.5, [abs(value - median) for value in values])


def _of_values(work: Callable[[list[float]], float]) -> Callable[[Window, int, int], float | None]:
    return lambda window, start_ms, end_ms: work([value for _, value in window])


def _pairs(values: list[float], happened: Callable[[float, float], bool]) -> float:
    return float(sum(happened(before, after) for before, after in itertools.pairwise(values)))


REFERENCE: dict[str, Callable[[Window, int, int], float | None]] = {
    "rate(x[W])": rate,
    "increase(x[W])": increase,
    "delta(x[W])": delta,
    "irate(x[W])": irate,
    "idelta(x[W])": idelta,
    "deriv(x[W])": deriv,
    "changes(x[W])": _of_values(lambda values: _pairs(values, lambda before, after: before != after)),
    "resets(x[W])": _of_values(lambda values: _pairs(values, lambda before, after: after < before)),
    "sum_over_time(x[W])": _of_values(math.fsum),
    "avg_over_time(x[W])": _of_values(lambda values: math.fsum(values) / len(values)),
    "min_over_time(x[W])": _of_values(min),
    "max_over_time(x[W])": _of_values(max),
    "count_over_time(x[W])": _of_values(len),
    "present_over_time(x[W])": _of_values(lambda values: 1.0),
    "first_over_time(x[W])": _of_values(lambda values: values[0]),
    "last_over_time(x[W])": _of_values(lambda values: values[-1]),
    "ts_of_last_over_time(x[W])": lambda window, start_ms, end_ms: window[-1][0] / 1000,
    "ts_of_first_over_time(x[W])": lambda window, start_ms, end_ms: window[0][0] / 1000,
    "stdvar_over_time(x[W])": _of_values(statistics.pvariance),
    "stddev_over_time(x[W])": _of_values(statistics.pstdev),
    "mad_over_time(x[W])": _of_values(mad),
    "quantile_over_time(0.3, x[W])": _of_values(lambda values: _quantile(0.3, values)),
}
