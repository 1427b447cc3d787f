"""Ranges whose edges are made of samples beside them: ``anchored`` and ``smoothed``.

An anchored range begins with the last sample before it and is not extrapolated. A smoothed range begins and ends
with values interpolated between the samples on both sides of its edges; for a counter that fell between them, from
zero. Samples beside the range count when they are not further from it than the lookback. The windows see samples
beyond their bounds: ``lo - 1`` is the one before, ``hi`` the one after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from fenghuo.metrics.promql.kernels.rates import Result, differs, events_so_far, falls, lost_between
from fenghuo.metrics.promql.windows import Windows, gather
from fenghuo.model.sample import Bools, Floats, Ints, is_stale

ExtendedKernel = Callable[[Windows, int], Result]
"""A kernel that is also told the lookback in ms."""


@dataclass(frozen=True, slots=True)
class _Edges:
    """What lies around each window; ``W`` is n or 1."""

    starts_ms: Ints
    """int64[1, S]"""
    before: Bools
    """bool[w, S]: there is a sample before the window, near enough."""
    inside: Bools
    """bool[w, S]: there is a sample in the window."""
    after: Bools
    """bool[w, S]: there is a sample after the window, near enough."""

    @staticmethod
    def of(windows: Windows, lookback_ms: int) -> _Edges:
        starts = windows.ends_ms - windows.range_ms
        earlier, later = windows.time_at(windows.lo - 1), windows.time_at(windows.hi)
        return _Edges(
            starts,
            (windows.lo > 0) & (earlier > starts - lookback_ms),
            windows.hi > windows.lo,
            (later > windows.ends_ms) & (later <= windows.ends_ms + lookback_ms),
        )


def _anchored_change(windows: Windows, lookback_ms: int, *, is_counter: bool) -> Result:
    edges = _Edges.of(windows, lookback_ms)
    first = windows.lo - edges.before
    change = windows.value_at(windows.hi - 1) - windows.value_at(first)
    if is_counter:
        change = change + lost_between(windows.values, falls(windows.values), first, windows.hi - 1)
    return change, edges.inside


def _anchored_events(windows: Windows, lookback_ms: int, happened: Bools) -> Result:
    edges = _Edges.of(windows, lookback_ms)
    so_far = events_so_far(happened)
    return gather(so_far, windows.hi - 1) - gather(so_far, windows.lo - edges.before), edges.inside


def _anchored_changes(windows: Windows, lookback_ms: int) -> Result:
    return _anchored_events(windows, lookback_ms, differs(windows.values))


def _anchored_resets(windows: Windows, lookback_ms: int) -> Result:
    return _anchored_events(windows, lookback_ms, falls(windows.values))


def _interpolated(windows: Windows, later: Ints, at_ms: Ints, *, is_counter: bool) -> Floats:
    """The value at ``at_ms`` on the line from sample ``later - 1`` to sample ``later``."""
    left, right = windows.value_at(later - 1), windows.value_at(later)
    if is_counter:
        left = np.where(right < left, 0.0, left)
    start, end = windows.time_at(later - 1), windows.time_at(later)
    return left + (right - left) * ((at_ms - start) / (end - start))


def _smoothed_change(windows: Windows, lookback_ms: int, *, is_counter: bool) -> Result:
    edges = _Edges.of(windows, lookback_ms)
    lo, hi = windows.lo, windows.hi
    at_start = _interpolated(windows, lo, edges.starts_ms, is_counter=is_counter)
    first = np.where(edges.before, at_start, windows.value_at(lo))
    newest = windows.value_at(hi - 1)
    at_end = _interpolated(windows, hi, windows.ends_ms, is_counter=is_counter)
    last = np.where(edges.after, at_end, newest)
    change = last - first
    if is_counter:
        within = lost_between(windows.values, falls(windows.values), lo, hi - 1) + np.where(last < newest, newest, 0.0)
        change = change + np.where(edges.inside, within, 0.0)
    return change, (edges.inside | edges.before) & (edges.inside | edges.after)


def smoothed_value(windows: Windows, lookback_ms: int) -> Result:
    """The kernel of smoothed instant selectors: on the line between the samples around the moment."""
    edges = _Edges.of(windows, lookback_ms)
    newest = np.ascontiguousarray(windows.value_at(windows.hi - 1))
    coming = np.ascontiguousarray(windows.value_at(windows.hi))
    between = edges.after & ~is_stale(coming) & (windows.time_at(windows.hi - 1) < windows.ends_ms)
    line = _interpolated(windows, windows.hi, windows.ends_ms, is_counter=False)
    return np.where(between, line, newest), edges.inside & ~is_stale(newest)


def _per_second(kernel: Callable[..., Result]) -> ExtendedKernel:
    def work(windows: Windows, lookback_ms: int) -> Result:
        change, present = kernel(windows, lookback_ms, is_counter=True)
        return change / (windows.range_ms / 1000), present

    return work


def _change(kernel: Callable[..., Result], *, is_counter: bool) -> ExtendedKernel:
    return lambda windows, lookback_ms: kernel(windows, lookback_ms, is_counter=is_counter)


ANCHORED: Final[dict[str, ExtendedKernel]] = {
    "changes": _anchored_changes,
    "delta": _change(_anchored_change, is_counter=False),
    "increase": _change(_anchored_change, is_counter=True),
    "rate": _per_second(_anchored_change),
    "resets": _anchored_resets,
}
SMOOTHED: Final[dict[str, ExtendedKernel]] = {
    "delta": _change(_smoothed_change, is_counter=False),
    "increase": _change(_smoothed_change, is_counter=True),
    "rate": _per_second(_smoothed_change),
}
