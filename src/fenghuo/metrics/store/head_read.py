"""Reading the head: a plan is made under the store's lock, and carried out without it.

That is safe because cells of a page are written once and runs of loose samples never change; a plan notes how far
each page was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.store.cohort_state import CohortState
from fenghuo.metrics.store.head import MIXED, Head
from fenghuo.metrics.store.loose import Flat, Run, gather, merged
from fenghuo.metrics.store.pages import PAGE_COLUMNS, Page, Slab
from fenghuo.model.sample import ABSENT_NAN, Floats, Ints, is_absent

SCAN_COHORTS_MIN = 48
"""From this many cohorts on, going through the slabs beats going through the cohorts (measured at 14,000 series in
2,000 cohorts: a step for a cohort's page is 6 us, a slab 40 us)."""


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Columns of one page, for some rows of its cohort."""

    times_ms: Ints
    values: Floats
    """float64[capacity, T]: a view of the page."""
    slots: Ints
    """By wanted row: its position on the page, or -1."""

    def fill(self, out: Floats) -> None:
        """Copy the wanted rows into ``out``, float64[rows, T]."""
        slots = self.slots
        first = int(slots[0])
        if first >= 0 and (len(slots) == 1 or np.array_equal(slots, np.arange(first, first + len(slots)))):
            out[:] = self.values[first : first + len(slots)]
            return
        out[:] = self.values[slots]
        out[slots < 0] = ABSENT_NAN


def cohort_spans(state: CohortState, sids: Iterable[int], start_ms: int, end_ms: int) -> list[PageSpan]:
    """The spans of one cohort between the times, in order of time; a series that it does not have is absent."""
    pages = [page for page in state.pages if page.first_ms <= end_ms and page.last_ms >= start_ms]
    if not pages:
        return []
    rows = np.fromiter((state.row_of.get(sid, -1) for sid in sids), dtype=np.int64)
    spans = (_page_span(page, rows, start_ms, end_ms) for page in pages)
    return [span for span in spans if span is not None]


def _page_span(page: Page, rows: Ints, start_ms: int, end_ms: int) -> PageSpan | None:
    times = page.times[: page.count]
    first = 0 if page.first_ms >= start_ms else int(times.searchsorted(start_ms, side="left"))
    end = page.count if page.last_ms <= end_ms else int(times.searchsorted(end_ms, side="right"))
    positions = page.row_map.positions.all
    if int(rows.max()) < len(positions) and int(rows.min()) >= 0:
        slots = positions[rows].astype(np.int64)
    else:
        placed = (rows >= 0) & (rows < len(positions))
        slots = np.where(placed, positions[np.where(placed, rows, 0)], -1).astype(np.int64)
    slots[slots >= page.size] = -1
    if first >= end or (slots < 0).all():
        return None
    return PageSpan(times[first:end], page.values[:, first:end], slots)


def flattened(rows: Ints, times_ms: Ints, values: Floats) -> Flat:
    """The samples of a dense piece: ``rows[i]`` is the row of ``values[i]``; rows need not be in order."""
    present = ~is_absent(values)
    counts = np.count_nonzero(present, axis=1)
    times = np.broadcast_to(times_ms, values.shape)[present]
    return Flat(np.repeat(rows, counts), times, values[present])


@dataclass(frozen=True, slots=True)
class SlabHits:
    """Rows of a slab that belong to wanted series."""

    slab: Slab
    places: Ints
    """Rows of the slab."""
    rows: Ints
    """The wanted row of each."""


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
            parts.append(_read_hits(self.hits, self.start_ms, self.end_ms))
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
            found = cohort_spans(head.cohorts[code], sids[picked].tolist(), start_ms, end_ms)
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
        bases = slab.bases[places]
        inside = (slab.ints[bases, 0] <= end_ms) & (slab.last_ms[bases] >= start_ms)
        places = places[inside]
        if len(places):
            found.append(SlabHits(slab, places, rows[places]))
    return found


def _read_hits(hits: list[SlabHits], start_ms: int, end_ms: int) -> Flat:
    rows = np.concatenate([hit.rows for hit in hits])
    begins = np.concatenate([hit.slab.ints[hit.slab.bases[hit.places], 0] for hit in hits])
    order = np.lexsort((begins, rows))
    target = np.empty(len(order), dtype=np.int64)
    target[order] = np.arange(len(order))
    times = np.empty((len(order), PAGE_COLUMNS), dtype=np.int64)
    values = np.empty((len(order), PAGE_COLUMNS), dtype=np.float64)
    done = 0
    for hit in hits:
        into = target[done : done + len(hit.places)]
        times[into] = hit.slab.ints[hit.slab.bases[hit.places]]
        values[into] = hit.slab.values[hit.places]
        done += len(hit.places)
    present = (times >= start_ms) & (times <= end_ms) & ~is_absent(values)
    counts = np.count_nonzero(present, axis=1)
    return merged([Flat(np.repeat(rows[order], counts), times[present], values[present])])
