"""Tombstones: which samples of a block were deleted.

A block never changes, so a deletion is written to a file beside it, and reading leaves out what that file names. A
sample that is written later, even at a deleted time, stands elsewhere and is not hit. The samples go for good when the
block is merged or rewritten, and the file goes with the block.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fenghuo.base.files import write_atomic
from fenghuo.metrics.store.block_format import DamagedError
from fenghuo.model.sample import Bools, Ints

SUFFIX = ".tombstones"
_HEADER = struct.Struct("<6sBBI")
"""Magic, version, zero, CRC-32 of everything after the header."""
_MAGIC = b"FHTOMB"
_VERSION = 1
_GRAVE = struct.Struct("<qqI")


@dataclass(frozen=True, slots=True)
class Grave:
    """Series of which every sample from ``start_ms`` to ``end_ms``, both included, is deleted."""

    start_ms: int
    end_ms: int
    series: Ints
    """The block's own numbers, sorted, distinct."""


@dataclass(frozen=True, slots=True)
class Tombstones:
    """All deletions that hit one block; no two graves have the same times."""

    graves: tuple[Grave, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.graves)

    def add(self, start_ms: int, end_ms: int, series: Ints) -> Tombstones:
        """The tombstones with one more deletion; the same object when it deletes nothing new."""
        known = next((each for each in self.graves if (each.start_ms, each.end_ms) == (start_ms, end_ms)), None)
        if known is not None:
            together = np.union1d(known.series, series)
            if len(together) == len(known.series):
                return self
            series = together
        if not len(series):
            return self
        grave = Grave(start_ms, end_ms, np.unique(series).astype(np.int64))
        return Tombstones((*(each for each in self.graves if each is not known), grave))

    def covering(self, series: int, first_ms: int, last_ms: int) -> Bools:
        """bool[series]: which of the block's series have no sample left between the times."""
        covered = np.zeros(series, dtype=np.bool_)
        for grave in self.graves:
            if grave.start_ms <= first_ms and grave.end_ms >= last_ms:
                covered[grave.series] = True
        return covered

    def hits(self, series: Ints, times_ms: Ints) -> Bools:
        """Whether the sample of each series at the time beside it is deleted."""
        hit = np.zeros(len(series), dtype=np.bool_)
        for grave in self.graves:
            hit |= (times_ms >= grave.start_ms) & (times_ms <= grave.end_ms) & np.isin(series, grave.series)
        return hit

    @property
    def series(self) -> int:
        """How many series have deleted samples; one with several deletions counts for each."""
        return sum(len(grave.series) for grave in self.graves)


def tombstone_path(block: Path) -> Path:
    return block.with_suffix(SUFFIX)


def write_tombstones(block: Path, tombstones: Tombstones) -> None:
    """Put the file beside ``block``: it is the old or the new one whatever happens. Raises OSError."""
    parts = [
        _GRAVE.pack(grave.start_ms, grave.end_ms, len(grave.series)) + grave.series.astype("<i4").tobytes()
        for grave in tombstones.graves
    ]
    body = zlib.compress(b"".join(parts))
    write_atomic(tombstone_path(block), _HEADER.pack(_MAGIC, _VERSION, 0, zlib.crc32(body)) + body, mode=0o600)


def read_tombstones(block: Path, series: int) -> Tombstones:
    """What the file beside ``block`` says; nothing when there is none.

    Raises DamagedError when its bytes are not what was written, OSError when it cannot be read.
    """
    path = tombstone_path(block)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Tombstones()
    body = data[_HEADER.size :]
    if data[: _HEADER.size] != _HEADER.pack(_MAGIC, _VERSION, 0, zlib.crc32(body)):
        raise DamagedError(path, "the tombstones do not fit their checksum")
    return Tombstones(tuple(_graves(path, zlib.decompress(body), series)))


def _graves(path: Path, data: bytes, series: int) -> list[Grave]:
    graves, offset = [], 0
    while offset < len(data):
        start_ms, end_ms, count = _GRAVE.unpack_from(data, offset)
        offset += _GRAVE.size
        numbers = np.frombuffer(data, dtype="<i4", count=count, offset=offset).astype(np.int64)
        offset += 4 * count
        if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < series:
            raise DamagedError(path, f"the tombstones name series {numbers[-1]} of {series}")
        graves.append(Grave(start_ms, end_ms, numbers))
    return graves
