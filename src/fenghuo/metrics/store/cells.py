"""Cells: where a slab keeps the values of its pages. The newest columns are plain arrays, the older ones packed.

Plain columns come in strips, one contiguous array for each column, so that writing a scrape is one copy and memory is
taken as columns are written. When no page of the slab writes to a strip any more, it is packed together with all
before it. :class:`Cells` is a frozen view that readers keep: packing puts another in its place.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.store.packing import Packed, Places, pack
from fenghuo.model.sample import ABSENT_NAN, Floats, Ints

STRIP_COLUMNS = 32
"""Columns of a strip: eight minutes at 15 s. Fewer take less memory before they are packed (half a strip on
average, 0.13 KiB a series), and are packed again more often (each costs some 7 ns for every cell before it)."""
_ODD = 8
"""Columns stand a little off a power of two from each other, or they would share the same few lines of the cache."""


def new_strip(rows: int) -> Floats:
    """float64[STRIP_COLUMNS, rows or more]. The system gives its memory when it is written, and has it back at once."""
    stride = rows + _ODD
    memory = mmap.mmap(-1, STRIP_COLUMNS * stride * 8, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, dtype=np.float64).reshape(STRIP_COLUMNS, stride)


@dataclass(frozen=True, slots=True)
class Cells:
    """The columns that a slab has so far."""

    packed: Packed | None = None
    strips: tuple[Floats, ...] = ()
    """float64[STRIP_COLUMNS, rows] each, after the packed columns."""

    @property
    def packed_columns(self) -> int:
        return 0 if self.packed is None else self.packed.columns

    @property
    def columns(self) -> int:
        return self.packed_columns + STRIP_COLUMNS * len(self.strips)

    @property
    def size_bytes(self) -> int:
        """Memory in use, with all of the strips' though it may not be written yet."""
        return (0 if self.packed is None else self.packed.size_bytes) + sum(strip.nbytes for strip in self.strips)

    def widened(self, rows: int) -> Cells:
        """The same with one more strip."""
        return Cells(self.packed, (*self.strips, new_strip(rows)))

    def strip(self, column: int) -> Floats:
        """The strip that has a column which is not packed."""
        return self.strips[(column - self.packed_columns) // STRIP_COLUMNS]

    def read(self, places: Places, first: int, end: int, out: Floats) -> None:
        """Write the columns ``first`` to ``end`` of the rows ``places`` to ``out``, float64[places, end - first]."""
        done = first
        if self.packed is not None and first < self.packed.columns:
            done = min(end, self.packed.columns)
            self.packed.read(places, first, done, out if done == end else out[:, : done - first])
        start = self.packed_columns
        for strip in self.strips:
            if done >= end:
                return
            stop = start + STRIP_COLUMNS
            if done < stop:
                part = strip[done - start : min(end, stop) - start, places]
                out[:, done - first : done - first + len(part)] = part.T
                done += len(part)
            start = stop

    def unpacked(self, rows: int) -> Cells:
        """The same with every column on strips again, of so many rows."""
        if self.packed is None:
            return self
        strips = []
        for start in range(0, self.packed.columns, STRIP_COLUMNS):
            strip, end = new_strip(rows), min(start + STRIP_COLUMNS, self.packed.columns)
            values = np.empty((self.packed.rows, end - start))
            self.packed.read(slice(0, self.packed.rows), start, end, values)
            strip[: end - start, : self.packed.rows] = values.T
            strips.append(strip)
        return Cells(None, (*strips, *self.strips))

    def strips_within(self, written: int) -> int:
        """How many strips lie whole within the first ``written`` columns."""
        return min(max(0, written - self.packed_columns) // STRIP_COLUMNS, len(self.strips))

    def with_packed(self, strips: int, written: Ints) -> Cells:
        """The same with the first strips packed. Takes its time; needs no lock.

        ``written`` int64[rows] says how many columns of each row hold something; what lies behind is absent.
        """
        columns = min(self.packed_columns + strips * STRIP_COLUMNS, int(written.max()))

        def read(places: slice, out: Floats) -> None:
            self.read(places, 0, columns, out)
            if (written[places] < columns).any():
                out[np.arange(columns) >= written[places, None]] = ABSENT_NAN

        return Cells(pack(len(written), columns, read), self.strips[strips:])
