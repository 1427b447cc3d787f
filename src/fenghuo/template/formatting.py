"""Go's fmt: how values print, and ``printf``.

:func:`show` is ``%v``; :func:`printf` takes verbs with flags, width, precision and argument numbers. Mistakes in
a format do not raise: they print as Go prints them, ``%!d(string=hi)``, ``%!s(MISSING)``, ``%!(EXTRA int=1)``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fenghuo.model.labels import quote
from fenghuo.template.values import MISSING, Exposed, type_name

WIDTH_MAX = 1_000_000
"""Go's own bound of width and precision."""

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?:\[(?P<width_arg>\d+)\](?=\*))?(?P<width>\*|\d+)?"
    r"(?P<dot>\.(?:\[(?P<precision_arg>\d+)\](?=\*))?(?P<precision>\*|\d+)?)?(?:\[(?P<arg>\d+)\])?(?P<verb>.)?",
    re.DOTALL,
)


def shortest(value: float) -> str:
    """``%v`` of a float: the fewest digits that read back the same, ``1e+06`` from a million on."""
    return _special(value) or _shortest_finite(value, exponent_from=6)


def _special(value: float) -> str:
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


def _shortest_finite(value: float, exponent_from: int) -> str:
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
    """``%v``: what ``print`` writes of one value."""
    if isinstance(value, Exposed):
        own = _own_text(value)
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
            return f"map[{' '.join(f'{show(key)}:{show(item)}' for key, item in ordered(value))}]"
        case Sequence():
            return f"[{' '.join(show(item) for item in value)}]"
        case Exposed():
            return "{" + " ".join(show(item) for item in _fields(value)) + "}"
    return repr(value) if value is MISSING else f"<{type_name(value)}>"


def _own_text(value: Exposed) -> str | None:
    """What a class with a ``__str__`` of its own (Go's Stringer) says of itself."""
    base = int if isinstance(value, int) else str if isinstance(value, str) else object
    return None if type(value).__str__ is base.__str__ else str(value)


def _fields(value: Exposed) -> list[Any]:
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


@dataclass(frozen=True, slots=True)
class _Spec:
    """One ``%…`` of a format, its flags and numbers resolved."""

    verb: str
    flags: str = ""
    width: int | None = None
    precision: int | None = None

    @property
    def sign(self) -> str:
        return "+" if "+" in self.flags else " " if " " in self.flags else ""

    def pad(self, text: str, *, numeric: bool = False) -> str:
        if self.width is None:
            return text
        if "-" in self.flags:
            return text.ljust(self.width)
        if "0" in self.flags and numeric:
            sign = text[:1] if text[:1] in ("+", "-", " ") else ""
            return sign + text[len(sign) :].rjust(self.width - len(sign), "0")
        return text.rjust(self.width)


class _Arguments:
    """The values that a format consumes, in order or by number."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values
        self._next = 0
        self._numbered = False

    def select(self, number: str | None) -> bool:
        """Go to argument ``number`` (from 1), if one is named; false when there is none such."""
        if number is None:
            return True
        self._numbered = True
        self._next = int(number) - 1
        return 0 <= self._next < len(self._values)

    def take(self) -> tuple[bool, Any]:
        if self._next >= len(self._values):
            return False, None
        self._next += 1
        return True, self._values[self._next - 1]

    def left(self) -> Sequence[Any]:
        return () if self._numbered else self._values[self._next :]


def printf(template: str, values: Sequence[Any]) -> str:
    """Go's Sprintf."""
    out: list[str] = []
    arguments = _Arguments(values)
    position = 0
    while True:
        found = _VERB.search(template, position)
        if found is None:
            out.append(template[position:])
            break
        out += (template[position : found.start()], _one(found, arguments))
        position = found.end()
    left = arguments.left()
    if left:
        inner = ", ".join("<nil>" if value is None else f"{type_name(value)}={show(value)}" for value in left)
        out.append(f"%!(EXTRA {inner})")
    return "".join(out)


def _one(found: re.Match[str], arguments: _Arguments) -> str:
    flags = found["flags"]
    if not arguments.select(found["width_arg"]):
        return f"%!{found['verb'] or ''}(BADINDEX)"
    width, width_fault = _number(found["width"], arguments, "WIDTH")
    if width is not None and width < 0:
        flags, width = flags + "-", -width
    if not arguments.select(found["precision_arg"]):
        return f"%!{found['verb'] or ''}(BADINDEX)"
    precision, precision_fault = _number(found["precision"], arguments, "PREC")
    if found["dot"] and precision is None:
        precision = 0
    fault = width_fault + precision_fault
    verb = found["verb"]
    if verb is None:
        return f"{fault}%!(NOVERB)"
    if verb == "%":
        return f"{fault}%"
    if not arguments.select(found["arg"]):
        return f"{fault}%!{verb}(BADINDEX)"
    there, value = arguments.take()
    if not there:
        return f"{fault}%!{verb}(MISSING)"
    return fault + _format(_Spec(verb, flags, width, precision), value)


