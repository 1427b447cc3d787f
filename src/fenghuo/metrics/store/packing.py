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
_MARKS = 2
"""The largest distances of each width say that a cell has no sample (the largest) or the staleness marker."""
_POWERS = 10.0 ** np.arange(DIGITS_MAX + 1)


class Packed:
    """Immutable cells float64[rows, columns]."""

    __slots__ = ("_bases", "_digits", "_index", "_kinds", "_marked", "_matrices", "columns", "rows")

    def __init__(self, parts: Sequence[_Batch], columns: int) -> None:
        self.columns = columns
        self._kinds = np.concatenate([part.kinds for part in parts])
        self._bases = np.concatenate([part.bases for part in parts])
        """By row: the constant, or the integer from which distances are counted."""
        self._digits = np.concatenate([part.digits for part in parts])
        """By row: the digits behind the point."""
        self._marked = np.concatenate([part.marked for part in parts])
        """By row: whether any of its distances is a mark."""
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
        own = (self._kinds, self._bases, self._digits, self._marked, self._index)
        return sum(each.nbytes for each in (*own, *self._matrices))

    def read(self, places: Places, first: int, end: int, out: Floats) -> None:
        """Write the columns ``first`` to ``end`` of the rows ``places`` to ``out``, float64[places, end - first]."""
        kinds = self._kinds[places]
        lowest, highest = int(kinds.min()), int(kinds.max())
        if lowest == highest:
            self._read_kind(lowest, places, first, end, out)
            return
        rows = np.arange(places.start, places.stop) if isinstance(places, slice) else places
        for kind in range(lowest, highest + 1):
            picked = np.flatnonzero(kinds == kind)
            if not len(picked):
                continue
            if kind == _CONSTANT:
                out[picked] = self._bases[rows[picked], None]
                continue
            part = np.empty((len(picked), end - first))
            self._read_kind(kind, rows[picked], first, end, part)
            out[picked] = part

    def _read_kind(self, kind: int, places: Places, first: int, end: int, out: Floats) -> None:
        if kind == _CONSTANT:
            out[:] = self._bases[places, None]
            return
        index = self._index[places]
        matrix = self._matrices[kind - 1]
        if index[-1] - index[0] + 1 == len(index) and (index[1:] > index[:-1]).all():
            cells = matrix[index[0] : index[-1] + 1, first:end]
        else:
            cells = matrix[index, first:end]
        if kind == _FLOATS:
            out[:] = cells
            return
        np.add(cells, self._bases[places, None], out=out)
        digits = self._digits[places]
        if digits.any():
            out /= _POWERS[digits][:, None]
        if self._marked[places].any():
            top = np.iinfo(matrix.dtype).max
            marked = self._marked[places, None]
            out[marked & (cells == top)] = ABSENT_NAN
            out[marked & (cells == top - 1)] = STALE_NAN


class _Batch:
    """Some rows on their way into a :class:`Packed`."""

    def __init__(self, values: Floats) -> None:
        bits = values.view(np.int64)
        self._values = values
        rows = len(values)
        self.kinds = np.full(rows, _FLOATS, dtype=np.uint8)
        self.bases = values[:, 0].copy()
        self.digits = np.zeros(rows, dtype=np.uint8)
        self.marked = np.zeros(rows, dtype=np.bool_)
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
            self.marked[moving[marked]] = True
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
            self.digits[moving[good]] = digits
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
        if self.marked[rows].any():
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
