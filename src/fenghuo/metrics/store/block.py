"""Reading a block."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.block_format import (
    FOOTER_SIZE,
    HEADER,
    MAGIC,
    VERSION,
    BlockIndex,
    BlockMeta,
    DamagedError,
    decode_index,
    parse_footer,
)
from fenghuo.metrics.store.chunk import BlockFile, BlockSpan, Erased, chunk_at
from fenghuo.metrics.store.head import MIXED, NOWHERE
from fenghuo.metrics.store.head_read import flattened
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.tombstones import Tombstones, read_tombstones
from fenghuo.model.label_table import Dictionary
from fenghuo.model.sample import Bools, Floats, Ints
from fenghuo.model.selection import RaggedBlock

ENTERED_AT_ONCE = 5000
"""Series, or label values, that are entered into the index before others get the store's lock: some 5 ms."""


class NewerFormatError(Exception):
    """The block was written by a newer version; it is whole, and not ours to move."""


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """Spans to read sample by sample, each with the rows of its series."""

    spans: list[tuple[Ints, BlockSpan]]

    def read(self) -> list[RaggedBlock]:
        parts = []
        for rows, span in self.spans:
            out = np.empty((len(rows), len(span.times_ms)), dtype=np.float64)
            span.fill(out)
            parts.append(flattened(rows, span.times_ms, out))
        return parts


class Block:
    """A block whose series have their numbers in the store's index."""

    def __init__(
        self, file: BlockFile, index: BlockIndex, sids: Ints, cohort_codes: Dictionary, tombstones: Tombstones
    ) -> None:
        # The labels are in the store's index by now. Copies, for what was read is one piece.
        arrays = {name: array.copy() for name, array in index.arrays.items() if not name.startswith("pair_")}
        self.file = file
        """Knows what of it was found damaged."""
        self.meta: BlockMeta = index.meta
        self.size_bytes = file.size
        self.sids = sids
        """int64[series]: the store's numbers of the block's series."""
        self._order = np.argsort(sids)
        self._sorted = sids[self._order]
        self._cohort_starts: Ints = arrays["cohort_starts"]
        codes = np.array([cohort_codes.intern(key) if key else MIXED for key in index.cohorts], dtype=np.int32)
        self._cohort_of = np.repeat(np.arange(len(codes)), np.diff(self._cohort_starts))
        self._homes = codes[self._cohort_of]
        self._number_of = {code: number for number, code in enumerate(codes.tolist()) if code >= 0}
        self._chunks = arrays
        self._chunk_starts = np.searchsorted(arrays["chunk_cohort"], np.arange(len(codes) + 1))
        rows = np.diff(self._cohort_starts)[arrays["chunk_cohort"]]
        self._row_starts = np.r_[0, np.cumsum(rows)]
        self.bury(tombstones)

    def bury(self, tombstones: Tombstones) -> None:
        """From now on, reading leaves out what these name."""
        self.tombstones = tombstones
        self._gone: Bools | None = None
        """bool[series]: those of which nothing is left; None when no series is such."""
        if tombstones:
            gone = tombstones.covering(len(self.sids), self.meta.first_ms, self.meta.last_ms)
            self._gone = gone if gone.any() else None

    def empty(self) -> None:
        """Note that nothing is left of any series."""
        self._gone = np.ones(len(self.sids), dtype=np.bool_)

    @property
    def is_empty(self) -> bool:
        """Whether every series is deleted."""
        return self._gone is not None and bool(self._gone.all())

    def newest(self) -> tuple[Ints, Ints, Floats]:
        """The newest sample of each series that was not deleted: series, time, value."""
        last_ms, last_values = self._chunks["series_last_ms"], self._chunks["series_last_value"]
        kept = np.flatnonzero(~self.tombstones.hits(np.arange(len(self.sids)), last_ms))
        return self.sids[kept], last_ms[kept], last_values[kept]

    @property
    def cohort_codes(self) -> list[int]:
        """The store's codes of the block's cohorts."""
        return list(self._number_of)

    @property
    def name(self) -> str:
        return self.file.path.name

    @property
    def path(self) -> Path:
        return self.file.path

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        return self.meta.first_ms <= end_ms and self.meta.last_ms >= start_ms

    def _locals(self, sids: Ints) -> Ints:
        """The block's own numbers of the series, -1 where it has none of them."""
        places = np.minimum(np.searchsorted(self._sorted, sids), len(self._sorted) - 1)
        own = np.where(self._sorted[places] == sids, self._order[places], -1)
        return own if self._gone is None else np.where(self._gone[own], -1, own)

    def held(self, sids: Ints) -> Ints:
        """The block's own numbers of those series that it has."""
        own = self._locals(sids)
        return own[own >= 0]

    def place(self, sids: Ints, start_ms: int, end_ms: int) -> npt.NDArray[np.int32]:
        if not self.overlaps(start_ms, end_ms):
            return np.full(len(sids), NOWHERE, dtype=np.int32)
        own = self._locals(sids)
        return np.where(own >= 0, self._homes[own], np.int32(NOWHERE))

    def spans(self, cohort: int, sids: Ints, start_ms: int, end_ms: int) -> Sequence[BlockSpan]:
        number = self._number_of.get(cohort)
        return [] if number is None else self._spans(number, self._locals(sids), start_ms, end_ms)

    def _spans(self, number: int, own: Ints, start_ms: int, end_ms: int) -> list[BlockSpan]:
        rows = np.where(own >= 0, own - self._cohort_starts[number], -1)
        erased = self._erased(own, start_ms, end_ms)
        chunks = range(int(self._chunk_starts[number]), int(self._chunk_starts[number + 1]))
        spans = []
        for chunk in chunks:
            if self._chunks["chunk_first_ms"][chunk] <= end_ms and self._chunks["chunk_last_ms"][chunk] >= start_ms:
                span = BlockSpan(
                    chunk_at(self.file, self._chunks, self._row_starts, chunk), rows, start_ms, end_ms, erased
                )
                spans.append(span)
        return spans

    def _erased(self, own: Ints, start_ms: int, end_ms: int) -> list[Erased]:
        graves = [each for each in self.tombstones.graves if each.start_ms <= end_ms and each.end_ms >= start_ms]
        found = [Erased(np.flatnonzero(np.isin(own, each.series)), each.start_ms, each.end_ms) for each in graves]
        return [each for each in found if len(each.rows)]

    def plan(self, sids: Ints, start_ms: int, end_ms: int) -> BlockPlan:
        own = self._locals(sids)
        rows = np.flatnonzero(own >= 0)
        spans: list[tuple[Ints, BlockSpan]] = []
        if not self.overlaps(start_ms, end_ms) or not len(rows):
            return BlockPlan(spans)
        cohorts = self._cohort_of[own[rows]]
        order = np.argsort(cohorts, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(cohorts[order]) != 0])
        for picked in np.split(rows[order], starts[1:]):
            number = int(self._cohort_of[own[picked[0]]])
            spans.extend((picked, span) for span in self._spans(number, own[picked], start_ms, end_ms))
        return BlockPlan(spans)


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """A block's file and index, not yet known to the store."""

    file: BlockFile
    index: BlockIndex
    tombstones: Tombstones

    def register(
        self, index: SeriesIndex, lock: AbstractContextManager[object], reserve: Callable[[int], None]
    ) -> Ints:
        """The store's numbers of the block's series, new ones entered; in steps, each of which takes the lock.

        ``reserve`` is told, within the step, below what the numbers are. Nothing may be forgotten meanwhile.
        """
        keys = _keys(self.index, index, lock)
        sids = [np.empty(0, dtype=np.int64)]
        for start in range(0, len(keys), ENTERED_AT_ONCE):
            with lock:
                sids.append(index.enter(keys[start : start + ENTERED_AT_ONCE]))
                reserve(index.bound)
        return np.concatenate(sids)

    def enter(self, sids: Ints, cohort_codes: Dictionary) -> Block:
        """The block of series with these numbers; called under the store's lock."""
        return Block(self.file, self.index, sids, cohort_codes, self.tombstones)


