"""Remote write 1.0 requests made of whole arrays, so that the sender costs little beside the receiver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from beside.data import Floats, Ints, Target

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_SAMPLE_BYTES = 18
"""Tag and length (2), tag and double (9), tag and a time of six groups of seven bits (7), which holds until 2109."""
_LITERAL = 0xFC


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(tag: int, body: bytes) -> bytes:
    return bytes([tag]) + _varint(len(body)) + body


def encoded_labels(series: dict[str, str]) -> bytes:
    """The repeated ``labels`` of a TimeSeries, sorted by name as the protocol asks."""
    return b"".join(
        _field(0x0A, _field(0x0A, name.encode()) + _field(0x12, value.encode()))
        for name, value in sorted(series.items())
    )


def _encoded_samples(times_ms: Ints, values: Floats) -> bytes:
    """The repeated ``samples`` of all series, one after the other, each ``len(times_ms) * 18`` bytes."""
    count, length = values.shape
    out = np.empty((count, length, _SAMPLE_BYTES), dtype=np.uint8)
    out[..., 0], out[..., 1], out[..., 2], out[..., 11] = 0x12, _SAMPLE_BYTES - 2, 0x09, 0x10
    out[..., 3:11] = np.ascontiguousarray(values, dtype="<f8").view(np.uint8).reshape(count, length, 8)
    for group in range(6):
        out[..., 12 + group] = (times_ms >> 7 * group) & 0x7F | (0x80 if group < 5 else 0)
    return out.tobytes()


def write_request(labels: Sequence[bytes], times_ms: Ints, values: Floats) -> bytes:
    """The TimeSeries of one target as part of a WriteRequest; parts may be joined."""
    samples = _encoded_samples(times_ms, values)
    size = len(times_ms) * _SAMPLE_BYTES
    parts = []
    for number, own in enumerate(labels):
        parts += [b"\x0a" + _varint(len(own) + size), own, samples[number * size : (number + 1) * size]]
    return b"".join(parts)


def uncompressed_snappy(body: bytes) -> bytes:
    """The body as one literal, which every decoder of the format takes."""
    return _varint(len(body)) + bytes([_LITERAL]) + (len(body) - 1).to_bytes(4, "little") + body


def requests(targets: Sequence[Target], rounds: int, series_max: int) -> Iterator[bytes]:
    """WriteRequests in the order of time: ``rounds`` scrapes of up to about ``series_max`` series each."""
    labels = {target.key: [encoded_labels(series) for series in target.series] for target in targets}
    length = max(len(target.times_ms) for target in targets)
    for start in range(0, length, rounds):
        parts: list[bytes] = []
        series = 0
        for target in targets:
            times_ms = target.times_ms[start : start + rounds]
            parts.append(write_request(labels[target.key], times_ms, target.values[:, start : start + rounds]))
            series += len(target.series)
            if series >= series_max:
                yield b"".join(parts)
                parts, series = [], 0
        if parts:
            yield b"".join(parts)
