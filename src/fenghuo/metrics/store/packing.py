"""Packed cells: how the head keeps values that are not written any more, bit for bit, in a fraction of float64.

Most series stand still or count, so most rows of a stretch of scrapes are one value, or decimals of few digits whose
distances from their smallest fit one or two bytes. Rows are sorted into kinds by that, whole matrices at a time, and
reading is one expression for each kind. What fits nowhere stays float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from fenghuo.model.sample import ABSENT_NAN, ABSENT_NAN_BITS, STALE_NAN, STALE_NAN_BITS, Bools, Floats, Ints

Places = Ints | slice
Unsigned = npt.NDArray[np.unsignedinteger]

DIGITS_MAX = 3
"""Digits behind the point that are looked for. Each costs packing some 5 ns a cell of the rows that are still open."""
_WIDTHS: tuple[type[np.unsignedinteger], ...] = (np.uint8, np.uint16, np.uint32)
_CONSTANT, _FLOATS = 0, len(_WIDTHS) + 1
"""The kinds of a row: one value; distances of one, two, four bytes; float64."""
_EXACT_MAX = float(1 << 52)
_BATCH_ROWS = 512
"""Rows packed at once: matrices of 1 MiB, which stay in the processor's cache."""
_MARKED, _DIGITS = 0x80, 0x7F
"""In a row's byte of what is out of the ordinary: it has marks; its digits behind the point."""
_MARKS = 2
"""The largest distances of each width say that a cell has no sample (the largest) or the staleness marker."""
_POWERS = 10.0 ** np.arange(DIGITS_MAX + 1)


class Packed:
    """Immutable cells float64[rows, columns]."""

    __slots__ = ("_bases", "_extra", "_has_extra", "_index", "_kinds", "_matrices", "columns", "rows")

    def __init__(self, parts: Sequence[_Batch], columns: int) -> None:
        self.columns = columns
        self._kinds = np.concatenate([part.kinds for part in parts])
        self._bases = np.concatenate([part.bases for part in parts])
        """By row: the constant, or the integer from which distances are counted."""
        self._extra = np.concatenate([part.extra for part in parts])
        """By row: how many digits it has behind the point, and whether any of its distances is a mark."""
        self._has_extra = bool(self._extra.any())
        self._matrices = [np.concatenate([part.matrices[kind - 1] for part in parts]) for kind in range(1, _FLOATS + 1)]
        """By kind but the constant: its rows, one after another."""
        self._index = np.zeros(len(self._kinds), dtype=np.int32)
        """By row: its place in the matrix of its kind."""
        for kind in range(1, _FLOATS + 1):
            rows = np.flatnonzero(self._kinds == kind)
            self._index[rows] = np.arange(len(rows))
        self.rows = len(self._kinds)

    @property
    def size_bytes(self) -> int:
        own = (self._kinds, self._bases, self._extra, self._index)
        return sum(each.nbytes for each in (*own, *self._matrices))

    def read(self, places: Places, first: int, end: int, out: Floats) -> None:
        """Write the columns ``first`` to ``end`` of the rows ``places`` to ``out``, float64[places, end - first]."""
        if isinstance(places, slice) and places.stop - places.start == 1:
            self._read_row(places.start, first, end, out[0])
            return
        kinds, bases = self._kinds[places], self._bases[places]
        lowest, highest = int(kinds.min()), int(kinds.max())
        if lowest != highest or lowest == _CONSTANT:
            out[:] = bases[:, None]  # Right for the constants.
        index, extra = self._index[places], self._extra[places] if self._has_extra else None
        for kind in range(max(lowest, _CONSTANT + 1), highest + 1):
            if lowest == highest:
                self._unpack(kind, _span(index), slice(first, end), bases, extra, out)
                return
            picked = (kinds == kind).nonzero()[0]
            if len(picked):
                part = np.empty((len(picked), end - first))
                own = None if extra is None else extra[picked]
                self._unpack(kind, _span(index[picked]), slice(first, end), bases[picked], own, part)
                out[picked] = part

    def _read_row(self, row: int, first: int, end: int, out: Floats) -> None:
        """The same for one row: what rules read is mostly that, and numbers cost less than arrays of one."""
        kind, base = self._kinds.item(row), self._bases.item(row)
        if kind == _CONSTANT:
            out.fill(base)
            return
        matrix = self._matrices[kind - 1]
        cells = matrix[self._index.item(row), first:end]
        if kind == _FLOATS:
            out[:] = cells
            return
        np.add(cells, base, out=out, dtype=np.float64)
        extra = self._extra.item(row)
        if extra & _DIGITS:
            out /= _POWERS[extra & _DIGITS]
        if extra & _MARKED:
            top = np.iinfo(matrix.dtype).max
            out[cells == top] = ABSENT_NAN
            out[cells == top - 1] = STALE_NAN

    def _unpack(
        self, kind: int, index: Places, columns: slice, bases: Floats, extra: npt.NDArray[np.uint8] | None, out: Floats
    ) -> None:
        """Rows of one kind; ``index`` are their places in its matrix."""
        matrix = self._matrices[kind - 1]
        cells = matrix[index, columns]
        if kind == _FLOATS:
            out[:] = cells
            return
        np.add(cells, bases[:, None], out=out)
        if extra is None or not extra.any():
            return
        digits = extra & _DIGITS
        if digits.any():
            out /= _POWERS[digits][:, None]
        marked = (extra & _MARKED)[:, None] != 0
        if marked.any():
            top = np.iinfo(matrix.dtype).max
            out[marked & (cells == top)] = ABSENT_NAN
            out[marked & (cells == top - 1)] = STALE_NAN


