"""How a row of a block is packed: one series' values over one chunk's times.

Values that are decimals are packed as integers, which pcodec takes far better than their binary fractions; rows that
never change are one number. Every packed row is unpacked again before it is kept, so that a codec's fault costs
space and never a value.
"""

from __future__ import annotations

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
    if not data or data[0] > _DECIMALS_MAX:
        raise UnpackError("a decimal row without its number of digits")
    np.divide(unpack_ints(data[1:], len(out)), 10.0 ** data[0], out=out)


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