def read_block(path: Path) -> ReadBlock:
    """Open a block's file, read its index, and the tombstones beside it; needs no lock.

    Raises DamagedError when the file is not whole, NewerFormatError when a newer version wrote it, OSError when it
    cannot be opened.
    """
    file = BlockFile(path)
    header = file.read(0, len(HEADER))
    if header != HEADER:
        if header[:-1] == MAGIC and header[-1] > VERSION:
            raise NewerFormatError(f"{path} has format version {header[-1]}, newer than {VERSION}")
        raise DamagedError(path, "the header is damaged")
    tail = min(FOOTER_SIZE, file.size)
    offset, size, crc = parse_footer(path, file.read(file.size - tail, tail), file.size - tail)
    data = file.read(offset, size)
    if zlib.crc32(data) != crc:
        raise DamagedError(path, "the index does not fit its checksum", offset)
    index = decode_index(path, data, offset)
    return ReadBlock(file, index, read_tombstones(path, index.meta.series))


def _keys(block: BlockIndex, index: SeriesIndex, lock: AbstractContextManager[object]) -> list[bytes]:
    """What the index calls the block's series."""
    arrays: dict[str, Any] = dict(block.arrays)
    with lock:
        ids = np.array([index.label_id(name) for name in block.names], dtype=np.int32)
    codes: list[int] = []
    for name, values in zip(block.names, block.values, strict=True):
        for start in range(0, len(values), ENTERED_AT_ONCE):
            with lock:
                codes += map(index.dictionaries[name].intern, values[start : start + ENTERED_AT_ONCE])
    bases = np.r_[0, np.cumsum([len(each) for each in block.values])]
    pairs = np.empty((len(arrays["pair_names"]), 2), dtype=np.int32)
    pairs[:, 0] = ids[arrays["pair_names"]]
    pairs[:, 1] = np.array(codes, dtype=np.int32)[bases[arrays["pair_names"]] + arrays["pair_values"]]
    data, bounds = pairs.tobytes(), (arrays["pair_starts"] * 8).tolist()
    return [data[start:end] for start, end in itertools.pairwise(bounds)]
