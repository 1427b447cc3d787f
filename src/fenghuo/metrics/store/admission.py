"""Which samples the store takes. Nothing is written here.

A sample newer than its series' last is taken. One at the same time is a duplicate: the same value is taken
silently, another refused. An older one is taken when it is within the out-of-order window of its series' last
sample, or of the clock: a clock that was set back loses nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.loose import Flat, Run
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.model.sample import NAN_BITS, AppendResult, Bools, Floats, Ints, is_absent

TOO_OLD = "too_old"
TOO_NEW = "too_far_in_future"
OUT_OF_ORDER = "out_of_order"
DUPLICATE = "duplicate_timestamp"


Stored = Callable[[Ints, int, int], Flat]
"""The samples that the store has of some series, between two times and including them."""


@dataclass(slots=True)
class Verdict:
    """What becomes of a batch. ``fresh`` and ``late`` are bool[n]; what is in neither is refused or known."""

    fresh: Bools
    """Newer than what its series had."""
    late: Bools
    """Older, and taken."""
    known: int = 0
    """Samples that the store has already."""
    rejected: Counter[str] = field(default_factory=Counter)

    def result(self) -> AppendResult:
        accepted = int(np.count_nonzero(self.fresh)) + int(np.count_nonzero(self.late)) + self.known
        return AppendResult(accepted, {reason: count for reason, count in self.rejected.items() if count})


def plain(values: Floats) -> Floats:
    """A copy of ``values`` in which nothing is taken for the store's own mark of absence."""
    own = np.array(values, dtype=np.float64)
    if (absent := is_absent(own)).any():
        own.view(np.int64)[absent] = NAN_BITS
    return own


def outside(time_ms: int, now_ms: int, settings: StoreSettings) -> str | None:
    """Why the time alone rules a sample out, or None."""
    if settings.future_window_ms and time_ms > now_ms + settings.future_window_ms:
        return TOO_NEW
    if settings.retention_ms and time_ms < now_ms - settings.retention_ms:
        return TOO_OLD
    return None


def judge(head: Head, batch: Run, now_ms: int, settings: StoreSettings, stored: Stored) -> Verdict:
    """Judge samples that are ordered by series and time; equal ones may follow each other."""
    sids, times, values = batch.sids.astype(np.int64), batch.times_ms, batch.values
    verdict = Verdict(np.zeros(len(sids), dtype=np.bool_), np.zeros(len(sids), dtype=np.bool_))
    open_ = np.ones(len(sids), dtype=np.bool_)
    if settings.future_window_ms:
        _refuse(verdict, open_, times > now_ms + settings.future_window_ms, TOO_NEW)
    if settings.retention_ms:
        _refuse(verdict, open_, times < now_ms - settings.retention_ms, TOO_OLD)
    lasts, last_values = head.last_ms.all[sids], head.last_values.all[sids]
    repeated = np.r_[False, (sids[1:] == sids[:-1]) & (times[1:] == times[:-1])]
    _settle_equal(verdict, open_, repeated, values, np.r_[values[:1], values[:-1]])
    # Of a series that lost its newest samples to a deletion no more is known than that none is newer than this.
    _settle_equal(verdict, open_, (times == lasts) & ~is_absent(last_values), values, last_values)
    verdict.fresh = open_ & (times > lasts)
    open_ &= times <= lasts
    if open_.any():
        bound = np.minimum(lasts, now_ms) - settings.out_of_order_window_ms
        reason = TOO_OLD if settings.out_of_order_window_ms else OUT_OF_ORDER
        outside_window = times < bound if settings.out_of_order_window_ms else open_.copy()
        _refuse(verdict, open_, outside_window, reason)
        _settle_stored(verdict, open_, stored, batch)
    verdict.late = open_
    return verdict


def _refuse(verdict: Verdict, open_: Bools, which: Bools, reason: str) -> None:
    refused = open_ & which
    if refused.any():
        verdict.rejected[reason] += int(np.count_nonzero(refused))
        open_ &= ~refused


def _settle_equal(verdict: Verdict, open_: Bools, where: Bools, values: Floats, known: Floats) -> None:
    """Close the samples that meet one at the same time: the same bits are known, others refused."""
    meeting = open_ & where
    if meeting.any():
        same = meeting & (values.view(np.int64) == known.view(np.int64))
        verdict.known += int(np.count_nonzero(same))
        open_ &= ~same
        _refuse(verdict, open_, where & ~same, DUPLICATE)


def _settle_stored(verdict: Verdict, open_: Bools, stored: Stored, batch: Run) -> None:
    """Compare late samples with what the store has at their times."""
    picked = np.flatnonzero(open_)
    if not len(picked):
        return
    sids, rows = np.unique(batch.sids[picked], return_inverse=True)
    times = batch.times_ms[picked]
    first_ms, last_ms = int(times.min()), int(times.max())
    there = stored(sids.astype(np.int64), first_ms, last_ms)
    span = last_ms - first_ms + 1
    keys = there.rows * span + (there.times_ms - first_ms)
    wanted = rows * span + (times - first_ms)
    places = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    if not len(keys):
        return
    meets = np.zeros(len(open_), dtype=np.bool_)
    meets[picked] = keys[places] == wanted
    known = np.zeros(len(open_), dtype=np.float64)
    known[picked] = there.values[places]
    _settle_equal(verdict, open_, meets, batch.values, known)
