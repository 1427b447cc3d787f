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
from fenghuo.metrics.store.loose import Flat, Run, gather, merged
from fenghuo.metrics.store.pages import Slab
from fenghuo.model.sample import ABSENT_NAN, Floats, Ints, is_absent
from fenghuo.model.stretches import stretches

SCAN_COHORTS_MIN = 48
"""From this many cohorts on, going through the slabs beats going through the cohorts (measured at 14,000 series in
2,000 cohorts: a step for a cohort's page is 6 us, a slab 40 us)."""
SHAPES_MAX = 32
"""Pages of a slab that are wanted from and to the same columns are read together, unless there are more kinds."""


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


def flattened(rows: Ints, times_ms: Ints, values: Floats) -> Flat:
    """The samples of a dense piece: ``rows[i]`` is the row of ``values[i]``; rows need not be in order."""
    if not np.isnan(values).any():
        times = times_ms if len(rows) == 1 else np.tile(times_ms, len(rows))
        return Flat(np.repeat(rows, len(times_ms)), times, values.reshape(-1))
    present = ~is_absent(values)
    counts = np.count_nonzero(present, axis=1)
    times = np.broadcast_to(times_ms, values.shape)[present]
    return Flat(np.repeat(rows, counts), times, values[present])


@dataclass(frozen=True, slots=True)
class SlabHits:
    """Rows of a slab that belong to wanted series."""

    cells: Cells
    times_ms: Ints
    """int64[pages, columns]: of the pages that have them, the columns from ``first`` on."""
    first: int
    page_of: Ints
    """By hit: the row of its times."""
    bounds: Ints
    """int64[pages, 2]: the columns of ``times_ms`` that lie between the times of the query, end exclusive."""
    places: Ints
    """By hit: the row of the slab."""
    rows: Ints
    """By hit: the wanted row."""


@dataclass(frozen=True, slots=True)
class FlatPlan:
    """How to read some series sample by sample."""

    sids: Ints
    start_ms: int
    end_ms: int
    spans: list[tuple[Ints, PageSpan]]
    hits: list[SlabHits]
    runs: list[Run]

    def read(self) -> list[Flat]:
        """The samples, in parts that :func:`merged` joins. Needs no lock."""
        parts = [_read_span(rows, span) for rows, span in self.spans]
        if self.hits:
            parts.append(_read_hits(self.hits))
        parts.extend(gather(self.runs, self.sids, self.start_ms, self.end_ms))
        return parts


def flat_plan(head: Head, sids: Ints, start_ms: int, end_ms: int) -> FlatPlan:
    """Plan to read ``sids`` sample by sample."""
    places = head.place(sids, start_ms, end_ms)
    spans: list[tuple[Ints, PageSpan]] = []
    hits: list[SlabHits] = []
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero(places >= 0).tolist():
        members.setdefault(int(places[row]), []).append(row)
    for row in np.flatnonzero(places == MIXED).tolist():
        for code in head.cohorts_of(int(sids[row])):
            members.setdefault(code, []).append(row)
    if len(members) >= SCAN_COHORTS_MIN:
        hits = _scan(head, sids, start_ms, end_ms)
    else:
        for code, rows in members.items():
            picked = np.array(rows, dtype=np.int64)
            found = cohort_spans(head.cohorts[code], sids[picked], start_ms, end_ms)
            spans.extend((picked, span) for span in found)
    return FlatPlan(sids, start_ms, end_ms, spans, hits, head.loose_runs() if (places == MIXED).any() else [])


def _read_span(rows: Ints, span: PageSpan) -> Flat:
    out = np.empty((len(rows), len(span.times_ms)))
    span.fill(out)
    return flattened(rows, span.times_ms, out)


def _scan(head: Head, sids: Ints, start_ms: int, end_ms: int) -> list[SlabHits]:
    wanted = np.full(head.homes.size + 1, -1, dtype=np.int64)  # The last cell answers for unused rows, sid -1.
    wanted[sids] = np.arange(len(sids))
    found = []
    for slab in head.pool.slabs:
        rows = wanted[slab.sids[: slab.used]]
        places = np.flatnonzero(rows >= 0)
        pages = slab.page_of[places]
        inside = (slab.times[pages, 0] <= end_ms) & (slab.last_ms[pages] >= start_ms)
        if inside.any():
            places = places[inside]
            found.append(_hits(slab, places, rows[places], start_ms, end_ms))
    return found


