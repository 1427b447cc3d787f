"""Reading the head: a plan is made under the store's lock, and carried out without it.

That is safe because cells of a page are written once and runs of loose samples never change; a plan notes how far
each page was written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.store.arrays import distinct
from fenghuo.metrics.store.cells import Cells
from fenghuo.metrics.store.cohort_state import CohortState
from fenghuo.metrics.store.head import MIXED, Head
from fenghuo.metrics.store.loose import Run, gather, ragged, without_empty
from fenghuo.metrics.store.slab_read import SlabHits, read_hits, scanned
from fenghuo.model.sample import ABSENT_NAN, Floats, Ints, is_absent
from fenghuo.model.selection import RaggedBlock

SCAN_COHORTS_MIN = 48
"""From this many cohorts on, going through the slabs beats going through the cohorts (measured at 14,000 series in
2,000 cohorts: a step for a cohort's page is 6 us, a slab 40 us)."""


class Slots:
    """Positions on a page, -1 for none, of the wanted rows. ``slots``: int64[n], n at least 1."""

    __slots__ = ("highest", "lowest", "run", "slots")

    def __init__(self, slots: Ints) -> None:
        self.slots = slots
        first, size = int(slots[0]), len(slots)
        self.lowest, self.highest = (first, first) if size == 1 else (int(slots.min()), int(slots.max()))
        in_order = self.highest - first == size - 1 and (size == 1 or bool((slots[1:] - slots[:-1] == 1).all()))
        self.run = slice(first, first + size) if in_order and first >= 0 else None
        """The same as a slice, if they follow each other."""

    def within(self, size: int) -> Slots:
        """The same for a page that has rows only for so many positions."""
        return self if self.highest < size else Slots(np.where(self.slots < size, self.slots, -1))


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Columns of one page, for some rows of its cohort."""

    times_ms: Ints
    cells: Cells
    first: int
    """The first wanted column."""
    base: int
    """Where the page begins among the cells."""
    slots: Slots

    def fill(self, out: Floats) -> None:
        """Copy the wanted rows into ``out``, float64[rows, T]."""
        slots, run, end = self.slots.slots, self.slots.run, self.first + len(self.times_ms)
        if run is not None:
            self.cells.read(slice(self.base + run.start, self.base + run.stop), self.first, end, out)
        elif self.slots.lowest >= 0:
            self.cells.read(self.base + slots, self.first, end, out)
        else:
            there = np.flatnonzero(slots >= 0)
            part = np.empty((len(there), len(self.times_ms)))
            self.cells.read(self.base + slots[there], self.first, end, part)
            out[:] = ABSENT_NAN
            out[there] = part


def cohort_spans(state: CohortState, sids: Ints, start_ms: int, end_ms: int) -> list[PageSpan]:
    """The spans of one cohort between the times, in order of time; a series that it does not have is absent."""
    spans: list[PageSpan] = []
    row_map, slots = None, None
    for page in state.pages:
        if page.first_ms > end_ms or page.last_ms < start_ms:
            continue
        if slots is None or page.row_map is not row_map:
            row_map, slots = page.row_map, Slots(page.row_map.places(state.places_of(sids)))
        here = slots.within(page.size)
        times = page.times[: page.count]
        first = 0 if page.first_ms >= start_ms else int(times.searchsorted(start_ms, side="left"))
        end = page.count if page.last_ms <= end_ms else int(times.searchsorted(end_ms, side="right"))
        if first < end and here.highest >= 0:
            spans.append(PageSpan(times[first:end], page.slab.cells, first, page.base, here))
    return spans


def flattened(rows: Ints, times_ms: Ints, values: Floats) -> RaggedBlock:
    """The samples of a dense piece: ``rows[i]`` is the row of ``values[i]``; rows need not be in order."""
    if not np.isnan(values).any():
        times = times_ms if len(rows) == 1 else np.tile(times_ms, len(rows))
        return RaggedBlock(rows, np.arange(len(rows) + 1) * len(times_ms), times, values.reshape(-1))
    present = ~is_absent(values)
    counts = np.count_nonzero(present, axis=1)
    times = np.broadcast_to(times_ms, values.shape)[present]
    return without_empty(RaggedBlock(rows, np.r_[0, np.cumsum(counts)], times, values[present]))


@dataclass(frozen=True, slots=True)
class FlatPlan:
    """How to read some series sample by sample."""

    sids: Ints
    start_ms: int
    end_ms: int
    spans: list[tuple[Ints, PageSpan]]
    hits: list[SlabHits]
    runs: list[Run]

    def read(self) -> list[RaggedBlock]:
        """The samples, in parts that :func:`joined` joins. Needs no lock."""
        parts = [_read_span(rows, span) for rows, span in self.spans]
        if self.hits:
            parts.append(read_hits(self.hits))
        parts.extend(map(ragged, gather(self.runs, self.sids, self.start_ms, self.end_ms)))
        return parts


def flat_plan(head: Head, sids: Ints, start_ms: int, end_ms: int) -> FlatPlan:
    """Plan to read ``sids`` sample by sample."""
    homes = head.place(sids, start_ms, end_ms)
    mixed, at_home = np.flatnonzero(homes == MIXED), np.flatnonzero(homes >= 0)
    runs = head.loose_runs() if len(mixed) else []
    if len(mixed) + len(distinct(homes[at_home].astype(np.int64))) >= SCAN_COHORTS_MIN:
        return FlatPlan(sids, start_ms, end_ms, [], scanned(head, sids, start_ms, end_ms), runs)
    spans: list[tuple[Ints, PageSpan]] = []
    members: dict[int, list[int]] = {}
    for row, home in zip(at_home.tolist(), homes[at_home].tolist(), strict=True):
        members.setdefault(home, []).append(row)
    for row in mixed.tolist():
        for code in head.cohorts_of(int(sids[row])):
            members.setdefault(code, []).append(row)
    for code, rows in members.items():
        picked = np.array(rows, dtype=np.int64)
        found = cohort_spans(head.cohorts[code], sids[picked], start_ms, end_ms)
        spans.extend((picked, span) for span in found)
    return FlatPlan(sids, start_ms, end_ms, spans, [], runs)


def _read_span(rows: Ints, span: PageSpan) -> RaggedBlock:
    out = np.empty((len(rows), len(span.times_ms)))
    span.fill(out)
    return flattened(rows, span.times_ms, out)
