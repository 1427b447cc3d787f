"""Counters that say since when they count: restarts that no fall shows, and windows that hold a beginning.

A start timestamp of 0 is not known. One at or after its sample says nothing. One at the sample before it is a delta
when that sample's own start is known, else a counter of unknown beginning. (Prometheus' ``use-start-timestamps``.)
"""

from __future__ import annotations

import numpy as np

from fenghuo.metrics.promql.windows import Windows, gather
from fenghuo.model.sample import Bools, Floats, Ints

_EXTRAPOLATION_LIMIT = 1.1


def starts_anew(times_ms: Ints, starts_ms: Ints) -> Bools:
    """bool[n, T - 1]: whether the next sample counts from a later beginning. Both int64[n, T]."""
    before, now = times_ms[:, :-1], times_ms[:, 1:]
    start_before, start = starts_ms[:, :-1], starts_ms[:, 1:]
    is_delta = (start == before) & (start_before != 0) & (start_before < before)
    anew: Bools = (start != 0) & (start < now) & ((start > before) | is_delta)
    return anew


def overlapping(windows: Windows) -> Ints:
    """Those of ``windows.rows`` of which a window holds a sample that counts from before the sample before it."""
    assert windows.starts_ms is not None
    start_before, start = windows.starts_ms[:, :-1], windows.starts_ms[:, 1:]
    overlap = (start != 0) & (start < windows.times_ms[:, :-1]) & (start != start_before)
    so_far = np.concatenate([np.zeros((len(overlap), 1), np.int64), np.cumsum(overlap, axis=1)], axis=1)
    inside = (gather(so_far, windows.hi - 1) - gather(so_far, windows.lo)) * (windows.count >= 2)
    rows: Ints = windows.rows[(inside > 0).any(axis=1)]
    return rows


def counted_from_start(windows: Windows, change: Floats, usual: Floats, per_s: float) -> tuple[Floats, Bools]:
    """The increase of counters whose first sample in the window says that it began within it.

    Then the counter was zero at that time, and nothing is assumed of the time before. ``change`` float64[n, S] is
    last minus first with resets; where no beginning is known ``usual`` is the answer.
    """
    assert windows.starts_ms is not None
    begins_ms, first_ms = gather(windows.starts_ms, windows.lo), windows.time_at(windows.lo)
    known = (begins_ms > windows.ends_ms - windows.range_ms) & (begins_ms < first_ms) & (begins_ms != 0)
    last_ms = windows.time_at(windows.hi - 1)
    distance_s = (last_ms - first_ms) / 1000 / np.maximum(windows.count - 1, 1)
    to_end_s = (windows.ends_ms - last_ms) / 1000
    to_end_s = np.where(to_end_s >= distance_s * _EXTRAPOLATION_LIMIT, distance_s / 2, to_end_s)
    counted_s = (last_ms - begins_ms) / 1000
    grown = change + windows.value_at(windows.lo)
    from_start = grown * ((counted_s + to_end_s) / counted_s / per_s)
    return np.where(known, from_start, usual), (windows.count >= 2) | known & (windows.count == 1)
