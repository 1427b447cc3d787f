"""WAL records: their bytes and nothing else. FORMAT.md draws them.

Integers are little-endian. A record is ``length u32, kind u8, guard u16, checksum u32, payload``. The guard is over
length and kind, so that a record that runs past the end of its file is known to be torn and not damaged; the
checksum (CRC-32) covers all of it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import orjson

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Floats, Ints

HEADER = struct.Struct("<IBHI")
_COHORT = struct.Struct("<IIH")
_SCRAPE = struct.Struct("<Iqi")
_COUNT = struct.Struct("<I")
_DELETE = struct.Struct("<qqI")
_LENGTH = struct.Struct("<IB")


class Kind(IntEnum):
    """What a record holds. 16 to 31 are kept for samples that are histograms."""

    SERIES = 1
    COHORT = 2
    SCRAPE = 3
    SCRAPE_SAME_ROWS = 4
    SCRAPE_CHANGES = 5
    LOOSE = 6
    EXEMPLARS = 7
    DELETE = 8


Sids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """Names series: number and labels."""

    sids: Ints
    texts: list[list[str]]
    """The labels of each as name, value, name, value, … sorted by name."""

    @property
    def labels(self) -> list[Labels]:
        return [_labels(flat) for flat in self.texts]

    @property
    def pairs(self) -> Iterator[Iterator[tuple[str, str]]]:
        """The same without a :class:`Labels` for each."""
        return (zip(flat[::2], flat[1::2], strict=True) for flat in self.texts)


@dataclass(frozen=True, slots=True)
class CohortRecord:
    """Names a cohort's rows from ``first_row`` on."""

    cohort: int
    first_row: int
    key: str
    sids: Sids


@dataclass(frozen=True, slots=True)
class LooseRecord:
    """Samples with timestamps of their own, ordered by series and time."""

    sids: Sids
    times_ms: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class DeleteRecord:
    """Deletes what the segments up to here hold of these series between two times, both included."""

    start_ms: int
    end_ms: int
    sids: Sids


def framed(kind: Kind, *parts: bytes) -> bytes:
    """One record's bytes."""
    payload = b"".join(parts)
    lead = zlib.crc32(_LENGTH.pack(len(payload), kind))
    return HEADER.pack(len(payload), kind, lead & 0xFFFF, zlib.crc32(payload, lead)) + payload


def guard(length: int, kind: int) -> int:
    """The 16 bits that vouch for a record's length and kind."""
    return zlib.crc32(_LENGTH.pack(length, kind)) & 0xFFFF


def checksum(kind: int, payload: bytes | memoryview) -> int:
    """The 32 bits that vouch for the record."""
    return zlib.crc32(payload, zlib.crc32(_LENGTH.pack(len(payload), kind)))


def encode_series(sids: Ints, texts: list[list[str]]) -> bytes:
    """``texts`` are the labels of each series as name, value, name, value, … sorted by name."""
    return framed(Kind.SERIES, _COUNT.pack(len(sids)), sids.astype("<i4").tobytes(), orjson.dumps(texts))


def decode_series(payload: memoryview) -> SeriesRecord:
    (count,) = _COUNT.unpack_from(payload)
    sids = np.frombuffer(payload, dtype="<i4", count=count, offset=4)
    texts = orjson.loads(payload[4 + 4 * count :])
    return SeriesRecord(sids.astype(np.int64), texts)


def encode_cohort(cohort: int, first_row: int, key: str, sids: Sids) -> bytes:
    name = key.encode()
    return framed(Kind.COHORT, _COHORT.pack(cohort, first_row, len(name)), name, sids.astype("<i4").tobytes())


def decode_cohort(payload: memoryview) -> CohortRecord:
    cohort, first_row, length = _COHORT.unpack_from(payload)
    start = _COHORT.size + length
    name = bytes(payload[_COHORT.size : start]).decode()
    return CohortRecord(cohort, first_row, name, np.frombuffer(payload, dtype="<i4", offset=start))


def encode_scrape(cohort: int, time_ms: int, rows: Ints, values: Floats) -> bytes:
    """A scrape with the rows it has."""
    head = _SCRAPE.pack(cohort, time_ms, len(rows))
    return framed(Kind.SCRAPE, head, rows.astype("<i4").tobytes(), values.tobytes())


