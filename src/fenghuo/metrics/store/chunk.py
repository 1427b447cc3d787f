"""Reading a block's file: chunks, and the spans over them that queries read.

What is found damaged costs the row or the chunk that it is in: its samples are left out, the place is noted on the
file, and the rest is read as ever.
"""

from __future__ import annotations

import contextlib
import logging
import os
import weakref
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fenghuo.base.limits import Policy, declare
from fenghuo.metrics.store.block_format import DamagedError
from fenghuo.metrics.store.codec import UnpackError, unpack_ints, unpack_rows
from fenghuo.model.sample import ABSENT_NAN, Floats, Ints

log = logging.getLogger(__name__)

GAP_BYTES = 16 << 10
"""Rows that lie closer to each other than this are read in one piece; a read costs as much as copying that."""
BATCH_CELLS = 1 << 17
"""Cells unpacked before they are copied out: 1 MiB, which stays in the processor's cache."""
FLAWS = declare(
    "store_block_flaws", 1000, Policy.REJECT, "Damaged places of one block that are remembered and counted each."
)
ANNOUNCED_SHARE = 4
"""Rows are fetched ahead when at least one in so many of those between them is wanted, too."""
_NO_TIMES: Ints = np.empty(0, dtype=np.int64)


class BlockFile:
    """The bytes of a block. Closed when nobody refers to it any more: a deleted block can be read to its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        self.size = os.fstat(self._descriptor).st_size
        self.flaws: dict[int, str] = {}
        """What was found damaged so far: by its place in the file, what it is."""
        self.refusals = 0
        """How often the system would not read a chunk."""
        self.on_flaw: Callable[[], object] = lambda: None
        """Called for every flaw that is new."""

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes. Raises DamagedError when they are not to be had."""
        try:
            data = os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise DamagedError(self.path, f"bytes {offset} to {offset + size}: {error.strerror}") from error
        if len(data) != size:
            raise DamagedError(self.path, f"ends at byte {offset + len(data)}, before {offset + size}")
        return data

    def announce(self, offset: int, size: int) -> None:
        """Say that these bytes will be read soon."""
        with contextlib.suppress(OSError):
            os.posix_fadvise(self._descriptor, offset, size, os.POSIX_FADV_WILLNEED)

    def try_read(self, offset: int, size: int) -> bytes | None:
        """The same; None when they are not to be had now, which is counted, and told the first time."""
        try:
            return self.read(offset, size)
        except DamagedError as error:
            self.refusals += 1
            if self.refusals == 1:
                self.on_flaw()
                log.error("block cannot be read, answers come without it: %s", error)
            return None

    def note(self, flaws: Mapping[int, str]) -> None:
        """Remember flaws, and tell of those that are new. From any thread."""
        fresh = {offset: what for offset, what in flaws.items() if offset not in self.flaws}
        if not fresh or len(self.flaws) >= FLAWS.default:
            FLAWS.hit(len(fresh))
            return
        self.flaws |= fresh
        for _ in fresh:
            self.on_flaw()
        offset, what = next(iter(fresh.items()))
        more = f" and {len(fresh) - 1} places more" if len(fresh) > 1 else ""
        log.error("block %s is damaged at byte %d: %s%s; answers come without it", self.path, offset, what, more)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a block, still packed."""

    file: BlockFile
    offset: int
    columns: int
    times_size: int
    times_crc: int
    row_offsets: Ints
    """int64[rows + 1]: where the packed rows begin, from ``offset``."""
    row_kinds: npt.NDArray[np.uint8]
    row_crcs: npt.NDArray[np.uint32]

    def announce(self, rows: Ints) -> None:
        """Have the system fetch these rows (-1: none) from the disk while other work is done, where they lie close."""
        first, end = int(rows.min()), int(rows.max()) + 1
        if first >= 0 and end - first <= ANNOUNCED_SHARE * len(rows):
            start = int(self.row_offsets[first])
            self.file.announce(self.offset + start, int(self.row_offsets[end]) - start)

    def times(self) -> Ints | None:
        """int64[columns]; None, and a note on the file, when they are damaged."""
        data = self.file.try_read(self.offset, self.times_size)
        if data is None:
            return None
        try:
            if zlib.crc32(data) != self.times_crc:
                raise UnpackError("they do not fit their checksum")
            return unpack_ints(data, self.columns)
        except UnpackError as error:
            self.file.note({self.offset: f"the times of {len(self.row_kinds)} series: {error}"})
            return None

    def fill(self, rows: Ints, first: int, end: int, out: Floats) -> None:
        """Unpack the columns ``first`` to ``end`` of ``rows`` (-1: a row without samples) into ``out``.

        A row that is damaged is without samples and noted on the file.
        """
        places = np.flatnonzero(rows >= 0)
        if len(places) < len(rows):
            out[rows < 0] = ABSENT_NAN
        step = max(1, BATCH_CELLS // self.columns)
        for start in range(0, len(places), step):
            picked = places[start : start + step]
            if picked[-1] - picked[0] + 1 == len(picked):
                self._unpack(rows[picked], first, end, out[picked[0] : picked[-1] + 1])
            else:
                part = np.empty((len(picked), end - first))
                self._unpack(rows[picked], first, end, part)
                out[picked] = part

    def _unpack(self, rows: Ints, first: int, end: int, out: Floats) -> None:
        """The same for rows that all exist."""
        kinds, good = self.row_kinds[rows].tolist(), []
        flaws: dict[int, str] = {}
        for place, (data, crc) in enumerate(zip(self._packed(rows), self.row_crcs[rows].tolist(), strict=True)):
            if data is None:
                out[place] = ABSENT_NAN
            elif zlib.crc32(data, kinds[place]) != crc:
                flaws[place] = "it does not fit its checksum"
            else:
                good.append((place, kinds[place], data))
        flaws |= unpack_rows(good, self.columns, first, end, out)
        if flaws:
            out[list(flaws)] = ABSENT_NAN
            offsets = (self.offset + self.row_offsets[rows]).tolist()
            self.file.note({offsets[place]: f"a row of {self.columns} times: {what}" for place, what in flaws.items()})

    def _packed(self, rows: Ints) -> list[bytes | None]:
        """The bytes of each row; None where they are not to be had."""
        begins, ends = self.row_offsets[rows], self.row_offsets[rows + 1]
        found: list[bytes | None] = [None] * len(rows)
        for run in _runs(begins, ends):
            start = int(begins[run[0]])
            data = self.file.try_read(self.offset + start, int(ends[run].max()) - start)
            if data is None:
                continue
            for place, begin, end in zip(run.tolist(), begins[run].tolist(), ends[run].tolist(), strict=True):
                found[place] = data[begin - start : end - start]
        return found


def chunk_at(file: BlockFile, arrays: Mapping[str, npt.NDArray[Any]], row_starts: Ints, number: int) -> Chunk:
    """A chunk of a block by its number; ``row_starts`` int64[chunks + 1] says which rows of all it has."""
    rows = slice(int(row_starts[number]), int(row_starts[number + 1]))
    times_size = int(arrays["chunk_times_size"][number])
    offsets = np.empty(rows.stop - rows.start + 1, dtype=np.int64)
    offsets[0] = 0
    np.cumsum(arrays["row_size"][rows], out=offsets[1:])
    offsets += times_size
    return Chunk(
        file,
        int(arrays["chunk_offset"][number]),
        int(arrays["chunk_columns"][number]),
        times_size,
        int(arrays["chunk_times_crc"][number]),
        offsets,
        arrays["row_kind"][rows],
        arrays["row_crc"][rows],
    )


def _runs(begins: Ints, ends: Ints) -> list[Ints]:
    """Which rows to read in one piece, in the order in which they lie."""
    if len(begins) == 1:
        return [np.zeros(1, dtype=np.int64)]
    order = np.argsort(begins, kind="stable")
    gaps = begins[order[1:]] - ends[order[:-1]] > GAP_BYTES
    return np.split(order, np.flatnonzero(gaps) + 1) if gaps.any() else [order]


@dataclass(frozen=True, slots=True)
class Erased:
    """Of some rows of a span, the samples between two times, both included, are deleted."""

    rows: Ints
    start_ms: int
    end_ms: int


class BlockSpan:
    """Some columns of a chunk for some of its rows; unpacked when it is read."""

    def __init__(self, chunk: Chunk, rows: Ints, start_ms: int, end_ms: int, erased: Sequence[Erased]) -> None:
        self._chunk = chunk
        self._rows = rows
        self._erased = erased
        self._bounds = (start_ms, end_ms)
        self._times: Ints | None = None
        self._first = 0

    @property
    def times_ms(self) -> Ints:
        """Empty when the chunk's times are damaged."""
        if self._times is None:
            self._chunk.announce(self._rows)
            times = self._chunk.times()
            if times is None:
                times = _NO_TIMES
            self._first = int(np.searchsorted(times, self._bounds[0], side="left"))
            self._times = times[self._first : int(np.searchsorted(times, self._bounds[1], side="right"))]
        return self._times

    def fill(self, out: Floats) -> None:
        columns = len(self.times_ms)
        self._chunk.fill(self._rows, self._first, self._first + columns, out)
        for each in self._erased:
            first = int(np.searchsorted(self.times_ms, each.start_ms, side="left"))
            end = int(np.searchsorted(self.times_ms, each.end_ms, side="right"))
            out[each.rows, first:end] = ABSENT_NAN
