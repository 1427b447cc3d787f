"""The head: the samples of the last hours, in memory. Writing here is plain assignment; nothing can be refused.

What may be written is decided in ``admission.py`` and recorded in the WAL before. Not locked: the store calls every
method under its lock, except where a plan says that it is read without.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.arrays import Growing
from fenghuo.metrics.store.cohort_state import CohortState, Layout, Members
from fenghuo.metrics.store.loose import LooseLog, Run
from fenghuo.metrics.store.pages import Page, PagePool, RowMap
from fenghuo.model.label_table import Dictionary
from fenghuo.model.sample import Floats, Ints

NEVER_MS = int(np.iinfo(np.int64).min)
EVER_MS = int(np.iinfo(np.int64).max)
NOWHERE = -1
"""Home of a series that has no sample in a part of the store."""
MIXED = -2
"""Home of a series whose samples came through several cohorts, or loose."""
LIVE_SHARE_MIN = 0.75
"""A cohort's row map is rebuilt when fewer of its rows than this got a sample on the last page."""


class Head:
    """Pages of cohorts and loose samples, with the newest sample of each series."""

    def __init__(self, block_duration_ms: int) -> None:
        self.block_duration_ms = block_duration_ms
        self.pool = PagePool()
        self.cohort_codes = Dictionary()
        """Numbers for cohort keys; 0 is nobody's."""
        self.cohorts: dict[int, CohortState] = {}
        self.members = Members()
        self.loose = LooseLog()
        self.frozen: LooseLog | None = None
        """Loose samples of which a block is being written."""
        self.first_ms: Growing[np.int64] = Growing(np.int64, EVER_MS)
        self.last_ms: Growing[np.int64] = Growing(np.int64, NEVER_MS)
        self.last_values: Growing[np.float64] = Growing(np.float64, 0.0)
        self.homes: Growing[np.int32] = Growing(np.int32, NOWHERE)
        """By series: the code of its cohort, :data:`MIXED`, or :data:`NOWHERE`."""
        self.shared: dict[int, set[int]] = {}
        """The cohorts of each series that came through several."""
        self.has_loose: Growing[np.bool_] = Growing(np.bool_, False)

    def reserve(self, bound: int) -> None:
        """Make room for series numbers below ``bound``."""
        for column in (self.first_ms, self.last_ms, self.last_values, self.homes, self.has_loose):
            column.grow(bound)
        self.members.reserve(bound)

    @property
    def newest_ms(self) -> int:
        """The time of the newest sample; :data:`NEVER_MS` when there is none."""
        return max((*(state.last_ms for state in self.cohorts.values()), self.loose.last_ms), default=NEVER_MS)

    def cohort(self, key: str) -> CohortState:
        code = self.cohort_codes.intern(key)
        state = self.cohorts.get(code)
        if state is None:
            state = self.cohorts[code] = CohortState(key, code, self.members)
        return state

    def write(self, state: CohortState, time_ms: int, layout: Layout, values: Floats) -> None:
        """Store one scrape, or more of the cohort's last one. ``time_ms`` is not before the cohort's last."""
        page, layout = self._page_for(state, time_ms, layout)
        page.write(time_ms, layout.slots, values)
        self.last_ms.all[layout.sids] = time_ms
        self.last_values.all[layout.sids] = values
        state.last_values = values

    def _page_for(self, state: CohortState, time_ms: int, layout: Layout) -> tuple[Page, Layout]:
        page = state.open
        number = time_ms // self.block_duration_ms
        if page is None or page.slice != number or (page.full and time_ms != page.last_ms):
            self._tidy(state)
            page = None
        if page is not None and layout.row_map is state.row_map:
            return page, layout
        state.row_map.place(layout.rows)
        layout = state.settle(layout)
        sids = state.sids.all[state.row_map.rows.view]
        if page is None or not page.admit(sids):
            state.close()
            page = state.open = self.pool.page(len(sids), state.row_map, number)
            state.pages.append(page)
            page.admit(sids)
        self._settle_in(state, layout.sids, time_ms)
        return page, layout

    def _tidy(self, state: CohortState) -> None:
        """Leave rows out of the next page that got no sample on the last."""
        if state.open is None:
            return
        rows = state.row_map.rows.view
        live = self.last_ms.all[state.sids.all[rows]] >= state.open.first_ms
        if np.count_nonzero(live) < LIVE_SHARE_MIN * len(rows):
            state.row_map = RowMap()
            state.row_map.place(rows[live].astype(np.int64))

    def _settle_in(self, state: CohortState, sids: npt.NDArray[np.integer], time_ms: int) -> None:
        """Note that these series live in this cohort from ``time_ms`` on."""
        self.first_ms.all[sids] = np.minimum(self.first_ms.all[sids], time_ms)
        homes = self.homes.all[sids]
        self.homes.all[sids[homes == NOWHERE]] = state.code
        for sid in sids[(homes != NOWHERE) & (homes != state.code)].tolist():
            known = self.shared.setdefault(sid, set())
            if homes_code := int(self.homes.all[sid]):
                known.update({homes_code} - {MIXED})
            known.add(state.code)
            self.homes.all[sid] = MIXED

    def write_loose(self, run: Run) -> None:
        """Store samples with timestamps of their own. The run is ordered by series and time."""
        self.loose.add(run)
        self.has_loose.all[run.sids] = True
        ends = np.flatnonzero(np.r_[run.sids[1:] != run.sids[:-1], True])
        starts = np.r_[0, ends[:-1] + 1]
        sids = run.sids[ends]
        self.first_ms.all[sids] = np.minimum(self.first_ms.all[sids], run.times_ms[starts])
        newer = run.times_ms[ends] > self.last_ms.all[sids]
        self.last_ms.all[sids[newer]] = run.times_ms[ends][newer]
        self.last_values.all[sids[newer]] = run.values[ends][newer]

    def place(self, sids: Ints, start_ms: int, end_ms: int) -> npt.NDArray[np.int32]:
        """Where the head has samples of each series between the times: a cohort's code, MIXED, or NOWHERE."""
        homes = np.where(self.has_loose.all[sids], np.int32(MIXED), self.homes.all[sids])
        inside = (self.first_ms.all[sids] <= end_ms) & (self.last_ms.all[sids] >= start_ms)
        return np.where(inside, homes, np.int32(NOWHERE))

    def cohorts_of(self, sid: int) -> list[int]:
        """The codes of all cohorts that have the series."""
        if (shared := self.shared.get(sid)) is not None:
            return sorted(shared)
        home = int(self.homes.all[sid])
        return [home] if home >= 0 else []

    def loose_runs(self) -> list[Run]:
        """All runs of loose samples, oldest first; they may be read without the lock."""
        return ([] if self.frozen is None else self.frozen.snapshot()) + self.loose.snapshot()

    def freeze(self, until_ms: int) -> list[Page]:
        """Set the samples before ``until_ms``, the end of a slice, apart for a block; returns their pages.

        What is written from now on goes to other pages and other runs.
        """
        assert self.frozen is None
        self.frozen, self.loose = self.loose, LooseLog()
        pages = []
        for state in self.cohorts.values():
            old = [page for page in state.pages if page.slice < until_ms // self.block_duration_ms]
            if state.open in old:
                state.close()
            pages.extend(old)
        return pages

    def thaw(self, from_ms: int = NEVER_MS) -> None:
        """Take the frozen loose samples from ``from_ms`` on back."""
        assert self.frozen is not None
        frozen, self.frozen = self.frozen, None
        for run in frozen.snapshot():
            self.loose.add(run.kept(run.times_ms >= from_ms))

    def drop(self, pages: list[Page], until_ms: int) -> None:
        """Forget what a block holds now: these pages, and the frozen samples before ``until_ms``."""
        gone = set(pages)
        for state in self.cohorts.values():
            if state.pages and state.pages[0] in gone:
                state.pages = [page for page in state.pages if page not in gone]
        for page in pages:
            self.pool.drop(page)
        self.thaw(until_ms)
        self._recount()

    def _recount(self) -> None:
        """Find anew where each series lives and since when."""
        self.first_ms.view[:] = EVER_MS
        self.homes.view[:] = NOWHERE
        self.has_loose.view[:] = False
        self.shared.clear()
        for state in self.cohorts.values():
            for page in state.pages:
                self._settle_in(state, page.sids[page.sids >= 0], page.first_ms)
        for run in self.loose.snapshot():
            self.has_loose.all[run.sids] = True
            np.minimum.at(self.first_ms.all, run.sids, run.times_ms)

    def release_idle(self, state: CohortState) -> None:
        """Take the rows of a cohort from the series of which its pages have no sample."""
        oldest_ms = state.pages[0].first_ms if state.pages else EVER_MS
        sids = state.sids.view
        idle = np.flatnonzero((sids >= 0) & (self.last_ms.all[sids] < oldest_ms))
        if not len(idle):
            return
        released = sids[idle]
        state.release(idle)
        for sid in self.shared.keys() & set(released.tolist()):
            self.shared[sid].discard(state.code)
        gone = released[(self.homes.all[released] == state.code) & ~self.has_loose.all[released]]
        self.first_ms.all[gone] = EVER_MS
        self.homes.all[gone] = NOWHERE

    def recall(self, sids: Ints, last_ms: Ints, last_values: Floats) -> None:
        """Learn at the start of the newest samples that a block holds; ``sids`` are distinct."""
        newer = last_ms > self.last_ms.all[sids]
        self.last_ms.all[sids[newer]] = last_ms[newer]
        self.last_values.all[sids[newer]] = last_values[newer]

    def forget(self, sids: Ints) -> None:
        """These numbers will name other series from now on."""
        self.last_ms.all[sids] = NEVER_MS
        self.last_values.all[sids] = 0.0

    @property
    def oldest_ms(self) -> int:
        """The time of the oldest sample; :data:`EVER_MS` when there is none."""
        pages = (state.pages[0].first_ms for state in self.cohorts.values() if state.pages)
        return min((*pages, self.loose.first_ms))
