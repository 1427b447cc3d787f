"""The functions over ranges, from their definitions, for any float64: NaN and infinities included.

Each takes the samples (ms, value) of one window, never none, in order of time, with the window's bounds in ms, and
returns a value or None. Plain loops, plain floats.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from promql_support.reference import Window, delta, increase, rate

WindowFunction = Callable[[Window, int, int], float | None]

NAN, INF = math.nan, math.inf


def _values(window: Window) -> list[float]:
    return [value for _, value in window]


def total(values: list[float]) -> float:
    """The sum, exact when all values are finite."""
    return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)


def quotient(numerator: float, denominator: float) -> float:
    """IEEE division."""
    if denominator:
        return numerator / denominator
    if numerator == 0 or math.isnan(numerator):
        return NAN
    return math.copysign(INF, numerator) * math.copysign(1.0, denominator)


def largest(values: list[float]) -> float:
    """NaN only where there is nothing else."""
    numbers = [value for value in values if not math.isnan(value)]
    return max(numbers) if numbers else NAN


def smallest(values: list[float]) -> float:
    return -largest([-value for value in values])


def variance(values: list[float]) -> float:
    if not all(map(math.isfinite, values)):
        return NAN
    mean = total(values) / len(values)
    return total([(value - mean) ** 2 for value in values]) / len(values)


def quantile(phi: float, values: list[float]) -> float:
    """NaN ranks below everything; between two ranks the value is interpolated."""
    if math.isnan(phi) or not values:
        return NAN
    if phi < 0:
        return -INF
    if phi > 1:
        return INF
    ranked = sorted(values, key=lambda value: (not math.isnan(value), value if not math.isnan(value) else 0.0))
    rank = phi * (len(ranked) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ranked) - 1)
    weight = rank - low
    return ranked[low] * (1 - weight) + ranked[high] * weight


def _mad(values: list[float]) -> float:
    if any(map(math.isnan, values)):
        return NAN
    median = quantile(0.5, values)
    return quantile(0.5, [abs(value - median) for value in values])


def _irate(window: Window, start_ms: int, end_ms: int) -> float | None:
    if len(window) < 2:
        return None
    (before_ms, before), (last_ms, last) = window[-2:]
    return (last if last < before else last - before) / ((last_ms - before_ms) / 1000)


def _idelta(window: Window, start_ms: int, end_ms: int) -> float | None:
    return window[-1][1] - window[-2][1] if len(window) >= 2 else None


def line(window: Window, at_ms: int) -> tuple[float, float] | None:
    """Slope and value at ``at_ms`` of the least-squares line; through infinity there is none."""
    if len(window) < 2:
        return None
    xs, ys = [(ms - at_ms) / 1000 for ms, _ in window], _values(window)
    if not all(map(math.isfinite, ys)):
        return NAN, NAN
    if all(value == ys[0] for value in ys):
        return 0.0, ys[0]
    mean_x, mean_y = total(xs) / len(xs), total(ys) / len(ys)
    slope = total([(x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)])
    slope /= total([(x - mean_x) ** 2 for x in xs])
    return slope, mean_y - slope * mean_x


def _deriv(window: Window, start_ms: int, end_ms: int) -> float | None:
    found = line(window, end_ms)
    return None if found is None else found[0]


def _changes(window: Window, start_ms: int, end_ms: int) -> float:
    pairs = itertools.pairwise(_values(window))
    return float(sum(before != after and not (math.isnan(before) and math.isnan(after)) for before, after in pairs))


def _resets(window: Window, start_ms: int, end_ms: int) -> float:
    return float(sum(after < before for before, after in itertools.pairwise(_values(window))))


def _time_of(pick: Callable[[list[float]], float]) -> WindowFunction:
    """The time of the last sample with the picked value."""

    def find(window: Window, start_ms: int, end_ms: int) -> float:
        wanted = pick(_values(window))
        found = [ms for ms, value in window if value == wanted or (math.isnan(value) and math.isnan(wanted))]
        return found[-1] / 1000

    return find


def _of(work: Callable[[list[float]], float]) -> WindowFunction:
    return lambda window, start_ms, end_ms: work(_values(window))


WINDOW_FUNCTIONS: dict[str, WindowFunction] = {
    "rate": rate,
    "increase": increase,
    "delta": delta,
    "irate": _irate,
    "idelta": _idelta,
    "deriv": _deriv,
    "changes": _changes,
    "resets": _resets,
    "sum_over_time": _of(total),
    "avg_over_time": _of(lambda values: total(values) / len(values)),
    "min_over_time": _of(smallest),
    "max_over_time": _of(largest),
    "count_over_time": _of(len),
    "present_over_time": _of(lambda values: 1.0),
    "first_over_time": _of(lambda values: values[0]),
    "last_over_time": _of(lambda values: values[-1]),
    "ts_of_first_over_time": lambda window, start_ms, end_ms: window[0][0] / 1000,
    "ts_of_last_over_time": lambda window, start_ms, end_ms: window[-1][0] / 1000,
    "ts_of_min_over_time": _time_of(smallest),
    "ts_of_max_over_time": _time_of(largest),
    "stdvar_over_time": _of(variance),
    "stddev_over_time": _of(lambda values: math.sqrt(variance(values))),
    "mad_over_time": _of(_mad),
}
KEEP_NAME = frozenset({"first_over_time", "last_over_time"})
