"""Pages: where the head keeps the samples of cohorts.

A page holds up to :data:`PAGE_COLUMNS` scrapes of one cohort: a row of times, then a row of values for each of its
series. Pages lie in slabs, large arrays shared by many pages, so that a query over thousands of small cohorts is a
few gathers for each slab instead of a step for each cohort. A cell is written once, value before time; readers copy
without a lock.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.arrays import Growing
from fenghuo.model.sample import ABSENT_NAN, Floats, Ints

PAGE_COLUMNS = 128
"""Scrapes on a page: half an hour at 15 s. Fewer cost queries a step for each page (one hour of 10,000 series in
100 targets: 5 ms with 64 or 128, 3 ms with 256), more cost memory on the page being filled (0.5 KiB a series)."""
SLAB_ROWS = 4096
"""Rows of a slab, 4 MiB. Larger pages get a slab of their own."""
UNWRITTEN_MS = np.iinfo(np.int64).max
"""The time in a column that is not written yet: later than any query."""


class Slab:
    """Rows of :data:`PAGE_COLUMNS` cells and, for each row, which series and which page it belongs to."""

    __slots__ = ("bases", "ints", "last_ms", "live_pages", "sids", "used", "values")

    def __init__(self, rows: int) -> None:
        self.values: Floats = np.empty((rows, PAGE_COLUMNS), dtype=np.float64)
        self.ints: Ints = self.values.view(np.int64)
        self.sids = np.full(rows, -1, dtype=np.int32)
        self.bases = np.zeros(rows, dtype=np.int32)
        """For each row of values, the row that holds its times."""
        self.last_ms = np.zeros(rows, dtype=np.int64)
        """At a page's base row: the last time on the page."""
        self.used = 0
        self.live_pages = 0


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


class Page:
    """Up to :data:`PAGE_COLUMNS` scrapes of one cohort within one time slice."""

    __slots__ = (
        "base",
        "capacity",
        "count",
        "first_ms",
        "last_ms",
        "row_map",
        "size",
        "slab",
        "slice",
        "times",
        "values",
    )

    def __init__(self, slab: Slab, base: int, capacity: int, row_map: RowMap, slice_number: int) -> None:
        self.slab = slab
        self.base = base
        self.capacity = capacity
        self.row_map = row_map
        self.slice = slice_number
        self.size = 0
        """Rows of values in use."""
        self.count = 0
        """Columns in use."""
        self.first_ms = UNWRITTEN_MS
        self.last_ms = -1 - UNWRITTEN_MS
        self.times: Ints = slab.ints[base]
        self.values: Floats = slab.values[base + 1 : base + 1 + capacity]

    @property
    def full(self) -> bool:
        return self.count == PAGE_COLUMNS

    def admit(self, sids: npt.NDArray[np.int32]) -> bool:
        """Bring the row map's new positions onto the page; ``sids`` are all series of the map by position.

        False when there is no room.
        """
        size = len(sids)
        if size > self.capacity:
            return False
        first = self.base + 1
        self.slab.sids[first + self.size : first + size] = sids[self.size :]
        self.size = size
        return True

    def column(self, time_ms: int) -> int:
        """The column for ``time_ms``, which is not before the page's last time."""
        return self.count - 1 if self.count and time_ms == self.last_ms else self.count

    def commit(self, column: int, time_ms: int) -> None:
        """Make the column visible after its values are written."""
        self.times[column] = time_ms
        self.last_ms = time_ms
        self.slab.last_ms[self.base] = time_ms
        if column == 0:
            self.first_ms = time_ms
        self.count = column + 1


class PagePool:
    """Hands out pages and takes them back. Memory returns to the system when a slab's last page is dropped."""

    def __init__(self) -> None:
        self.slabs: list[Slab] = []
        self.pages = 0

    @property
    def size_bytes(self) -> int:
        return sum(slab.values.nbytes for slab in self.slabs)

    def page(self, rows: int, row_map: RowMap, slice_number: int) -> Page:
        """A fresh page with place for ``rows`` series and some that may come."""
        capacity = rows + max(1, rows // 8)
        slab = self._slab_with(capacity + 1)
        base = slab.used
        slab.used += capacity + 1
        slab.live_pages += 1
        slab.ints[base] = UNWRITTEN_MS
        slab.values[base + 1 : slab.used] = ABSENT_NAN
        slab.bases[base : slab.used] = base
        self.pages += 1
        return Page(slab, base, capacity, row_map, slice_number)

    def _slab_with(self, rows: int) -> Slab:
        if rows > SLAB_ROWS // 4:
            slab = Slab(rows)
            self.slabs.insert(0, slab)
            return slab
        if not self.slabs or self.slabs[-1].used + rows > len(self.slabs[-1].sids):
            self.slabs.append(Slab(SLAB_ROWS))
        return self.slabs[-1]

    def drop(self, page: Page) -> None:
        """Take a page back. Who still reads it keeps its memory alive."""
        page.slab.sids[page.base : page.base + 1 + page.capacity] = -1
        page.slab.live_pages -= 1
        self.pages -= 1
        if page.slab.live_pages == 0:
            self.slabs.remove(page.slab)
