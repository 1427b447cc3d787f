"""How a row of a block is packed: one series' values over one chunk's times.

Values that are decimals are packed as integers, which pcodec takes far better than their binary fractions; rows that
never change are one number. Every packed row is unpacked again before it is kept, so that a codec's fault costs
space and never a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import pcodec
from pcodec import standalone

from fenghuo.model.sample import ABSENT_NAN, Bools, Floats, Ints, is_absent

_CONFIG = pcodec.ChunkConfig()
_DECIMALS_MAX = 6
_EXACT_MAX = float(1 << 53)


class RowKind(IntEnum):
    """How a row is packed. 16 to 31 are kept for rows of histograms."""

    EMPTY = 0
    CONSTANT = 1
    FLOATS = 2
    DECIMALS = 3
    RAW = 4
    SPARSE = 5


class UnpackError(Exception):
    """Packed bytes do not mean anything."""


def pack_ints(values: Ints) -> bytes:
    """Any int64 values."""
    return bytes(standalone.simple_compress(np.ascontiguousarray(values, dtype=np.int64), _CONFIG))


def unpack_ints(data: bytes, count: int) -> Ints:
    """The ``count`` integers. Raises UnpackError when that is not what ``data`` holds."""
    out: Ints = np.empty(count, dtype=np.int64)
    _decompress(data, out)
    return out


def pack_row(values: Floats) -> tuple[RowKind, bytes]:
    """Pack float64[T], in which ABSENT_NAN marks the places without a sample."""
    absent = is_absent(values)
    if not absent.any():
        return _pack_full(values)
    if absent.all():
        return RowKind.EMPTY, b""
    kind, inner = _pack_full(values[~absent])
    return RowKind.SPARSE, bytes([kind]) + np.packbits(~absent).tobytes() + inner


def unpack_row(kind: int, data: bytes, out: Floats) -> None:
    """Unpack into ``out``, contiguous float64[T]. Raises UnpackError when ``data`` is not a row of that kind."""
    match kind:
        case RowKind.EMPTY:
            out[:] = ABSENT_NAN
        case RowKind.CONSTANT:
            if len(data) != 8:
                raise UnpackError(f"a constant row of {len(data)} bytes")
            out[:] = np.frombuffer(data, dtype="<f8")
        case RowKind.FLOATS:
            _decompress(data, out)
        case RowKind.DECIMALS:
            _unpack_decimals(data, out)
        case RowKind.RAW:
            if len(data) != 8 * len(out):
                raise UnpackError(f"{len(data)} bytes for {len(out)} values")
            out[:] = np.frombuffer(data, dtype="<f8")
        case RowKind.SPARSE:
            _unpack_sparse(data, out)
        case _:
            raise UnpackError(f"row kind {kind} is not known to this version")


def unpack_rows(
    rows: Sequence[tuple[int, int, bytes]], columns: int, first: int, end: int, out: Floats
) -> dict[int, str]:
    """Unpack the columns ``first`` to ``end`` of several rows: place in ``out``, kind and bytes of each.

    ``out`` is float64[places, end - first]. Returns which places hold rows that mean nothing, and why. Rows of the
    common kinds are worked on together, which takes a third of the time.
    """
    flaws: dict[int, str] = {}
    constants: list[int] = []
    texts: list[bytes] = []
    decimals: list[int] = []
    digits: list[int] = []
    integers = np.empty((len(rows), columns), dtype=np.int64)
    values = np.empty(columns, dtype=np.float64)
    for place, kind, data in rows:
        try:
            if kind == RowKind.DECIMALS:
                digits_here = _digits(data)
                _decompress(data[1:], integers[len(decimals)])
                decimals.append(place)
                digits.append(digits_here)
            elif kind == RowKind.CONSTANT and len(data) == 8:
                constants.append(place)
                texts.append(data)
            else:
                unpack_row(kind, data, values)
                out[place] = values[first:end]
        except UnpackError as error:
            flaws[place] = str(error)
    if constants:
        out[constants] = np.frombuffer(b"".join(texts), dtype="<f8")[:, None]
    if decimals:
        _put_decimals(integers[: len(decimals), first:end], digits, decimals, out)
    return flaws


def _put_decimals(integers: Ints, digits: list[int], places: list[int], out: Floats) -> None:
    if not any(digits):
        if len(places) == len(out):
            out[:] = integers
        else:
            out[places] = integers
        return
    powers = np.array([10.0**each for each in digits])[:, None]
    if len(places) == len(out):
        np.divide(integers, powers, out=out)
    else:
        out[places] = integers / powers


def _pack_full(values: Floats) -> tuple[RowKind, bytes]:
    values = np.ascontiguousarray(values)
    bits = values.view(np.int64)
    if (bits == bits[0]).all():
        return RowKind.CONSTANT, values[:1].tobytes()
    packed = _pack_decimals(values)
    kind = RowKind.DECIMALS
    if packed is None:
        kind, packed = RowKind.FLOATS, bytes(standalone.simple_compress(values, _CONFIG))
    again = np.empty_like(values)
    try:
        unpack_row(kind, packed, again)
    except UnpackError:
        return RowKind.RAW, values.tobytes()
    if len(packed) >= values.nbytes or not np.array_equal(again.view(np.int64), bits):
        return RowKind.RAW, values.tobytes()
    return kind, packed


def _pack_decimals(values: Floats) -> bytes | None:
    """The values as integers times a power of ten; None when they are not decimals of few digits."""
    if not np.isfinite(values).all():
        return None
    for digits in range(_DECIMALS_MAX + 1):
        scaled = np.rint(values * 10.0**digits)
        if np.abs(scaled).max() >= _EXACT_MAX:
            return None
        if np.array_equal((scaled / 10.0**digits).view(np.int64), values.view(np.int64)):
            return bytes([digits]) + pack_ints(scaled.astype(np.int64))
    return None


def _unpack_decimals(data: bytes, out: Floats) -> None:
    digits = _digits(data)
    np.divide(unpack_ints(data[1:], len(out)), 10.0**digits, out=out)


def _digits(data: bytes) -> int:
    """How many decimal places a packed row of decimals has."""
    if not data or data[0] > _DECIMALS_MAX:
        raise UnpackError("a decimal row without its number of digits")
    return data[0]


def _unpack_sparse(data: bytes, out: Floats) -> None:
    size = (len(out) + 7) // 8
    if len(data) < 1 + size or data[0] == RowKind.SPARSE:
        raise UnpackError("a sparse row without its map")
    present: Bools = np.unpackbits(np.frombuffer(data, dtype=np.uint8, count=size, offset=1), count=len(out)).view(
        np.bool_
    )
    inner = np.empty(int(np.count_nonzero(present)), dtype=np.float64)
    unpack_row(data[0], data[1 + size :], inner)
    out[:] = ABSENT_NAN
    out[present] = inner


def _decompress(data: bytes, out: Ints | Floats) -> None:
    try:
        progress = standalone.simple_decompress_into(data, out)
    except (RuntimeError, TypeError, ValueError) as error:
        raise UnpackError(str(error)) from error
    if progress.n_processed != len(out) or not progress.finished:
        raise UnpackError(f"{progress.n_processed} values where {len(out)} should be")