def _span(index: npt.NDArray[np.int32]) -> Places:
    """The same places as a slice where they follow each other."""
    first, last = int(index[0]), int(index[-1])
    if last - first + 1 == len(index) and (first == last or (index[1:] > index[:-1]).all()):
        return slice(first, last + 1)
    return index.astype(np.int64)


class _Batch:
    """Some rows on their way into a :class:`Packed`."""

    def __init__(self, values: Floats) -> None:
        bits = values.view(np.int64)
        self._values = values
        rows = len(values)
        self.kinds = np.full(rows, _FLOATS, dtype=np.uint8)
        self.bases = values[:, 0].copy()
        self.extra = np.zeros(rows, dtype=np.uint8)
        self.matrices: list[npt.NDArray[np.generic]] = []
        still = (bits == bits[:, :1]).all(axis=1)
        self.kinds[still] = _CONSTANT
        moving = np.flatnonzero(~still)
        integers, marks, where = self._integers(moving)
        highest = integers.max(axis=1, initial=0.0)
        for kind, width in enumerate(_WIDTHS, start=1):
            fits = (self.kinds[where] == _FLOATS) & (highest <= np.iinfo(width).max - _MARKS)
            self._take(kind, width, where[fits], integers[fits], marks[fits])
        self.matrices.append(values[self.kinds == _FLOATS])

    def _integers(self, moving: Ints) -> tuple[Floats, Bools, Ints]:
        """For the rows of ``moving`` that are decimals: distances, where they are marks, and which rows these are."""
        values = self._values[moving]
        bits = values.view(np.int64)
        marks = (bits == ABSENT_NAN_BITS) | (bits == STALE_NAN_BITS)
        marked = np.flatnonzero(marks.any(axis=1))
        if len(marked):
            self.extra[moving[marked]] = _MARKED
            sample = (~marks[marked]).argmax(axis=1)
            fill = np.broadcast_to(values[marked, sample][:, None], (len(marked), values.shape[1]))
            values[marked] = np.where(marks[marked], fill, values[marked])
        integers = np.empty_like(values)
        found = np.zeros(len(moving), dtype=np.bool_)
        open_ = np.flatnonzero(np.abs(values).max(axis=1, initial=0.0) < _EXACT_MAX)  # Not so for what is not finite.
        for digits in range(DIGITS_MAX + 1):
            if not len(open_):
                break
            wanted = values if len(open_) == len(values) else values[open_]
            whole = np.rint(wanted * _POWERS[digits])
            whole += 0.0  # An integer has no negative zero.
            exact = ((whole / _POWERS[digits]).view(np.int64) == wanted.view(np.int64)).all(axis=1)
            exact &= np.abs(whole).max(axis=1) < _EXACT_MAX
            good = open_[exact]
            integers[good] = whole[exact]
            self.extra[moving[good]] |= digits
            found[good] = True
            open_ = open_[~exact]
        where = np.flatnonzero(found)
        integers = integers[where]
        lowest = integers.min(axis=1, initial=np.inf)
        integers -= lowest[:, None]
        self.bases[moving[where]] = lowest
        return integers, marks[where], moving[where]

    def _take(self, kind: int, width: type[np.unsignedinteger], rows: Ints, integers: Floats, marks: Bools) -> None:
        """Enter rows whose distances fit the width."""
        cells: Unsigned = integers.astype(width)
        if marks.any():
            absent = self._values[rows].view(np.int64) == ABSENT_NAN_BITS
            cells[marks] = np.iinfo(width).max - 1
            cells[absent] = np.iinfo(width).max
        self.kinds[rows] = kind
        self.matrices.append(cells)


def pack(rows: int, columns: int, read: Callable[[slice, Floats], None]) -> Packed:
    """Pack float64[rows, columns], both at least one; ``read`` writes some rows of it into a matrix."""
    parts = []
    for start in range(0, rows, _BATCH_ROWS):
        places = slice(start, min(start + _BATCH_ROWS, rows))
        values = np.empty((places.stop - start, columns))
        read(places, values)
        parts.append(_Batch(values))
    return Packed(parts, columns)
