"""Samples that stand in columns, in both versions: one series message for each sample, as Prometheus sends them.

Behind the labels of a series nothing but its sample follows, and samples of the same length in bytes can be written
all at once: their values and times are one array of bytes, which is then cut (``benchmarks/forward.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Floats, Ints, Metadata
from fenghuo.wire.remote_write.encode import Symbols
from fenghuo.wire.remote_write.protobuf import varint

_SHORT: Final = 6
"""Bytes of a time of the years 1970 to 2109."""
_LONG: Final = 10
"""Bytes of any time. More bytes than a number needs are allowed, so one such time makes all of them long."""


_SERIES_V1: Final = 0x0A
_SERIES_V2: Final = 0x2A
_REFS: Final = 0x0A
"""Tags of fields: a series in a request of each version, and the labels in a series of version 2.0."""


def encode_columns_v1(labels: Sequence[bytes], times_ms: Ints, values: Floats) -> bytes:
    """``prometheus.WriteRequest`` of ``values[i]`` (float64, bits kept) at ``times_ms[i]`` (int64) in the series whose
    label bytes are ``labels[i]``; not compressed."""
    if not len(labels):
        return b""
    tails, size = _tails(times_ms, values)
    lead = _lead
    parts: list[bytes] = []
    extend = parts.extend
    for label, start in zip(labels, range(0, len(tails), size), strict=True):
        extend((lead(_SERIES_V1, len(label) + size), label, tails[start : start + size]))
    return b"".join(parts)


def encode_columns_v2(
    labels: Sequence[Labels], metadata: Sequence[Metadata | None], times_ms: Ints, values: Floats
) -> bytes:
    """``io.prometheus.write.v2.Request`` of the same, with what is known of each series' metric; not compressed."""
    if not len(labels):
        return b""
    tails, size = _tails(times_ms, values)
    symbols, lead = Symbols(), _lead
    fields = {id(None): b""}
    """Of the metadata objects."""
    parts: list[bytes] = []
    extend = parts.extend
    for label, each, start in zip(labels, metadata, range(0, len(tails), size), strict=True):
        refs, behind = symbols.refs(label), fields.get(id(each))
        if behind is None:
            assert each is not None
            behind = fields[id(each)] = symbols.metadata(each)
        head = lead(_REFS, len(refs))
        own = len(head) + len(refs) + size + len(behind)
        extend((lead(_SERIES_V2, own), head, refs, tails[start : start + size], behind))
    return symbols.message(parts)


def _tails(times_ms: Ints, values: Floats) -> tuple[bytes, int]:
    """Each sample as a field, tag and length included, one after another, and how many bytes each has."""
    digits = _SHORT if times_ms.min() >= 0 and times_ms.max() < 1 << 7 * _SHORT else _LONG
    tails = np.empty((len(values), 12 + digits), dtype=np.uint8)
    tails[:, :3] = (0x12, 10 + digits, 0x09)
    tails[:, 3:11] = np.ascontiguousarray(values, dtype="<f8").view(np.uint8).reshape(-1, 8)
    tails[:, 11] = 0x10
    shifts = np.arange(0, 7 * digits, 7, dtype=np.uint64)
    tails[:, 12:] = (times_ms.astype(np.uint64)[:, None] >> shifts & np.uint64(0x7F)).astype(np.uint8)
    tails[:, 12:-1] |= 0x80
    return tails.tobytes(), 12 + digits


@cache
def _lead(tag: int, size: int) -> bytes:
    """What stands before a field of that size."""
    return bytes((tag,)) + varint(size)
