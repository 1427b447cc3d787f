"""Protobuf's wire format: just enough to read and write the messages of remote write."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

_VARINT_BYTES_MAX: Final = 10
_MASK64: Final = (1 << 64) - 1
DOUBLE: Final = struct.Struct("<d")


class Wire(IntEnum):
    """How a field's bytes are laid out."""

    VARINT = 0
    I64 = 1
    LENGTH = 2
    I32 = 5


class MalformedError(Exception):
    """The bytes are no protobuf message. Never leaves the package."""


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends."""
    value = shift = 0
    for place in range(at, min(at + _VARINT_BYTES_MAX, end)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _MASK64, place + 1
        shift += 7
    raise MalformedError(f"a number without its end at byte {at}")


def signed(value: int) -> int:
    """What an int64 field means by an unsigned number."""
    return value - (1 << 64) if value >> 63 else value


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Each field of the message: number, wire type, and where its content begins and ends.

    For a varint the third is the number itself. Raises MalformedError.
    """
    while at < end:
        tag = data[at]
        if tag < 0x80:
            at += 1
        else:
            tag, at = read_varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise MalformedError(f"a field with the number 0 at byte {at}")
        if wire == Wire.LENGTH:
            size, start = read_varint(data, at, end)
            at = start + size
        elif wire == Wire.VARINT:
            start, at = read_varint(data, at, end)
            yield number, wire, start, at
            continue
        elif wire in (Wire.I64, Wire.I32):
            start, at = at, at + (8 if wire == Wire.I64 else 4)
        else:
            raise MalformedError(f"a field of the unknown wire type {wire} at byte {at}")
        if at > end:
            raise MalformedError(f"a field that is longer than its message at byte {start}")
        yield number, wire, start, at


def read_sample(body: bytes, start: int, end: int) -> tuple[int, float]:
    """Time in ms and value of a sample; both versions write it alike."""
    time_ms, value = 0, 0.0
    for number, wire, at, _ in fields(body, start, end):
        if number == 1 and wire == Wire.I64:
            (value,) = DOUBLE.unpack_from(body, at)
        elif number == 2 and wire == Wire.VARINT:
            time_ms = signed(at)
    return time_ms, value


def varint(value: int) -> bytes:
    """An unsigned number, or a negative one as int64 is written."""
    value &= _MASK64
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length_field(number: int, content: bytes) -> bytes:
    """A field that holds text, bytes or a message."""
    return varint(number << 3 | Wire.LENGTH) + varint(len(content)) + content


def varint_field(number: int, value: int) -> bytes:
    """A field that holds a number; nothing for 0, which is what its absence means."""
    return varint(number << 3 | Wire.VARINT) + varint(value) if value else b""
