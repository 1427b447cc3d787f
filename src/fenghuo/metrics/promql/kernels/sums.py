"""Sums over windows, exact to the last bits, from running sums that carry their own rounding errors.

``p = cumsum(x)`` rounds at every step, and what each step lost can be computed exactly afterwards (Knuth's
TwoSum), for the whole array at once. The running sum of those losses corrects the difference of two entries of
``p``: a window costs a subtraction however long it is, with the accuracy of Neumaier's compensated summation,
which is what Prometheus uses.
"""

from __future__ import annotations

import numpy as np

from fenghuo.metrics.promql.windows import Windows, across, gather
from fenghuo.model.sample import Bools, Floats, Ints

Result = tuple[Floats, Bools]

_RUNNING_MAX = 1e300
"""Running sums that could come near the largest float64 are taken over scaled values instead."""


def sum_over_time(windows: Windows) -> Result:
    return sums_between(windows.values, windows.lo, windows.hi), windows.count >= 1


def avg_over_time(windows: Windows) -> Result:
    total, scale = _scaled_sums(windows.values, windows.lo, windows.hi)
    return total / windows.count * scale, windows.count >= 1


def sums_between(values: Floats, lo: Ints, hi: Ints) -> Floats:
    """float64[n, S]: the sums of the values float64[n, T] from sample ``lo`` up to and without ``hi``, int64[w, S]."""
    total, scale = _scaled_sums(values, lo, hi)
    return total * scale


def _scaled_sums(values: Floats, lo: Ints, hi: Ints) -> tuple[Floats, float]:
    """Sums divided by a power of two, which keeps them from overflowing, and that power."""
    if not values.size:
        return np.zeros((len(values), lo.shape[1])), 1.0
    # NaN is the minimum and the maximum of what holds it.
    all_finite = bool(np.isfinite([values.min(), values.max()]).all())
    clean = values if all_finite else np.where(np.isfinite(values), values, 0.0)
    scale = 1.0
    if max(clean.max(), -clean.min()) * clean.shape[1] > _RUNNING_MAX:
        scale = 2.0 ** np.ceil(np.log2(clean.shape[1]) + 1)
        clean = clean / scale
    total = _finite_sums(clean, lo, hi)
    if not all_finite:
        _patch_non_finite(total, values, lo, hi)
    return total, scale


def _finite_sums(values: Floats, lo: Ints, hi: Ints) -> Floats:
    padded = np.zeros((values.shape[0], values.shape[1] + 1))
    padded[:, 1:] = values
    running = np.cumsum(padded, axis=1)
    lost = np.empty_like(running)
    # In one run across the rows' ends, see ``neighbours``.
    before, after, taken = running.reshape(-1)[:-1], running.reshape(-1)[1:], padded.reshape(-1)[1:]
    added = after - before
    np.add(before - (after - added), taken - added, out=lost.reshape(-1)[1:])
    lost[:, 0] = 0.0
    np.cumsum(lost, axis=1, out=lost)
    return across(_difference, [running, lost], hi, lo)


def _difference(high: Floats, high_lost: Floats, low: Floats, low_lost: Floats) -> Floats:
    """The sum between two running sums."""
    total: Floats = high - low
    # The subtraction rounds too; the same formula says by how much.
    taken = high - total
    total += (high - (total + taken)) + (taken - low) + (high_lost - low_lost)
    return total


def _patch_non_finite(total: Floats, values: Floats, lo: Ints, hi: Ints) -> None:
    """Put infinity or NaN where the window holds such values."""
    counts = []
    for found in (values == np.inf, values == -np.inf, np.isnan(values)):
        running = np.zeros((found.shape[0], found.shape[1] + 1))
        np.cumsum(found, axis=1, out=running[:, 1:])
        counts.append(gather(running, hi) - gather(running, lo) > 0)
    above, below, nan = counts
    total[above] = np.inf
    total[below] = -np.inf
    total[nan | (above & below)] = np.nan
