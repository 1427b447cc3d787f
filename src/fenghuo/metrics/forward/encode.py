"""From a piece to the body and the headers of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from fenghuo.metrics.forward.batch import Piece
from fenghuo.metrics.forward.settings import V2
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Metadata
from fenghuo.wire.remote_write import (
    OutgoingSeries,
    encode_columns_v1,
    encode_columns_v2,
    encode_v1,
    encode_v2,
    label_bytes,
    packed,
)

_SUFFIXES: Final = ("_bucket", "_sum", "_count", "_total", "_created", "_info")

Known = Callable[[str], Metadata | None]
"""What is known of a metric, by its name."""


class Version(Enum):
    """A version of the protocol: the header that names it, and its media type."""

    ONE = ("0.1.0", "application/x-protobuf")
    TWO = ("2.0.0", f"application/x-protobuf;proto={V2}")

    @classmethod
    def of(cls, protobuf_message: str) -> Version:
        return cls.TWO if protobuf_message == V2 else cls.ONE

    @property
    def headers(self) -> dict[str, str]:
        version, media_type = self.value
        return {
            "Content-Type": media_type,
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": version,
        }


def body_of(piece: Piece, version: Version, known: Known) -> bytes:
    """The body of a request, compressed. ``known`` is asked for version 2.0 alone, which has metadata by series."""
    return packed(_message_v1(piece) if version is Version.ONE else _message_v2(piece, known))


def _message_v1(piece: Piece) -> bytes:
    names = piece.names
    labels = [_encoded(names[series]) for series in piece.series.tolist()]
    exemplars = (OutgoingSeries(series, (), (each,)) for series, each in piece.exemplars)
    return encode_columns_v1(labels, piece.times_ms, piece.values) + encode_v1(exemplars, piece.metadata)


def _encoded(name: bytes | Labels | None) -> bytes:
    if isinstance(name, bytes):
        return name
    assert name is not None
    return label_bytes(name)


def _message_v2(piece: Piece, known: Known) -> bytes:
    """Of samples, or of exemplars: a piece has one of them."""
    if piece.exemplars:
        return encode_v2(
            OutgoingSeries(labels, (), (each,), known(labels.metric_name)) for labels, each in piece.exemplars
        )
    labels = [_spelled(piece.names[series]) for series in piece.series.tolist()]
    return encode_columns_v2(labels, [known(each.metric_name) for each in labels], piece.times_ms, piece.values)


def _spelled(name: bytes | Labels | None) -> Labels:
    assert isinstance(name, Labels)
    return name


def lookup_in(families: Mapping[str, Metadata]) -> Known:
    """Find a metric's metadata under its own name, or under that of the family that it is a part of."""
    found: dict[str, Metadata | None] = {}

    def known(metric: str) -> Metadata | None:
        if metric not in found:
            names = (metric, *(metric.removesuffix(suffix) for suffix in _SUFFIXES if metric.endswith(suffix)))
            found[metric] = next((families[name] for name in names if name in families), None)
        return found[metric]

    return known
