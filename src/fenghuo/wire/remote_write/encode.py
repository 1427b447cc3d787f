"""Requests of both versions, written."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Metadata
from fenghuo.wire.remote_write.message import TYPES
from fenghuo.wire.remote_write.protobuf import length_field, varint, varint_field

_VALUE: Final = struct.Struct("<Bd")
_ZERO_BITS: Final = _VALUE.pack(1, 0.0)[1:]


@dataclass(frozen=True, slots=True)
class OutgoingSeries:
    """One series of a request."""

    labels: Labels
    samples: Sequence[tuple[int, float]]
    """Time in ms and value, oldest first. A value keeps its bits."""
    exemplars: Sequence[Exemplar] = ()
    """Each with a time."""
    metadata: Metadata | None = None
    """Only version 2.0 has it here."""
    label_bytes: bytes = b""
    """What :func:`label_bytes` gives of ``labels``; version 1.0 works it out anew when it is empty."""


def label_bytes(labels: Labels) -> bytes:
    """The labels as version 1.0 writes them. Who sends a series often may keep them."""
    return b"".join(_label_v1(name, value) for name, value in labels.pairs)


def encode_v1(series: Iterable[OutgoingSeries], metadata: Iterable[tuple[str, Metadata]] = ()) -> bytes:
    """``prometheus.WriteRequest``, not compressed. ``metadata`` goes with the names of metric families."""
    parts = []
    for each in series:
        content = [each.label_bytes or label_bytes(each.labels)]
        content += [length_field(2, _sample(time_ms, value)) for time_ms, value in each.samples]
        content += [length_field(3, _exemplar_v1(exemplar)) for exemplar in each.exemplars]
        parts.append(length_field(1, b"".join(content)))
    parts += [length_field(3, _metadata_v1(family, said)) for family, said in metadata]
    return b"".join(parts)


def encode_v2(series: Iterable[OutgoingSeries]) -> bytes:
    """``io.prometheus.write.v2.Request``, not compressed."""
    symbols = _Symbols()
    parts = []
    for each in series:
        content = [length_field(1, symbols.refs(each.labels))]
        content += [length_field(2, _sample(time_ms, value)) for time_ms, value in each.samples]
        content += [length_field(4, _exemplar_v2(exemplar, symbols)) for exemplar in each.exemplars]
        if each.metadata is not None:
            content.append(length_field(5, _metadata_v2(each.metadata, symbols)))
        parts.append(length_field(5, b"".join(content)))
    return b"".join([*(length_field(4, text.encode()) for text in symbols), *parts])


class _Symbols(dict[str, int]):
    """Texts by the order in which they were met; the empty one is the first."""

    def __init__(self) -> None:
        super().__init__({"": 0})

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        return number

    def refs(self, labels: Labels) -> bytes:
        return b"".join(varint(self[text]) for pair in labels.pairs for text in pair)


def _label_v1(name: str, value: str) -> bytes:
    return length_field(1, length_field(1, name.encode()) + length_field(2, value.encode()))


def _double(number: int, value: float) -> bytes:
    """A field that holds a float64; nothing for 0.0, though not for -0.0."""
    packed = _VALUE.pack(number << 3 | 1, value)
    return b"" if packed[1:] == _ZERO_BITS else packed


def _sample(time_ms: int, value: float) -> bytes:
    return _double(1, value) + varint_field(2, time_ms)


def _exemplar_v1(exemplar: Exemplar) -> bytes:
    return label_bytes(exemplar.labels) + _double(2, exemplar.value) + varint_field(3, exemplar.time_ms or 0)


def _exemplar_v2(exemplar: Exemplar, symbols: _Symbols) -> bytes:
    refs = length_field(1, symbols.refs(exemplar.labels))
    return refs + _double(2, exemplar.value) + varint_field(3, exemplar.time_ms or 0)


def _metadata_v1(family: str, said: Metadata) -> bytes:
    texts = ((2, family), (4, said.help), (5, said.unit))
    return varint_field(1, _type(said)) + b"".join(length_field(n, text.encode()) for n, text in texts if text)


def _metadata_v2(said: Metadata, symbols: _Symbols) -> bytes:
    return varint_field(1, _type(said)) + varint_field(3, symbols[said.help]) + varint_field(4, symbols[said.unit])


def _type(said: Metadata) -> int:
    return TYPES.index(said.type) if said.type in TYPES else 0
