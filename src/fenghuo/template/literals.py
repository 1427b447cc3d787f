"""Go's literals: strings, characters and numbers as they are written in a template."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_INTEGER = re.compile(r"([+-]?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[\d_]+)\Z", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?\Z", re.ASCII)
_HEX_FLOAT = re.compile(r"[+-]?0[xX][\da-fA-F_]*\.?[\da-fA-F_]*[pP][+-]?\d+\Z", re.ASCII)
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 64) - 1


def unquote(text: str) -> str:
    """The value of a quoted (``"…"``), raw (`` `…` ``) or character (``'…'``) literal with its quotes.

    Raises ValueError for an escape that Go does not know.
    """
    quote, inner = text[0], text[1:-1]
    if quote == "`":
        return inner.replace("\r", "")
    # Bytes written as \xff or \377 join into UTF-8 with their neighbours, so the value is built in bytes.
    out = bytearray()
    position = 0
    while position < len(inner):
        if inner[position] != "\\":
            out += inner[position].encode("utf-8", "surrogatepass")
            position += 1
            continue
        found = _ESCAPE.match(inner, position)
        if found is None:
            raise ValueError(f"bad escape in {text}")
        out += _escaped(found, quote)
        position = found.end()
    return out.decode("utf-8", "replace")


def _escaped(found: re.Match[str], quote: str) -> bytes:
    byte, short, long, octal, simple = found.groups()
    if byte or octal:
        number = int(byte, 16) if byte else int(octal, 8)
        if number > 0xFF:
            raise ValueError(f"bad escape {found[0]}")
        return bytes([number])
    if short or long:
        point = int(short or long, 16)
        if point > 0x10FFFF or 0xD800 <= point < 0xE000:
            raise ValueError(f"bad escape {found[0]}")
        return chr(point).encode()
    if simple == quote:
        return quote.encode()
    if simple not in _SIMPLE:
        raise ValueError(f"bad escape {found[0]}")
    return _SIMPLE[simple].encode()


def number(text: str) -> int | float:
    """The value of a number as Go writes it: ``1``, ``0x1F``, ``0b1``, ``017``, ``1_000``, ``1.5``, ``0x1p-2``.

    Raises ValueError for anything else, complex numbers included, and OverflowError beyond 64 bits.
    """
    found = _INTEGER.match(text)
    if found:
        value = _integer(found[2].replace("_", ""))
        value = -value if found[1] == "-" else value
        if not _INT_MIN <= value <= _INT_MAX:
            raise OverflowError(f"integer {text} does not fit into 64 bits")
        return value
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    if _HEX_FLOAT.match(text):
        return float.fromhex(text.replace("_", ""))
    raise ValueError(f"bad number {text}")


def _integer(digits: str) -> int:
    lower = digits.lower()
    if lower.startswith(("0x", "0b", "0o")):
        return int(lower, 0)
    return int(lower, 8) if len(lower) > 1 and lower.startswith("0") else int(lower)
