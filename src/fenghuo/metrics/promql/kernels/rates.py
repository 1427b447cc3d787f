"""Change over a window: ``rate``, ``increase``, ``delta``, ``irate``, ``idelta``, ``changes``, ``resets``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.promql.kernels.starts import counted_from_start, starts_anew
from fenghuo.metrics.promql.kernels.sums import sums_between
from fenghuo.metrics.promql.windows import Windows, across, gather, neighbours
from fenghuo.model.sample import Bools, Floats, Ints

Result = tuple[Floats, Bools]

_NO_ROWS: Ints = np.zeros(0, dtype=np.int64)
_FALLS_FEW = 256
"""Up to so many falls in a tile are looked at one by one: 1 us each, where running sums cost 300 us at least."""
_EXTRAPOLATION_LIMIT = 1.1
"""A gap at an edge up to this many mean sample distances is taken for a series that goes on. Prometheus' value."""


def rate(windows: Windows) -> Result:
    """Per-second increase of a counter, extrapolated to the window's edges as Prometheus does it."""
    return _extrapolated(windows, is_counter=True, is_rate=True)


def increase(windows: Windows) -> Result:
    return _extrapolated(windows, is_counter=True, is_rate=False)


def delta(windows: Windows) -> Result:
    return _extrapolated(windows, is_counter=False, is_rate=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the samples of a window reach, and how much further their series is taken to go. Seconds, float64[W, S].

    The series is assumed to go on for half a mean sample distance beyond its first and last sample, or up to the
    edge of the window when that is nearer than 1.1 distances. Where a window holds fewer than two samples the figures
    mean nothing.
    """

    sampled_s: Floats
    to_start_s: Floats
    to_end_s: Floats

    @staticmethod
    def of(windows: Windows) -> Reach:
        first_s = windows.time_at(windows.lo) / 1000
        last_s = windows.time_at(windows.hi - 1) / 1000
        sampled_s = last_s - first_s
        distance_s = sampled_s / (windows.count - 1)
        threshold_s = distance_s * _EXTRAPOLATION_LIMIT
        to_start_s = first_s - (windows.ends_ms - windows.range_ms) / 1000
        to_start_s = np.where(to_start_s >= threshold_s, distance_s / 2, to_start_s)
        to_end_s = windows.ends_ms / 1000 - last_s
        to_end_s = np.where(to_end_s >= threshold_s, distance_s / 2, to_end_s)
        return Reach(sampled_s, to_start_s, to_end_s)

    @property
    def factor(self) -> Floats:
        """What the change between the first and last sample is multiplied by."""
        factor: Floats = (self.sampled_s + self.to_start_s + self.to_end_s) / self.sampled_s
        return factor

    def share(self, count: Ints) -> Floats:
        """The time between the samples as a multiple of that before the first; infinity below two samples."""
        share: Floats = np.where(count >= 2, self.sampled_s / self.to_start_s, np.inf)
        return share


def _extrapolated(windows: Windows, *, is_counter: bool, is_rate: bool) -> Result:
    """The difference of last and first sample, scaled to the window; a counter never reaches below zero."""
    count = windows.count
    first_value = windows.value_at(windows.lo)
    change = across(np.subtract, [windows.values], windows.hi - 1, windows.lo)
    fallen = _add_resets(windows, change) if is_counter else _NO_ROWS
    reach = Reach.of(windows)
    per_s = windows.range_ms / 1000 if is_rate else 1.0
    result = change * (reach.factor / per_s)
    if not is_counter:
        return result, count >= 2
    rows = _perhaps_young(windows, fallen, reach.share(count))
    if len(rows):
        rows, steps = _young(rows, first_value, change, reach.sampled_s, reach.to_start_s)
        own = rows if reach.sampled_s.shape[0] > 1 else 0
        sampled, to_end = reach.sampled_s[own, steps], reach.to_end_s[own, steps]
        to_zero = sampled * (first_value[rows, steps] / change[rows, steps])
        result[rows, steps] = change[rows, steps] * ((sampled + to_zero + to_end) / sampled / per_s)
    if windows.starts_ms is not None:
        return counted_from_start(windows, change, result, per_s)
    return result, count >= 2


def _perhaps_young(windows: Windows, fallen: Ints, share: Floats) -> Ints:
    """The few rows for which :func:`_young` may find something.

    The others never fall, and do not grow by so much in the whole range that any of their windows could be meant.
    ``share`` float64[W, S] is :meth:`Reach.share`.
    """
    least = float(np.fmin.reduce(share, axis=None))
    before, after = windows.values[:, 0], windows.values[:, -1]
    old = before * least >= after - before
    old[fallen] = False
    return np.flatnonzero(~old)


def _young(rows: Ints, first_value: Floats, change: Floats, sampled_s: Floats, to_start_s: Floats) -> tuple[Ints, Ints]:
    """Where, of some rows, a counter cannot have existed all the time that is assumed before its first sample.

    One that grows at its pace was zero ``sampled * first / change`` before. Multiplied by ``change``, finding where
    that matters needs no division. Returns rows and steps.
    """
    if 2 * len(rows) < len(change):
        own = rows if len(sampled_s) > 1 else slice(None)
        first, grown = first_value[rows], change[rows]
        sampled_s, to_start_s = sampled_s[own], to_start_s[own]
    else:
        rows, first, grown = np.arange(len(change)), first_value, change
    places = np.flatnonzero(first * sampled_s < grown * to_start_s)
    among, steps = np.divmod(places, change.shape[1])
    counts_up = (grown[among, steps] > 0) & (first[among, steps] >= 0)
    return rows[among[counts_up]], steps[counts_up]


def _add_resets(windows: Windows, change: Floats) -> Ints:
    """Add to ``change`` what counters had reached each time they fell within a window; returns their rows."""
    fell = restarts(windows)
    places = np.flatnonzero(fell)
    if not len(places):
        return _NO_ROWS
    rows, samples = np.divmod(places, fell.shape[1])
    fallen = rows[np.concatenate(([True], rows[1:] != rows[:-1]))]
    if len(places) <= _FALLS_FEW:
        _add_each_fall(windows, change, rows, samples)
        return fallen
    shared = windows.lo.shape[0] == 1
    lo, hi = (windows.lo, windows.hi) if shared else (windows.lo[fallen], windows.hi[fallen])
    change[fallen] += lost_between(windows.values[fallen], fell[fallen], lo, hi - 1)
    return fallen


def _add_each_fall(windows: Windows, change: Floats, rows: Ints, samples: Ints) -> None:
    """Add the value of each sample after which a counter fell to the windows that hold it and the next."""
    lost = windows.values[rows, samples].tolist()
    shared = windows.lo.shape[0] == 1
    for row, sample, value in zip(rows.tolist(), samples.tolist(), lost, strict=True):
        own = 0 if shared else row
        first = windows.hi[own].searchsorted(sample + 1, side="right")
        end = windows.lo[own].searchsorted(sample, side="right")
        change[row, first:end] += value


def restarts(windows: Windows) -> Bools:
    """bool[n, T - 1]: whether a counter begins anew at the next sample: it fell, or says that it did."""
    fell = falls(windows.values)
    if windows.starts_ms is not None:
        fell |= starts_anew(windows.times_ms, windows.starts_ms)
    return fell


def falls(values: Floats) -> Bools:
    """bool[n, T - 1]: whether a value is followed by a lower one."""
    fell: Bools = neighbours(np.less, values, 1, np.bool_)[:, :-1]
    return fell


def differs(values: Floats) -> Bools:
    """bool[n, T - 1]: whether a value is followed by another one; NaN after NaN is not another one."""
    now, before = values[:, 1:], values[:, :-1]
    other: Bools = (now != before) & ~(np.isnan(now) & np.isnan(before))
    return other


def lost_between(values: Floats, fell: Bools, first: Ints, last: Ints) -> Floats:
    """float64[n, S]: the sum of those values from sample ``first`` to sample ``last`` that fell to the next one.

    ``fell``: bool[n, T - 1].

    What fell elsewhere in the series leaves no trace, be it huge or infinite.
    """
    fallen = np.zeros(values.shape)
    np.copyto(fallen[:, :-1], values[:, :-1], where=fell)
    return sums_between(fallen, first, last)


def events_so_far(happened: Bools) -> Floats:
    """float64[n, T]: how many of ``happened`` bool[n, T - 1] lie before each sample."""
    so_far = np.zeros((happened.shape[0], happened.shape[1] + 1))
    np.cumsum(happened, axis=1, out=so_far[:, 1:])
    return so_far


def irate(windows: Windows) -> Result:
    """Per-second increase between the last two samples of the window; a fall is a restart from zero."""
    last, before, seconds = _last_two(windows)
    anew = last < before
    if windows.starts_ms is not None:
        anew |= gather(starts_anew(windows.times_ms, windows.starts_ms), windows.hi - 2)
    change = np.where(anew, last, last - before)
    return change / seconds, (windows.count >= 2) & (seconds != 0)


def idelta(windows: Windows) -> Result:
    last, before, _ = _last_two(windows)
    return last - before, windows.count >= 2


def _last_two(windows: Windows) -> tuple[Floats, Floats, Floats]:
    seconds = (windows.time_at(windows.hi - 1) - windows.time_at(windows.hi - 2)) / 1000
    return windows.value_at(windows.hi - 1), windows.value_at(windows.hi - 2), seconds


def changes(windows: Windows) -> Result:
    """How often the value differs from the one before."""
    return _events(windows, differs(windows.values))


def resets(windows: Windows) -> Result:
    """How often a counter begins anew."""
    return _events(windows, restarts(windows))


def _events(windows: Windows, happened: Bools) -> Result:
    so_far = events_so_far(happened)
    return gather(so_far, windows.hi - 1) - gather(so_far, windows.lo), windows.count >= 1
