"""The bytes of a block file, apart from the rows themselves: frame, footer and index. FORMAT.md draws them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

MAGIC = b"FHBLOCK"
VERSION = 1
HEADER = MAGIC + bytes([VERSION])
_FOOTER = struct.Struct("<QQII8s")
"""Offset and size of the index, its CRC-32, CRC-32 of the footer's first twenty bytes, the header again."""
FOOTER_SIZE = _FOOTER.size
SUFFIX = ".block"
LOOSE_KEY = ""
"""The cohort key of series that stand alone."""

NEVER_MS = -(1 << 63)

_DTYPES = ("<i4", "<i8", "<u4", "<f8", "|u1")


class DamagedError(Exception):
    """The bytes of a block are not what was written. The text says what; ``path`` and ``offset`` say where."""

    def __init__(self, path: Path, message: str, offset: int = 0) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Cuts:
    """What of the WAL is in blocks: for each pair ``(segment, until_ms)``, every sample before ``until_ms`` of the
    segments before ``segment``."""

    pairs: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def of(pairs: Iterable[Sequence[int]]) -> Cuts:
        """The pairs that say more than another one."""
        kept: list[tuple[int, int]] = []
        for segment, until_ms in sorted({(each[0], each[1]) for each in pairs}, reverse=True):
            if all(until_ms > known for _, known in kept):
                kept.append((segment, until_ms))
        return Cuts(tuple(kept))

    def covered_ms(self, segment: int) -> int:
        """Samples of that segment before this time are in a block."""
        return max((until_ms for before, until_ms in self.pairs if segment < before), default=NEVER_MS)

    @property
    def next_segment(self) -> int:
        """The lowest segment number that no pair speaks of."""
        return max((segment for segment, _ in self.pairs), default=0)


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """What a block says of itself."""

    first_ms: int
    last_ms: int
    samples: int
    series: int
    cuts: list[list[int]]
    """What of the WAL needs no replay beside this block, as pairs; see :class:`Cuts`."""
    origin: str
    """``head`` or ``merge``."""
    replaces: list[str]
    """Names of the blocks whose samples are in this one; they are deleted when they are found beside it."""


@dataclass(frozen=True, slots=True)
class BlockIndex:
    """Series and chunks of a block.

    Series are numbered in the order of their cohorts: cohort ``c`` has the series ``cohort_starts[c]`` up to
    ``cohort_starts[c + 1]``. A chunk has a row for each series of its cohort.
    """

    meta: BlockMeta
    names: list[str]
    """Label names, sorted."""
    values: list[list[str]]
    """By label name: its distinct values."""
    cohorts: list[str]
    """Cohort keys; :data:`LOOSE_KEY` for each series that stands alone."""
    arrays: Mapping[str, npt.NDArray[Any]]
    """
    ``pair_starts`` i8[series + 1], ``pair_names`` i4[pairs], ``pair_values`` i4[pairs]: labels, sorted by name;
    ``series_last_ms`` i8[series], ``series_last_value`` f8[series]: the newest sample of each;
    ``cohort_starts`` i8[cohorts + 1];
    ``chunk_cohort`` i4, ``chunk_offset`` i8, ``chunk_first_ms`` i8, ``chunk_last_ms`` i8, ``chunk_columns`` i4,
    ``chunk_times_size`` u4, ``chunk_times_crc`` u4: each [chunks], ordered by cohort and time;
    ``row_kind`` u1, ``row_size`` u4, ``row_crc`` u4: for each chunk one for each series of its cohort.
    """


def encode_index(index: BlockIndex) -> bytes:
    """The index section and the footer's fields are made from this."""
    meta = {field: getattr(index.meta, field) for field in BlockMeta.__slots__}
    shapes = [[name, array.dtype.str, len(array)] for name, array in index.arrays.items()]
    head = orjson.dumps(
        {"meta": meta, "names": index.names, "values": index.values, "cohorts": index.cohorts, "arrays": shapes}
    )
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in index.arrays.values())
    return zlib.compress(struct.pack("<I", len(head)) + head + body, 6)


def footer(index_offset: int, index: bytes) -> bytes:
    first = struct.pack("<QQI", index_offset, len(index), zlib.crc32(index))
    return first + struct.pack("<I", zlib.crc32(first)) + HEADER


def parse_footer(path: Path, data: bytes, place: int) -> tuple[int, int, int]:
    """Offset, size and checksum of the index, from the footer that stands at ``place``. Raises DamagedError."""
    if len(data) != FOOTER_SIZE:
        raise DamagedError(path, f"the file is too short for a footer: {len(data)} bytes", place)
    offset, size, crc, own_crc, magic = _FOOTER.unpack(data)
    if magic != HEADER or zlib.crc32(data[:20]) != own_crc:
        raise DamagedError(path, "the footer's checksum does not fit", place)
    return offset, size, crc


def decode_index(path: Path, data: bytes, place: int) -> BlockIndex:
    """The index of bytes whose checksum was found good; they stand at ``place``.

    Raises DamagedError when it does not hang together.
    """
    try:
        raw = zlib.decompress(data)
        (length,) = struct.unpack_from("<I", raw)
        head = orjson.loads(memoryview(raw)[4 : 4 + length])
        arrays: dict[str, npt.NDArray[Any]] = {}
        offset = 4 + length
        for name, dtype, count in head["arrays"]:
            if dtype not in _DTYPES:
                raise DamagedError(path, f"the index has an array of type {dtype!r}", place)
            arrays[name] = np.frombuffer(raw, dtype=dtype, count=count, offset=offset)
            offset += arrays[name].nbytes
        return BlockIndex(BlockMeta(**head["meta"]), head["names"], head["values"], head["cohorts"], arrays)
    except (zlib.error, struct.error, ValueError, KeyError, TypeError) as error:
        raise DamagedError(path, f"the index cannot be read: {error}", place) from error
