"""Forgetting: what no sample needs any more leaves the memory. Rows of cohorts, cohorts, series, label values.

Called when samples have gone to blocks or were deleted. Everything is done in steps, between which writers and
readers have the lock, so that a million series that end at once stop nobody.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fenghuo.metrics.store.cohort_state import NOBODY
from fenghuo.metrics.store.head import EVER_MS
from fenghuo.metrics.store.parts import Parts
from fenghuo.model.sample import Bools, Ints

COHORTS_AT_ONCE = 50
SERIES_AT_ONCE = 5000
"""How many are dealt with under the lock before others get it: some 5 ms each."""
FREE_SHARE_MAX = 0.25
FREE_MIN = 1000
"""A dictionary is replaced when more than this part, and number, of its codes mean nothing any more."""


class Forgetter:
    """Belongs to the keeper, who holds ``parts.upkeep``."""

    def __init__(self, parts: Parts, held: Callable[[str], bool]) -> None:
        self._parts = parts
        self._lock = parts.lock
        self._held = held

    def forget(self) -> None:
        """Forget all that can be."""
        self._release()
        for series in self._unused():
            self._forget_metric(series)
        self._shrink_dictionaries()
        self._shrink_cohort_codes()

    def _release(self) -> None:
        """Take their rows from series that have no sample in the head, and drop cohorts that nobody writes to."""
        head = self._parts.head
        codes = list(head.cohorts)
        for start in range(0, len(codes), COHORTS_AT_ONCE):
            with self._lock:
                for code in codes[start : start + COHORTS_AT_ONCE]:
                    state = head.cohorts[code]
                    head.release_idle(state)
                    if not state.pages and not self._held(state.key):
                        del head.cohorts[code]

    def _unused(self) -> list[Ints]:
        """By metric, the series of which neither the head nor a block has a sample, and that are in no cohort."""
        parts = self._parts
        in_blocks = np.zeros(parts.index.bound, dtype=np.bool_)
        parts.blocks.mark(in_blocks)
        with self._lock:
            sids = parts.index.all_sids()
            sids = sids[sids < len(in_blocks)]
            return parts.index.by_metric(sids[~in_blocks[sids] & self._idle(sids)])

    def _idle(self, sids: Ints) -> Bools:
        """Which series have no sample in the head and are in no cohort."""
        head = self._parts.head
        idle: Bools = (head.first_ms.all[sids] == EVER_MS) & (head.members.owners.all[sids] == NOBODY)
        for state in head.cohorts.values():
            if state.also:
                idle &= ~np.isin(sids, list(state.also))
        return idle

    def _forget_metric(self, sids: Ints) -> None:
        parts, gone = self._parts, []
        for start in range(0, len(sids), SERIES_AT_ONCE):
            some = sids[start : start + SERIES_AT_ONCE]
            with self._lock:  # Some may have come to life again.
                dead = self._idle(some)
                if dead.any():
                    parts.index.unname(some[dead])
                    gone.append(some[dead])
        if gone:
            with self._lock:
                unused = np.concatenate(gone)
                parts.index.strike(unused)
                parts.head.forget(unused)
                parts.journal.forget(unused)

    def _shrink_dictionaries(self) -> None:
        """Put smaller dictionaries in the place of those of which much is not used any more."""
        index = self._parts.index
        for name, dictionary in list(index.dictionaries.items()):
            with self._lock:
                used = index.used(name)
            if not _worth_it(int(np.count_nonzero(~used)) - dictionary.free, len(used)):
                continue
            kept = dictionary.kept(used, reuse=True)
            with self._lock:
                now = index.used(name)
                kept.take_over(dictionary, _added(used, now))
                index.replace(name, kept)

    def _shrink_cohort_codes(self) -> None:
        """The same for the keys of cohorts. A code is never given again: it tells whose a row in a block was."""
        head = self._parts.head
        dictionary = head.cohort_codes
        with self._lock:
            used = self._used_cohorts()
        unused = sum(1 for code in np.flatnonzero(~used).tolist() if dictionary.values[code])
        if _worth_it(unused, len(used)):
            kept = dictionary.kept(used, reuse=False)
            with self._lock:
                kept.take_over(dictionary, _added(used, self._used_cohorts()))
                head.cohort_codes = kept

    def _used_cohorts(self) -> Bools:
        used = np.zeros(len(self._parts.head.cohort_codes), dtype=np.bool_)
        used[[0, *self._parts.head.cohorts]] = True
        self._parts.blocks.mark_cohorts(used)
        return used


def _worth_it(unused: int, size: int) -> bool:
    return unused > max(FREE_MIN, FREE_SHARE_MAX * size)


def _added(before: Bools, now: Bools) -> list[int]:
    """The codes that are used now and were not before, when there may have been fewer."""
    fresh = now.copy()
    fresh[: len(before)] &= ~before
    return np.flatnonzero(fresh).tolist()
