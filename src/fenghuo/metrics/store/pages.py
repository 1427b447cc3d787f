"""Pages: where the head keeps the samples of cohorts.

A page holds up to :data:`PAGE_COLUMNS` scrapes of one cohort: a time for each and a row of values for each of its
series. Pages lie in slabs, which many small ones share, so that a query over thousands of small cohorts is a few
gathers for each slab instead of a step for each cohort. A cell is written once, value before time, and packed some
time later (``cells.py``); readers copy without a lock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.arrays import Growing
from fenghuo.metrics.store.cells import STRIP_COLUMNS, Cells
from fenghuo.model.sample import ABSENT_NAN, Floats, Ints

PAGE_COLUMNS = 256
"""Scrapes on a page: an hour at 15 s. Fewer cost queries a step for each page (one hour of 10,000 series in 100
targets: 5 ms with 64 or 128, 3 ms with 256)."""
SLAB_ROWS = 4096
"""Rows of a slab. Pages of more than a quarter of it get a slab of their own."""
UNWRITTEN_MS = np.iinfo(np.int64).max
"""The time in a column that is not written yet: later than any query."""


class Slab:
    """Rows of cells and, for each row, which series and which page it belongs to."""

    __slots__ = ("cells", "closed", "last_ms", "live_pages", "page_of", "pages", "settled", "sids", "times", "used")

    def __init__(self, rows: int, pages_max: int) -> None:
        self.cells = Cells()
        """Replaced, never changed, but for cells that are written."""
        self.sids = np.full(rows, -1, dtype=np.int32)
        self.page_of = np.zeros(rows, dtype=np.int32)
        """For each row, the number of its page."""
        self.times: Ints = np.empty((pages_max, PAGE_COLUMNS), dtype=np.int64)
        """By page."""
        self.last_ms = np.zeros(pages_max, dtype=np.int64)
        """By page: its last time."""
        self.closed = np.zeros(pages_max, dtype=np.bool_)
        """By page: whether nothing more will be written to it."""
        self.settled = False
        """Whether no page may begin here any more, for its first columns are packed or soon will be."""
        self.pages = 0
        self.used = 0
        self.live_pages = 0

    @property
    def size_bytes(self) -> int:
        return self.cells.size_bytes + self.times[: self.pages].nbytes

    def fits(self, rows: int) -> bool:
        """Whether a page of so many rows may begin here."""
        return not self.settled and self.pages < len(self.times) and self.used + rows <= len(self.sids)

    def packing(self) -> Packing | None:
        """What can be packed now: strips that no page writes to any more."""
        strips = len(self.cells.strips)
        open_ = ~self.closed[: self.pages]
        if not strips or (strips == 1 and open_.any()):
            return None
        written = np.count_nonzero(self.times[: self.pages] != UNWRITTEN_MS, axis=1)
        if open_.any():  # The last column of an open page may still be completed.
            strips = self.cells.strips_within(int(written[open_].min()) - 1)
        if not strips:
            return None
        self.settled = True
        return Packing(self, self.cells, strips, written[self.page_of[: self.used]])


@dataclass(frozen=True, slots=True)
class Packing:
    """Strips of a slab that wait to be packed. Made and adopted under the store's lock, carried out without it."""

    slab: Slab
    cells: Cells
    strips: int
    written: Ints
    """int64[rows]: how many columns each row has."""

    def packed(self) -> Cells:
        """The slab's cells with the strips packed."""
        return self.cells.with_packed(self.strips, self.written)

    def adopt(self, packed: Cells) -> None:
        """Put them in the place of the strips. Strips that were begun in the meantime stay."""
        self.slab.cells = Cells(packed.packed, self.slab.cells.strips[self.strips :])


class RowMap:
    """Which position on the page each row of a cohort has; shared by pages until dead rows are left out."""

    __slots__ = ("positions", "rows")

    def __init__(self) -> None:
        self.positions: Growing[np.int32] = Growing(np.int32, -1)
        """By cohort row; -1 where the row has no place."""
        self.rows: Growing[np.int32] = Growing(np.int32, -1)
        """By position: the cohort row."""

    def place(self, rows: Ints) -> None:
        """Give each of ``rows`` that has none a position, in the order given."""
        if not len(rows):
            return
        self.positions.grow(int(rows.max()) + 1)
        fresh = rows[self.positions.all[rows] < 0]
        start = self.rows.size
        self.rows.append(fresh)
        self.positions.all[fresh] = np.arange(start, self.rows.size)

    def places(self, rows: Ints) -> Ints:
        """int64[n]: the positions of ``rows``, -1 for those that have none, or are -1 themselves."""
        positions = self.positions.all
        if len(rows) == 1:
            fits = 0 <= (row := int(rows[0])) < len(positions)
            return np.array([positions[row] if fits else -1], dtype=np.int64)
        if not len(rows) or (int(rows.max()) < len(positions) and int(rows.min()) >= 0):
            return positions[rows].astype(np.int64)
        placed = (rows >= 0) & (rows < len(positions))
        return np.where(placed, positions[np.where(placed, rows, 0)], -1).astype(np.int64)


