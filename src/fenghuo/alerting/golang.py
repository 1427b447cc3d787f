"""Go's string literals, which Alertmanager's matchers are quoted with."""

from __future__ import annotations

import re
from typing import Final

from fenghuo.base.errors import InputError

_ESCAPE: Final = re.compile(
    rb'\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))|(\\|\n)'
)
_SIMPLE: Final = dict(zip(b'abfnrtv\\"', b'\a\b\f\n\r\t\v\\"', strict=True))


def unquote(literal: str) -> str:
    """The text that a double-quoted Go literal means, quotes included in ``literal``.

    Raises InputError for escapes that Go does not know, line feeds, and bytes that are not UTF-8.
    """

    def replace(found: re.Match[bytes]) -> bytes:
        simple, byte, short, long, octal, wrong = found.groups()
        if wrong is not None:
            raise InputError(f"{literal}: invalid escape or line feed inside quotes", remedy="double the backslash")
        if simple is not None:
            return bytes((_SIMPLE[simple[0]],))
        if byte is not None:
            return bytes((int(byte, 16),))
        if octal is not None:
            return bytes((_octal(octal, literal),))
        return _code_point(int(short or long, 16), literal)

    try:
        return _ESCAPE.sub(replace, literal[1:-1].encode()).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{literal}: the bytes are not UTF-8") from error


def _octal(digits: bytes, literal: str) -> int:
    value = int(digits, 8)
    if value > 0xFF:
        raise InputError(f"{literal}: octal escape beyond one byte")
    return value


def _code_point(value: int, literal: str) -> bytes:
    if value > 0x10FFFF or 0xD800 <= value < 0xE000:
        raise InputError(f"{literal}: U+{value:04X} is not a character")
    return chr(value).encode()