def encode_scrape_again(cohort: int, time_ms: int, values: Floats, before: Floats) -> bytes:
    """A scrape of the same rows as the cohort's last record; whichever form is shorter."""
    head = _SCRAPE.pack(cohort, time_ms, len(values))
    changed = values.view(np.int64) != before.view(np.int64)
    count = int(np.count_nonzero(changed))
    if 8 * count + (len(values) + 7) // 8 < 8 * len(values):
        return framed(Kind.SCRAPE_CHANGES, head, np.packbits(changed).tobytes(), values[changed].tobytes())
    return framed(Kind.SCRAPE_SAME_ROWS, head, values.tobytes())


def decode_scrape_head(payload: memoryview) -> tuple[int, int, int]:
    """Cohort, time in ms, number of rows."""
    cohort, time_ms, count = _SCRAPE.unpack_from(payload)
    return cohort, time_ms, count


def decode_scrape(payload: memoryview, count: int) -> tuple[Ints, Floats]:
    """Rows and values of a full scrape."""
    rows = np.frombuffer(payload, dtype="<i4", count=count, offset=_SCRAPE.size).astype(np.int64)
    return rows, np.frombuffer(payload, dtype="<f8", count=count, offset=_SCRAPE.size + 4 * count)


def decode_scrape_values(payload: memoryview, count: int) -> Floats:
    """Values of a scrape of the same rows."""
    return np.frombuffer(payload, dtype="<f8", count=count, offset=_SCRAPE.size)


def decode_scrape_changes(payload: memoryview, before: Floats) -> Floats:
    """Values of a scrape of which only the changes are written."""
    size = (len(before) + 7) // 8
    bits = np.frombuffer(payload, dtype=np.uint8, count=size, offset=_SCRAPE.size)
    changed = np.unpackbits(bits, count=len(before)).view(np.bool_)
    values = before.copy()
    values[changed] = np.frombuffer(payload, dtype="<f8", offset=_SCRAPE.size + size)
    return values


def encode_loose(sids: Sids, times_ms: Ints, values: Floats) -> bytes:
    parts = (sids.astype("<i4").tobytes(), times_ms.tobytes(), values.tobytes())
    return framed(Kind.LOOSE, _COUNT.pack(len(sids)), *parts)


def decode_loose(payload: memoryview) -> LooseRecord:
    (count,) = _COUNT.unpack_from(payload)
    return LooseRecord(
        np.frombuffer(payload, dtype="<i4", count=count, offset=4),
        np.frombuffer(payload, dtype="<i8", count=count, offset=4 + 4 * count),
        np.frombuffer(payload, dtype="<f8", count=count, offset=4 + 12 * count),
    )


def encode_delete(start_ms: int, end_ms: int, sids: Ints) -> bytes:
    return framed(Kind.DELETE, _DELETE.pack(start_ms, end_ms, len(sids)), sids.astype("<i4").tobytes())


def decode_delete(payload: memoryview) -> DeleteRecord:
    start_ms, end_ms, count = _DELETE.unpack_from(payload)
    return DeleteRecord(start_ms, end_ms, np.frombuffer(payload, dtype="<i4", count=count, offset=_DELETE.size))


def encode_exemplars(exemplars: Sequence[tuple[Labels, Exemplar]]) -> bytes:
    """Values travel as the bits of their float64, which JSON cannot round."""
    rows = [
        [_texts(labels), _texts(each.labels), struct.unpack("<q", struct.pack("<d", each.value))[0], each.time_ms]
        for labels, each in exemplars
    ]
    return framed(Kind.EXEMPLARS, orjson.dumps(rows))


def decode_exemplars(payload: memoryview) -> list[tuple[Labels, Exemplar]]:
    return [
        (_labels(series), Exemplar(_labels(own), struct.unpack("<d", struct.pack("<q", bits))[0], time_ms))
        for series, own, bits, time_ms in orjson.loads(payload)
    ]


def _texts(labels: Labels) -> list[str]:
    return [text for pair in labels.pairs for text in pair]


def _labels(texts: list[str]) -> Labels:
    return Labels(zip(texts[::2], texts[1::2], strict=True))
