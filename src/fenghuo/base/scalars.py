"""Plain scalars of YAML 1.1 as flags and numbers, the way Go's decoder reads them into typed fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_TRUE_TEXTS: Final = frozenset(
    form for word in ("y", "yes", "true", "on") for form in (word, word.title(), word.upper())
)
_FALSE_TEXTS: Final = frozenset(
    form for word in ("n", "no", "false", "off") for form in (word, word.title(), word.upper())
)
_INTEGER: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)\Z")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_ODD_FLOATS: Final = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}


def flag(text: str) -> bool:
    """``true``, ``yes``, ``on``, ``y`` and their opposites. Raises ValueError for anything else."""
    if text in _TRUE_TEXTS or text in _FALSE_TEXTS:
        return text in _TRUE_TEXTS
    raise ValueError(f"{text[:80]!r} is neither true nor false")


def integer(text: str) -> int:
    """``15``, ``1_000``, ``0x1f``, octal ``017``, and a float without a fraction. Raises ValueError."""
    if _INTEGER.match(text):
        bare = text.replace("_", "").lower()
        digits = bare.lstrip("+-")
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        if not octal or set(digits) <= set("01234567"):
            return int(bare, 8 if octal else 0)
    elif _FLOAT.match(text) and (value := float(text.replace("_", ""))).is_integer():
        return int(value)
    raise ValueError(f"{text[:80]!r} is not a whole number")


def number(text: str) -> float:
    """A decimal number, ``.inf`` or ``.nan``. Raises ValueError."""
    if text.lower() in _ODD_FLOATS:
        return _ODD_FLOATS[text.lower()]
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    raise ValueError(f"{text[:80]!r} is not a number")


SCALARS: Final[Mapping[type, Callable[[str], Any]]] = {bool: flag, int: integer, float: number}
"""How each type of field is read."""
