"""Sample values in text, read and written as Go's strconv does within Prometheus' bounds.

Read: decimal floats, and ``Inf``, ``Infinity``, ``NaN`` in any case. Refused: underscores, hexadecimal floats and
numbers beyond float64, all of which Prometheus refuses too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from fenghuo.model.sample import NAN_BITS, Floats

NAN: Final = float(np.array(NAN_BITS, dtype=np.int64).view(np.float64)[()])

_INFINITIES: Final = frozenset(sign + word for sign in ("", "+", "-") for word in ("inf", "infinity"))
_NOT_IN_NUMBERS: Final = dict.fromkeys(map(ord, " \t\n\r\v\f\x1c\x1d\x1e\x1f_"))
"""Characters that Python's float() takes, trims or skips, and Go's does not."""
_NOT_IN_NUMBERS_BYTES: Final = bytes(_NOT_IN_NUMBERS)
_AT_ONCE: Final = 2048
"""Values converted by one call, which takes 0.5 ms and holds the interpreter for it."""


def float_of(text: str) -> float | None:
    """The value that ``text`` stands for, or None when it is none."""
    if not text.isascii() or text.translate(_NOT_IN_NUMBERS) != text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    if math.isfinite(value):
        return value
    return _odd(text, value)


def floats_of(texts: Sequence[str]) -> Floats | None:
    """float64[n] of many values, or None when one of them is not a bare value."""
    values = np.empty(len(texts), dtype=np.float64)
    for start in range(0, len(texts), _AT_ONCE):
        if not _read_into(values[start : start + _AT_ONCE], texts[start : start + _AT_ONCE]):
            return None
    return values


def bare_floats(texts: Sequence[bytes]) -> Floats | None:
    """float64[n] of many values that are finite decimal floats, or None when one of them is anything else."""
    joined = b"".join(texts)
    if len(joined.translate(None, _NOT_IN_NUMBERS_BYTES)) != len(joined):
        return None
    values = np.empty(len(texts), dtype=np.float64)
    try:
        for start in range(0, len(texts), _AT_ONCE):
            part = texts[start : start + _AT_ONCE]
            values[start : start + len(part)] = np.fromiter(map(float, part), np.float64, len(part))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _read_into(values: Floats, texts: Sequence[str]) -> bool:
    """Read all of ``texts`` into ``values``; False when one is not a bare value."""
    joined = "".join(texts)
    if not joined.isascii() or len(joined.translate(_NOT_IN_NUMBERS)) != len(joined):
        return False
    try:
        values[:] = np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        return False
    for index in np.flatnonzero(~np.isfinite(values)).tolist():
        value = _odd(texts[index], values[index])
        if value is None:
            return False
        values[index] = value
    return True


def _odd(text: str, value: float) -> float | None:
    """Tell the words for infinity and NaN, which Go knows, from an overflow and a signed NaN, which it refuses."""
    word = text.lower()
    if math.isnan(value):
        return NAN if word == "nan" else None
    return value if word in _INFINITIES else None


def format_float(value: float) -> str:
    """The shortest text that reads back as ``value``, as Go prints it with ``'g'``: ``1e+06``, ``0.25``, ``+Inf``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1.0, value) < 0 else "0"
    mantissa, _, exponent_text = f"{value!r}".partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The number is 0.digits * 10**point.
    point = len(whole) + int(exponent_text or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    exponent = point - 1
    if exponent < -4 or exponent >= 6:  # Go's choice for 'g' with the shortest digits.
        return _scientific(digits, exponent)
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def _scientific(digits: str, exponent: int) -> str:
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def canonical_bound(text: str) -> str:
    """A bucket bound or quantile in the one spelling that Prometheus stores: ``1`` becomes ``1.0``.

    Text that is no number stays as it is.
    """
    value = float_of(text)
    if value is None:
        return text
    shown = format_float(value)
    if not math.isfinite(value) or "e" in shown or "." in shown:
        return shown
    return shown + ".0"
