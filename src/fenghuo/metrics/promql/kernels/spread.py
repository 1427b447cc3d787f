"""Functions that need a window's samples side by side: deviation, quantile, regression, smoothing.

The samples of the windows are laid out as float64[n, S, L], L the longest window, in portions that fit in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fenghuo.metrics.promql.windows import Windows, gather
from fenghuo.model.sample import Bools, Floats, Ints

Result = tuple[Floats, Bools]

_LAID_OUT_MAX = 1 << 20
"""Elements laid out at once: 8 MB of float64."""


def _portions(windows: Windows) -> Iterator[tuple[slice, slice, Floats, Floats, Bools]]:
    """Rows, steps, values float64[n, s, L], times in ms float64[w, s, L] and which are inside bool[w, s, L]."""
    longest = max(int(windows.count.max(initial=0)), 1)
    rows, steps = windows.values.shape[0], windows.lo.shape[1]
    width = max(1, min(steps, _LAID_OUT_MAX // longest))
    height = max(1, _LAID_OUT_MAX // (longest * width))
    shared, times_shared = windows.lo.shape[0] == 1, windows.times_ms.shape[0] == 1
    for top in range(0, rows, height):
        part = slice(top, top + height)
        own = slice(None) if shared else part
        for left in range(0, steps, width):
            windows.check()
            across = slice(left, left + width)
            lo, hi = windows.lo[own, across, None], windows.hi[own, across, None]
            index = lo + np.arange(longest)
            flat = index.reshape(index.shape[0], -1)
            values = gather(windows.values[part], flat).reshape(-1, *index.shape[1:])
            times: Ints = gather(windows.times_ms if times_shared else windows.times_ms[part], flat)
            times = times.reshape(-1, *index.shape[1:])
            yield part, across, values, times.astype(np.float64), index < hi


def _each_window(windows: Windows, work: Callable[[Floats, Bools], Floats]) -> Floats:
    """Fill float64[n, S] with what ``work`` makes of the values laid out."""
    result = np.zeros((windows.values.shape[0], windows.lo.shape[1]))
    for part, across, values, _, inside in _portions(windows):
        result[part, across] = work(values, np.broadcast_to(inside, values.shape))
    return result


def stdvar_over_time(windows: Windows) -> Result:
    """Population variance."""
    return _each_window(windows, variance), windows.count >= 1


def stddev_over_time(windows: Windows) -> Result:
    return np.sqrt(_each_window(windows, variance)), windows.count >= 1


def variance(values: Floats, inside: Bools) -> Floats:
    """Over the last axis. Deviations are taken from the first value, so that equal values give exactly zero."""
    count = inside.sum(axis=-1)
    shifted = np.where(inside, values - values[..., :1], 0.0)
    mean = shifted.sum(axis=-1) / count
    squares = np.where(inside, (shifted - mean[..., None]) ** 2, 0.0)
    result: Floats = squares.sum(axis=-1) / count
    return result


def quantile_over_time(windows: Windows, phi: Floats) -> Result:
    """``phi`` float64[S]."""
    result = np.zeros((windows.values.shape[0], windows.lo.shape[1]))
    for part, across, values, _, inside in _portions(windows):
        wanted = phi[across] if len(phi) > 1 else phi
        result[part, across] = quantile(values, np.broadcast_to(inside, values.shape), wanted)
    return result, windows.count >= 1


def quantile(values: Floats, inside: Bools, phi: Floats) -> Floats:
    """The phi-quantile over the last axis, interpolated between neighbours; NaN sorts below everything.

    ``phi`` broadcasts against the other axes. Below 0 it gives -Inf, above 1 +Inf, NaN for NaN.
    """
    count = inside.sum(axis=-1)
    nan = np.isnan(values) & inside
    nans = nan.sum(axis=-1) if nan.any() else None
    lowest = values if nans is None else np.where(nan, -np.inf, values)
    ranked = np.where(inside, lowest, np.inf)
    ranked.sort(axis=-1)
    rank = np.clip(phi, 0, 1) * (count - 1)
    rank = np.where(np.isnan(rank), 0, np.maximum(rank, 0))
    lower = np.floor(rank).astype(np.int64)
    upper = np.minimum(lower + 1, np.maximum(count - 1, 0))
    weight = rank - lower
    result = _ranked_at(ranked, lower, nans) * (1 - weight) + _ranked_at(ranked, upper, nans) * weight
    if ((phi >= 0) & (phi <= 1)).all():
        return result
    result = np.where(np.isnan(phi), np.nan, result)
    return np.where(phi < 0, -np.inf, np.where(phi > 1, np.inf, result))


def _ranked_at(ranked: Floats, index: Ints, nans: Ints | None) -> Floats:
    """The values of some ranks; the lowest ``nans`` ranks are NaN."""
    value: Floats = np.take_along_axis(ranked, index[..., None], axis=-1)[..., 0]
    return value if nans is None else np.where(index < nans, np.nan, value)


def mad_over_time(windows: Windows) -> Result:
    """Median absolute deviation from the median."""
    half = np.array([0.5])

    def work(values: Floats, inside: Bools) -> Floats:
        median = quantile(values, inside, half)
        spread = quantile(np.abs(values - median[..., None]), inside, half)
        return np.where((np.isnan(values) & inside).any(axis=-1), np.nan, spread)

    return _each_window(windows, work), windows.count >= 1


def deriv(windows: Windows) -> Result:
    """Slope per second of the least-squares line."""
    slope, _ = _regression(windows, None)
    return slope, windows.count >= 2


def predict_linear(windows: Windows, seconds: Floats, times_ms: Ints) -> Result:
    """Where the least-squares line will be ``seconds`` (float64[S]) after the moments ``times_ms`` (int64[S])."""
    slope, intercept = _regression(windows, times_ms)
    return slope * seconds + intercept, windows.count >= 2


def _regression(windows: Windows, origin_ms: Ints | None) -> tuple[Floats, Floats]:
    """Slope per second, and the line's value at ``origin_ms`` (int64[S], or each window's first sample)."""
    shape = (windows.values.shape[0], windows.lo.shape[1])
    slope, intercept = np.zeros(shape), np.zeros(shape)
    for part, across, values, times, inside in _portions(windows):
        first = times[..., :1]
        origin = first if origin_ms is None else np.broadcast_to(origin_ms, shape[1:])[across][None, :, None]
        count = inside.sum(axis=-1)
        x = np.where(inside, (times - first) / 1000, 0.0)
        y = np.where(inside, values - values[..., :1], 0.0)
        x_mean, y_mean = x.sum(axis=-1) / count, y.sum(axis=-1) / count
        x_off = np.where(inside, x - x_mean[..., None], 0.0)
        covariance = (x_off * np.where(inside, y - y_mean[..., None], 0.0)).sum(axis=-1)
        tilt = covariance / (x_off**2).sum(axis=-1)
        # A constant series has no slope, and none that can be computed when the constant is infinite.
        constant = ((values == values[..., :1]) | ~inside).all(axis=-1)
        tilt = np.where(constant, np.where(np.isinf(values[..., 0]), np.nan, 0.0), tilt)
        at_origin = (origin - first)[..., 0] / 1000 - x_mean
        level = values[..., 0] + y_mean + tilt * at_origin
        slope[part, across] = tilt
        intercept[part, across] = np.where(constant, values[..., 0] + tilt * 0, level)
    return slope, intercept


def double_exponential_smoothing(windows: Windows, smoothing: Floats, trend: Floats) -> Result:
    """Holt's linear method with the factors ``smoothing`` and ``trend``, float64[S]."""
    before = level = windows.value_at(windows.lo)
    slope = windows.value_at(windows.lo + 1) - level
    for step in range(1, int(windows.count.max(initial=0))):
        windows.check()
        index = windows.lo + step
        value = windows.value_at(index)
        new_slope = slope if step == 1 else trend * (level - before) + (1 - trend) * slope
        new_level = smoothing * value + (1 - smoothing) * (level + new_slope)
        inside = index < windows.hi
        before = level
        slope = np.where(inside, new_slope, slope)
        level = np.where(inside, new_level, level)
    return level, windows.count >= 2