def _number(text: str | None, arguments: _Arguments, fault: str) -> tuple[int | None, str]:
    if text is None:
        return None, ""
    if text != "*":
        number = int(text)
        return (number, "") if number <= WIDTH_MAX else (None, f"%!(BAD{fault})")
    there, value = arguments.take()
    if not there or isinstance(value, bool) or not isinstance(value, int) or abs(value) > WIDTH_MAX:
        return None, f"%!(BAD{fault})"
    if fault == "PREC" and value < 0:
        return None, ""
    return int(value), ""


def _format(spec: _Spec, value: Any) -> str:
    if spec.verb == "T":
        return spec.pad(type_name(value))
    if value is None:
        return spec.pad("<nil>") if spec.verb == "v" else f"%!{spec.verb}(<nil>)"
    if spec.verb == "v" and "#" in spec.flags:
        return spec.pad(_syntax(value))
    if isinstance(value, Exposed) and spec.verb in "vsqxX":
        own = _own_text(value)
        if own is not None:
            return _text(spec, own)
    match value:
        case bool():
            return spec.pad(show(value)) if spec.verb in "vt" else _bad(spec, value)
        case int():
            return _integer(spec, int(value))
        case float():
            return _float(spec, value)
        case str():
            return _text(spec, value)
        case Mapping():
            inner = " ".join(f"{_format(spec, key)}:{_format(spec, item)}" for key, item in ordered(value))
            return f"map[{inner}]"
        case Sequence():
            return f"[{' '.join(_format(spec, item) for item in value)}]"
        case Exposed():
            return "{" + " ".join(_format(spec, item) for item in _fields(value)) + "}"
    return _bad(spec, value)


def _bad(spec: _Spec, value: Any) -> str:
    return f"%!{spec.verb}({type_name(value)}={show(value)})"


def _integer(spec: _Spec, value: int) -> str:
    sign = "-" if value < 0 else spec.sign
    digits = abs(value)
    if spec.verb in _BASES:
        body = _BASES[spec.verb](digits)
        if spec.precision is not None:
            body = body.rjust(spec.precision, "0")
            spec = replace(spec, flags=spec.flags.replace("0", ""))
        prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(spec.verb, "") if "#" in spec.flags else ""
        return spec.pad(sign + prefix + body, numeric=True)
    if spec.verb in "cqU":
        valid = 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000
        char = chr(value) if valid else "\ufffd"
        shown = {"c": char, "q": f"'{quote(char)[1:-1]}'", "U": f"U+{digits:04X}"}[spec.verb]
        return spec.pad(shown)
    return _bad(spec, value)


_BASES: dict[str, Callable[[int], str]] = {
    "d": str,
    "v": str,
    "b": "{:b}".format,
    "o": "{:o}".format,
    "O": "0o{:o}".format,
    "x": "{:x}".format,
    "X": "{:X}".format,
}


def _float(spec: _Spec, value: float) -> str:
    if spec.verb not in "veEfFgG":
        return _bad(spec, value)
    special = _special(value)
    if special:
        signed = (spec.sign + special if special == "NaN" else special).replace("+Inf", f"{spec.sign or '+'}Inf")
        return replace(spec, flags=spec.flags.replace("0", "")).pad(signed)
    verb = "g" if spec.verb == "v" else spec.verb
    if verb in "gG" and spec.precision is None:
        text = _shortest_finite(value, exponent_from=21 if "#" in spec.flags else 6)
        text = text.upper() if verb == "G" else text
    else:
        precision = 6 if spec.precision is None else spec.precision
        text = f"{value:.{precision}{verb}}"
    return spec.pad(text if text.startswith("-") else spec.sign + text, numeric=True)


def _text(spec: _Spec, value: str) -> str:
    match spec.verb:
        case "v" | "s":
            return spec.pad(value if spec.precision is None else value[: spec.precision])
        case "q":
            cut = value if spec.precision is None else value[: spec.precision]
            return spec.pad(f"`{cut}`" if "#" in spec.flags and "`" not in cut else quote(cut))
        case "x" | "X":
            encoded = value.encode()[: spec.precision]
            text = encoded.hex(" ") if " " in spec.flags and encoded else encoded.hex()
            return spec.pad(text.upper() if spec.verb == "X" else text)
    return _bad(spec, value)


def _syntax(value: Any) -> str:
    """``%#v``: the value in Go syntax."""
    match value:
        case str():
            return quote(value)
        case Mapping():
            inner = ", ".join(f"{_syntax(key)}:{_syntax(item)}" for key, item in ordered(value))
            return f"{type_name(value)}{{{inner}}}"
        case list() | tuple():
            return f"{type_name(value)}{{{', '.join(map(_syntax, value))}}}"
        case float():
            return _special(value) or _shortest_finite(value, exponent_from=21)
    return show(value)
