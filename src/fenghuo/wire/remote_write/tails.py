"""Samples as both versions write them, recognised and read by the thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from fenghuo.model.sample import Bools, Floats, Ints
from fenghuo.wire.remote_write.protobuf import Wire

Bytes: TypeAlias = npt.NDArray[np.uint8]

WHOLE: Final = 18
"""Bytes of a sample field: tag, size 16, tag, 8 bytes of value, tag, 6 bytes of time (the years 1971 to 2109)."""
ZERO: Final = 9
"""The same without the value, which is 0."""
_SAMPLE_TAG: Final = 2 << 3 | Wire.LENGTH
_VALUE_TAG: Final = 1 << 3 | Wire.I64
_TIME_TAG: Final = 2 << 3 | Wire.VARINT
_TAIL_MAX: Final = 1000
"""Samples of one series that are read at once; one that has more is read field by field."""
_TIME_SHIFTS: Final = np.array([0, 7, 14, 21, 28, 35], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Tails:
    """Samples that stand at the end of their series: whose they are, where they begin, which are zeros."""

    owners: Ints
    begins: Ints
    zero: Bools

    @staticmethod
    def of(series: Ints, cuts: Ints, counts: Ints, zero: Bools) -> Tails:
        """The samples of some series, in their order."""
        owners = np.repeat(series, np.maximum(counts[series], 1))
        firsts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]]) if len(owners) else owners
        numbers = np.arange(len(owners)) - np.repeat(firsts, np.diff(np.r_[firsts, len(owners)]))
        return Tails(owners, cuts[owners] + WHOLE * numbers, zero[owners])


def counts(data: Bytes, starts: Ints, ends: Ints) -> tuple[Ints, Bools]:
    """int64[n]: how many whole samples each series seems to end with; and which of those with none end with a zero."""
    found = np.zeros(len(starts), dtype=np.int64)
    left = np.flatnonzero(ends - starts >= WHOLE)
    for number in range(1, _TAIL_MAX + 1):
        begins = ends[left] - WHOLE * number
        left = left[(begins >= starts[left]) & looks(data, begins, WHOLE)]
        if not len(left):
            break
        found[left] = number
    zero = np.zeros(len(starts), dtype=np.bool_)
    rest = np.flatnonzero((found == 0) & (ends - starts >= ZERO))
    zero[rest] = looks(data, ends[rest] - ZERO, ZERO)
    return found, zero


def looks(data: Bytes, begins: Ints, size: int) -> Bools:
    """bool[n]: whether the bytes from there on look like a sample of that size."""
    begins = np.maximum(begins, 0)
    fits: Bools = data[begins] == _SAMPLE_TAG
    fits &= data[begins + 1] == size - 2
    if not fits.any():
        return fits
    if size == WHOLE:
        fits &= data[begins + 2] == _VALUE_TAG
    fits &= data[begins + (size - 7)] == _TIME_TAG
    for place in range(6, 1, -1):
        fits &= data[begins + (size - place)] >= 0x80
    fits &= data[begins + (size - 1)] < 0x80
    return fits


def samples(body: bytes, tails: Tails) -> tuple[Ints, Floats]:
    """Their times and values."""
    data = np.frombuffer(body, dtype=np.uint8)
    ends = tails.begins + np.where(tails.zero, ZERO, WHOLE)
    digits = data[(ends - 6)[:, None] + np.arange(6)].astype(np.int64) & 0x7F
    times: Ints = (digits << _TIME_SHIFTS).sum(axis=1)
    values = np.zeros(len(ends), dtype=np.float64)
    whole = np.flatnonzero(~tails.zero)
    raw = data[(tails.begins[whole] + 3)[:, None] + np.arange(8)]
    values[whole] = np.ascontiguousarray(raw).view("<f8")[:, 0]
    return times, values