class Page:
    """Up to :data:`PAGE_COLUMNS` scrapes of one cohort within one time slice."""

    __slots__ = (
        "_strip",
        "base",
        "capacity",
        "count",
        "first_ms",
        "last_ms",
        "number",
        "row_map",
        "size",
        "slab",
        "slice",
        "times",
    )

    def __init__(self, slab: Slab, base: int, capacity: int, row_map: RowMap, slice_number: int) -> None:
        self.slab = slab
        self.base = base
        self.capacity = capacity
        self.row_map = row_map
        self.slice = slice_number
        self.number = slab.pages
        self.size = 0
        """Rows of values in use."""
        self.count = 0
        """Columns in use."""
        self.first_ms = UNWRITTEN_MS
        self.last_ms = -1 - UNWRITTEN_MS
        self.times: Ints = slab.times[self.number]
        self._strip: Floats | None = None
        """The rows of this page on the strip of the last column."""

    @property
    def full(self) -> bool:
        return self.count == PAGE_COLUMNS

    @property
    def sids(self) -> npt.NDArray[np.int32]:
        """By position, the series; -1 where one was released."""
        return self.slab.sids[self.base : self.base + self.size]

    def admit(self, sids: npt.NDArray[np.int32]) -> bool:
        """Bring the row map's new positions onto the page; ``sids`` are all series of the map by position.

        False when there is no room.
        """
        size = len(sids)
        if size > self.capacity:
            return False
        self.slab.sids[self.base + self.size : self.base + size] = sids[self.size :]
        self.size = size
        return True

    def write(self, time_ms: int, slots: Ints | slice, values: Floats) -> None:
        """Store a scrape, or more of the last one; ``time_ms`` is not before the page's last time."""
        column = self.count - 1 if self.count and time_ms == self.last_ms else self.count
        if column == self.count:
            self._begin(column, slots)
        assert self._strip is not None
        self._strip[column % STRIP_COLUMNS][slots] = values
        self.times[column] = time_ms
        self.last_ms = time_ms
        self.slab.last_ms[self.number] = time_ms
        if column == 0:
            self.first_ms = time_ms
        self.count = column + 1

    def _begin(self, column: int, slots: Ints | slice) -> None:
        """Bring a column into use, in which all but the positions that are about to be written is absent."""
        slab = self.slab
        if self._strip is None or column % STRIP_COLUMNS == 0:
            if column >= slab.cells.columns:
                slab.cells = slab.cells.widened(len(slab.sids))
            self._strip = slab.cells.strip(column)[:, self.base : self.base + self.capacity]
        rest = slice(slots.stop, None) if isinstance(slots, slice) and slots.start == 0 else slice(None)
        self._strip[column % STRIP_COLUMNS][rest] = ABSENT_NAN

    def forget(self, rows: Ints) -> None:
        """Belong to none of these rows of the cohort any more; they have no sample here."""
        positions = self.row_map.places(rows)
        self.sids[positions[(positions >= 0) & (positions < self.size)]] = -1

    def erase(self, slots: Ints, first: int, end: int) -> None:
        """Leave nothing at these positions in the columns ``first`` to ``end``."""
        cells = self.slab.cells = self.slab.cells.unpacked(len(self.slab.sids))
        for column in range(first, end):
            cells.strip(column)[column % STRIP_COLUMNS, self.base + slots] = ABSENT_NAN

    def close(self) -> None:
        """Nothing more is going to be written here."""
        self.slab.closed[self.number] = True
        self._strip = None


class PagePool:
    """Hands out pages and takes them back. Memory returns to the system when a slab's last page is dropped."""

    def __init__(self) -> None:
        self.slabs: list[Slab] = []
        self.pages = 0

    @property
    def size_bytes(self) -> int:
        return sum(slab.size_bytes for slab in self.slabs)

    def page(self, rows: int, row_map: RowMap, slice_number: int) -> Page:
        """A fresh page with place for ``rows`` series and some that may come."""
        capacity = rows + max(1, rows // 8)
        slab = self._slab_with(capacity)
        base = slab.used
        page = Page(slab, base, capacity, row_map, slice_number)
        slab.times[page.number] = UNWRITTEN_MS
        slab.page_of[base : base + capacity] = page.number
        slab.used += capacity
        slab.pages += 1
        slab.live_pages += 1
        self.pages += 1
        return page

    def _slab_with(self, rows: int) -> Slab:
        if rows > SLAB_ROWS // 4:
            slab = Slab(rows, 1)
            self.slabs.insert(0, slab)
            return slab
        if not self.slabs or not self.slabs[-1].fits(rows):
            self.slabs.append(Slab(SLAB_ROWS, SLAB_ROWS // 2))
        return self.slabs[-1]

    def packings(self) -> list[Packing]:
        """Everything that can be packed now."""
        return [found for slab in self.slabs if (found := slab.packing()) is not None]

    def drop(self, page: Page) -> None:
        """Take a page back. Who still reads it keeps its memory alive."""
        slab = page.slab
        slab.sids[page.base : page.base + page.capacity] = -1
        page.close()
        slab.live_pages -= 1
        self.pages -= 1
        if slab.live_pages == 0:
            self.slabs.remove(slab)
