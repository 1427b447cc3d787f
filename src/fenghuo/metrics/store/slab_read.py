"""Reading the pages of many cohorts together, slab by slab: a few array operations for each slab, not for each cohort.

A plan is made under the store's lock, and carried out without it; see ``head_read.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.store.arrays import distinct
from fenghuo.metrics.store.cells import Cells
from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.loose import flat_of, merged, ragged, without_empty
from fenghuo.metrics.store.pages import Slab
from fenghuo.model.sample import Floats, Ints, is_absent
from fenghuo.model.selection import RaggedBlock
from fenghuo.model.stretches import stretches

SHAPES_MAX = 32
"""Pages of a slab that are wanted from and to the same columns are read together, unless there are more kinds."""


@dataclass(frozen=True, slots=True)
class SlabHits:
    """Rows of a slab that belong to wanted series, of pages with samples between the times of the query."""

    cells: Cells
    times_ms: Ints
    """int64[pages, columns]: of the pages that have them, the columns from ``first`` on."""
    first: int
    bounds: Ints
    """int64[pages, 2]: the columns of ``times_ms`` that lie between the times of the query, end exclusive."""
    page_of: Ints
    """By hit: the row of its times."""
    places: Ints
    """By hit: the row of the slab."""
    rows: Ints
    """By hit: the wanted row."""

    @property
    def counts(self) -> Ints:
        """int64[hits]: how many columns are wanted."""
        return (self.bounds[:, 1] - self.bounds[:, 0])[self.page_of]

    @property
    def edges(self) -> Ints:
        """int64[hits, 2]: the first and the last wanted time."""
        pages = np.arange(len(self.bounds))
        first, last = self.times_ms[pages, self.bounds[:, 0]], self.times_ms[pages, self.bounds[:, 1] - 1]
        return np.stack((first, last), axis=1)[self.page_of]


def scanned(head: Head, sids: Ints, start_ms: int, end_ms: int) -> list[SlabHits]:
    """All pages that have samples of ``sids``, found by going through the slabs."""
    wanted = np.full(head.homes.size + 1, -1, dtype=np.int32)  # The last cell answers for unused rows, sid -1.
    wanted[sids] = np.arange(len(sids), dtype=np.int32)
    found = []
    for slab in head.pool.slabs:
        live = (slab.times[: slab.pages, 0] <= end_ms) & (slab.last_ms[: slab.pages] >= start_ms)
        if not live.any():
            continue
        rows = wanted[slab.sids[: slab.used]]
        here = rows >= 0
        if not live.all():
            here &= live[slab.page_of[: slab.used]]
        places = np.flatnonzero(here)
        if len(places) and (hits := _hits(slab, places, rows[places].astype(np.int64), start_ms, end_ms)) is not None:
            found.append(hits)
    return found


def _hits(slab: Slab, places: Ints, rows: Ints, start_ms: int, end_ms: int) -> SlabHits | None:
    """The rows ``places`` of a slab, which ascend, with the columns that some of their pages have between the times."""
    numbers = slab.page_of[places]  # In the order of places, as the pages are.
    begins = np.r_[True, numbers[1:] != numbers[:-1]]
    pages, page_of = numbers[begins], np.cumsum(begins) - 1
    times = slab.times[pages]
    bounds = np.stack((_counts_until(times, start_ms - 1), _counts_until(times, end_ms)), axis=1)
    some = bounds[:, 0] < bounds[:, 1]
    if not some.all():
        if not some.any():
            return None
        kept = some[page_of]
        places, rows, page_of = places[kept], rows[kept], (np.cumsum(some) - 1)[page_of[kept]]
        times, bounds = times[some], bounds[some]
    first, end = int(bounds[:, 0].min()), int(bounds[:, 1].max())
    return SlabHits(slab.cells, times[:, first:end], first, bounds - first, page_of, places, rows)


def _counts_until(times_ms: Ints, moment_ms: int) -> Ints:
    """int64[n]: how many of the times of each row, which ascend, are not later."""
    counts: Ints = np.add.reduce(times_ms <= moment_ms, axis=1, dtype=np.int64)
    return counts


def read_hits(hits: list[SlabHits]) -> RaggedBlock:
    """The samples of all hits, at least one, ordered by row. Needs no lock."""
    alone = len(hits) == 1
    rows = hits[0].rows if alone else np.concatenate([hit.rows for hit in hits])
    counts = hits[0].counts if alone else np.concatenate([hit.counts for hit in hits])
    ends = np.cumsum(counts)
    if (rows[1:] > rows[:-1]).all():
        times, values = _dealt(hits, ends - counts, int(ends[-1]))
        return _present(RaggedBlock(rows, np.r_[0, ends], times, values))
    edges = hits[0].edges if alone else np.concatenate([hit.edges for hit in hits])
    order = np.lexsort((edges[:, 0], rows))
    ends = np.cumsum(counts[order])
    starts = np.empty(len(order), dtype=np.int64)
    starts[order] = ends - counts[order]
    times, values = _dealt(hits, starts, int(ends[-1]))
    ordered, edges = rows[order], edges[order]
    same = ordered[1:] == ordered[:-1]
    begins = np.flatnonzero(np.r_[True, ~same])
    block = _present(RaggedBlock(ordered[begins], np.r_[0, ends][np.r_[begins, len(order)]], times, values))
    if (same & (edges[1:, 0] <= edges[:-1, 1])).any():  # A series came through several cohorts at one time.
        return ragged(merged([flat_of(block)]))
    return block


def _present(block: RaggedBlock) -> RaggedBlock:
    """The same without absent samples."""
    if not np.isnan(block.values.min(initial=0.0)):  # Which is NaN if any value is.
        return block
    absent = is_absent(block.values)
    if not absent.any():
        return block
    before = np.r_[0, np.cumsum(~absent)]
    kept = RaggedBlock(block.series, before[block.offsets], block.times_ms[~absent], block.values[~absent])
    return without_empty(kept)


def _dealt(hits: list[SlabHits], starts: Ints, size: int) -> tuple[Ints, Floats]:
    """Times and values of so many samples; those of each hit begin at ``starts``."""
    times, values = np.empty(size, dtype=np.int64), np.empty(size)
    done = 0
    for hit in hits:
        _deal(hit, starts[done : done + len(hit.rows)], times, values)
        done += len(hit.rows)
    return times, values


def _deal(hit: SlabHits, starts: Ints, times: Ints, values: Floats) -> None:
    """Put the samples of each hit where they begin in the flat arrays, those of pages of one shape together."""
    count, width = len(hit.rows), hit.times_ms.shape[1]
    first, last = int(starts[0]), int(starts[-1])
    whole = bool((hit.bounds == (0, width)).all())
    if whole and last - first == (count - 1) * width and (starts[1:] > starts[:-1]).all():
        stop = last + width
        times[first:stop].reshape(count, width)[:] = hit.times_ms[hit.page_of]
        hit.cells.read(hit.places, hit.first, hit.first + width, values[first:stop].reshape(count, width))
        return
    part = np.empty((count, width))
    hit.cells.read(hit.places, hit.first, hit.first + width, part)
    if whole:
        stretches(times, width)[starts] = hit.times_ms[hit.page_of]
        stretches(values, width)[starts] = part
        return
    shapes = hit.bounds[:, 0] * (width + 1) + hit.bounds[:, 1]
    found = distinct(shapes)
    if len(found) > SHAPES_MAX:
        columns, (begin, end) = np.arange(width), hit.bounds[hit.page_of].T[:, :, None]
        inside = (columns >= begin) & (columns < end)
        index = (starts[:, None] + columns - begin)[inside]
        times[index], values[index] = hit.times_ms[hit.page_of][inside], part[inside]
        return
    own = shapes[hit.page_of]
    for shape in found.tolist():
        begin, end = divmod(shape, width + 1)
        picked = np.flatnonzero(own == shape)
        # Where runs of so many cells may begin: assigning to them copies run by run.
        at, length = starts[picked], end - begin
        stretches(times, length)[at] = hit.times_ms[hit.page_of[picked], begin:end]
        stretches(values, length)[at] = part[picked, begin:end]