def _hits(slab: Slab, places: Ints, rows: Ints, start_ms: int, end_ms: int) -> SlabHits:
    """The rows ``places`` of a slab, with the columns that some of their pages have between the times."""
    pages = distinct(slab.page_of[places].astype(np.int64))
    page_of = np.searchsorted(pages, slab.page_of[places])
    times = slab.times[pages]
    bounds = np.stack((_counts_until(times, start_ms - 1), _counts_until(times, end_ms)), axis=1)
    first, end = int(bounds[:, 0].min()), int(bounds[:, 1].max())
    return SlabHits(slab.cells, times[:, first:end], first, page_of, bounds - first, places, rows)


def _counts_until(times_ms: Ints, moment_ms: int) -> Ints:
    """int64[n]: how many of the times of each row, which ascend, are not later. A binary search of all rows at once."""
    low = np.zeros(len(times_ms), dtype=np.int64)
    high = np.full(len(times_ms), times_ms.shape[1], dtype=np.int64)
    every, last = np.arange(len(times_ms)), times_ms.shape[1] - 1
    for _ in range(times_ms.shape[1].bit_length()):
        middle = (low + high) >> 1
        before = (times_ms[every, np.minimum(middle, last)] <= moment_ms) & (middle < high)
        low, high = np.where(before, middle + 1, low), np.where(before, high, middle)
    return low


def _read_hits(hits: list[SlabHits]) -> Flat:
    rows = np.concatenate([hit.rows for hit in hits])
    bounds = np.concatenate([hit.bounds[hit.page_of] for hit in hits])
    edges = np.concatenate([_edges(hit) for hit in hits])
    order = np.lexsort((edges[:, 0], rows))
    counts = bounds[:, 1] - bounds[:, 0]
    starts = np.empty(len(order), dtype=np.int64)
    starts[order] = np.cumsum(counts[order]) - counts[order]
    times, values = np.empty(int(counts.sum()), dtype=np.int64), np.empty(int(counts.sum()))
    done = 0
    for hit in hits:
        _deal(hit, starts[done : done + len(hit.rows)], times, values)
        done += len(hit.rows)
    flat = Flat(np.repeat(rows[order], counts[order]), times, values)
    absent = is_absent(values)
    if absent.any():
        flat = Flat(flat.rows[~absent], times[~absent], values[~absent])
    ordered, edges = rows[order], edges[order]
    overlap = (ordered[1:] == ordered[:-1]) & (edges[1:, 0] <= edges[:-1, 1])
    return merged([flat]) if overlap.any() else flat


def _edges(hit: SlabHits) -> Ints:
    """int64[hits, 2]: the first and the last wanted time of each hit."""
    pages = np.arange(len(hit.bounds))
    return np.stack((hit.times_ms[pages, hit.bounds[:, 0]], hit.times_ms[pages, hit.bounds[:, 1] - 1]), axis=1)[
        hit.page_of
    ]


def _deal(hit: SlabHits, starts: Ints, times: Ints, values: Floats) -> None:
    """Put the samples of each hit where they begin in the flat arrays, those of pages of one shape together."""
    width = hit.times_ms.shape[1]
    part = np.empty((len(hit.rows), width))
    hit.cells.read(hit.places, hit.first, hit.first + width, part)
    shapes = hit.bounds[:, 0] * (width + 1) + hit.bounds[:, 1]
    found = distinct(shapes)
    if len(found) > SHAPES_MAX:
        columns, (first, end) = np.arange(width), hit.bounds[hit.page_of].T[:, :, None]
        inside = (columns >= first) & (columns < end)
        index = (starts[:, None] + columns - first)[inside]
        times[index], values[index] = hit.times_ms[hit.page_of][inside], part[inside]
        return
    for shape in found.tolist():
        first, end = divmod(shape, width + 1)
        if first == end:
            continue
        picked = np.flatnonzero(shapes[hit.page_of] == shape)
        # Where runs of so many cells may begin: assigning to them copies run by run.
        at, length = starts[picked], end - first
        stretches(times, length)[at] = hit.times_ms[hit.page_of[picked], first:end]
        stretches(values, length)[at] = part[picked, first:end]
