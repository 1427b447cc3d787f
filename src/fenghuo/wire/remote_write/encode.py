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
    symbols = Symbols()
    parts = []
    for each in series:
        content = [symbols.label_refs(each.labels)]
        content += [length_field(2, _sample(time_ms, value)) for time_ms, value in each.samples]
        content += [length_field(4, _exemplar_v2(exemplar, symbols)) for exemplar in each.exemplars]
        if each.metadata is not None:
            content.append(symbols.metadata(each.metadata))
        parts.append(length_field(5, b"".join(content)))
    return symbols.message(parts)


class Symbols(dict[str, bytes]):
    """The texts of a request of version 2.0, each once, and what stands for them: their numbers, in the order in which
    they were met. The empty one is the first."""

    def __init__(self) -> None:
        super().__init__({"": varint(0)})

    def __missing__(self, text: str) -> bytes:
        number = self[text] = varint(len(self))
        return number

    def refs(self, labels: Labels) -> bytes:
        """What stands for names and values, one after the other."""
        return b"".join(map(self.__getitem__, sum(labels.pairs, ())))

    def label_refs(self, labels: Labels) -> bytes:
        """The labels of a series or of an exemplar, as a field."""
        return length_field(1, self.refs(labels))

    def metadata(self, said: Metadata) -> bytes:
        """What is known of a series' metric, as a field."""
        texts = ((3, said.help), (4, said.unit))
        refs = b"".join(bytes((number << 3,)) + self[text] for number, text in texts if text)
        return length_field(5, varint_field(1, _type(said)) + refs)

    def message(self, series: Iterable[bytes]) -> bytes:
        """The whole request of series that are fields already."""
        return b"".join([*(length_field(4, text.encode()) for text in self), *series])


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


def _exemplar_v2(exemplar: Exemplar, symbols: Symbols) -> bytes:
    return symbols.label_refs(exemplar.labels) + _double(2, exemplar.value) + varint_field(3, exemplar.time_ms or 0)


def _metadata_v1(family: str, said: Metadata) -> bytes:
    texts = ((2, family), (4, said.help), (5, said.unit))
    return varint_field(1, _type(said)) + b"".join(length_field(n, text.encode()) for n, text in texts if text)


def _type(said: Metadata) -> int:
    return TYPES.index(said.type) if said.type in TYPES else 0
