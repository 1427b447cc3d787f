"""What request bodies are compressed with: snappy's block format, or zstd, which vmagent prefers."""

from __future__ import annotations

from enum import StrEnum

import cramjam
import numpy as np

from fenghuo.wire.remote_write.message import Problem


class Encoding(StrEnum):
    """The values of ``Content-Encoding`` that are understood."""

    SNAPPY = "snappy"
    ZSTD = "zstd"


def packed(body: bytes, encoding: Encoding = Encoding.SNAPPY) -> bytes:
    """Compress a message."""
    if encoding is Encoding.ZSTD:
        return bytes(cramjam.zstd.compress(body))
    return bytes(cramjam.snappy.compress_raw(body))


def unpacked(body: bytes, encoding: Encoding, size_max: int) -> bytes | Problem:
    """Undo the compression, unless the message would be larger than ``size_max`` bytes."""
    try:
        if encoding is Encoding.ZSTD:
            return _zstd(body, size_max)
        if cramjam.snappy.decompress_raw_len(body) > size_max:
            return _too_large(size_max)
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        return Problem(f"the body cannot be decompressed as {encoding.value}: {error}")


def _zstd(body: bytes, size_max: int) -> bytes | Problem:
    # A frame need not say how much it holds: room for the largest is set aside, and what is not written costs nothing.
    room = np.empty(size_max + 1, dtype=np.uint8)
    try:
        size = cramjam.zstd.decompress_into(body, room.data)
    except cramjam.DecompressionError as error:
        if "write" in str(error) or "buffer" in str(error):
            return _too_large(size_max)
        raise
    return _too_large(size_max) if size > size_max else room[:size].tobytes()


def _too_large(size_max: int) -> Problem:
    return Problem(f"the message is larger than {size_max} bytes when it is decompressed", too_large=True)
