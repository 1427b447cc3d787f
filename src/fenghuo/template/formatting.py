"""How Go prints values: :func:`show` is ``%v``, :func:`print_all` is ``print``. ``printf`` has a file of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fenghuo.base.errors import InputError
from fenghuo.template.values import MISSING, Exposed, type_name

VALUE_CHARS_MAX = 4_000_000
"""The longest text of one value: what a whole rendering may write by default."""
ITEM_CHARS = 16
"""What an item of a list counts for besides its text. Walking over a quarter million of them takes 0.2 s."""


def shortest(value: float) -> str:
    """``%v`` of a float: the fewest digits that read back the same, ``1e+06`` from a million on."""
    return special(value) or finite(value, exponent_from=6)


def special(value: float) -> str:
    """``NaN``, ``+Inf`` and ``-Inf``; empty for every other number."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return ""


def _digits(value: float) -> tuple[str, str, int]:
    """Sign, shortest significant digits, and decimal exponent of the first digit."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    shift = len(digits) + int(exponent) - 1 if text != "0" else 0
    return "-" if sign else "", text, shift


def finite(value: float, exponent_from: int) -> str:
    """The shortest digits of a finite number, with an exponent below 1e-4 and from 10^``exponent_from`` on."""
    sign, digits, exponent = _digits(value)
    if exponent < -4 or exponent >= exponent_from:
        mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    rest = digits[exponent + 1 :]
    return f"{sign}{whole}{'.' + rest if rest else ''}"


def show(value: Any) -> str:
    """``%v``: what ``print`` writes of one value. Raises InputError for one that is too large (:func:`bounded`)."""
    return _show(bounded(value))


def bounded(value: Any) -> Any:
    """``value`` itself, once it is known that its text stays within VALUE_CHARS_MAX.

    Values that hold the same list many times over are small in memory and endless in print. Raises InputError.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    left = VALUE_CHARS_MAX
    waiting = [value]
    while waiting:
        item = waiting.pop()
        inner = _inner(item)
        left -= len(item) if isinstance(item, str) else ITEM_CHARS * (1 + len(inner))
        if left < 0:
            raise InputError(f"a value whose text exceeds {VALUE_CHARS_MAX} characters")
        waiting += inner
    return value


def _inner(value: Any) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    return fields_of(value) if isinstance(value, Exposed) and not isinstance(value, int | str) else ()


def _show(value: Any) -> str:
    if isinstance(value, Exposed):
        own = own_text(value)
        if own is not None:
            return own
    match value:
        case None:
            return "<nil>"
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return shortest(value)
        case Mapping():
            return f"map[{' '.join(f'{_show(key)}:{_show(item)}' for key, item in ordered(value))}]"
        case Sequence():
            return f"[{' '.join(_show(item) for item in value)}]"
        case Exposed():
            return "{" + " ".join(_show(item) for item in fields_of(value)) + "}"
    return repr(value) if value is MISSING else f"<{type_name(value)}>"


def own_text(value: Exposed) -> str | None:
    """What a class with a ``__str__`` of its own (Go's Stringer) says of itself."""
    base = int if isinstance(value, int) else str if isinstance(value, str) else object
    return None if type(value).__str__ is base.__str__ else str(value)


def fields_of(value: Exposed) -> list[Any]:
    """The values of a struct's fields, methods left out."""
    found = (getattr(value, attribute) for attribute in value.template_names.values())
    return [item for item in found if not callable(item)]


def ordered(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """The items of a map in Go's order of printing and ranging: sorted by key, numbers before text."""
    return sorted(mapping.items(), key=lambda item: (isinstance(item[0], str), item[0]))


def print_all(values: Sequence[Any]) -> str:
    """Go's Sprint: a space between two values when neither is text."""
    out: list[str] = []
    for at, value in enumerate(values):
        if at and not isinstance(value, str) and not isinstance(values[at - 1], str):
            out.append(" ")
        out.append(show(value))
    return "".join(out)
