"""Go's ``printf``: verbs with flags, width, precision and argument numbers.

Mistakes in a format do not raise: they print as Go prints them, ``%!d(string=hi)``, ``%!s(MISSING)``,
``%!(EXTRA int=1)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fenghuo.model.labels import quote
from fenghuo.template.formatting import bounded, fields_of, finite, ordered, own_text, show, special
from fenghuo.template.values import Exposed, type_name

WIDTH_MAX = 1_000_000
"""Go's own bound of width and precision."""

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?:\[(?P<width_arg>\d+)\](?=\*))?(?P<width>\*|\d+)?"
    r"(?P<dot>\.(?:\[(?P<precision_arg>\d+)\](?=\*))?(?P<precision>\*|\d+)?)?(?:\[(?P<arg>\d+)\])?(?P<verb>.)?",
    re.DOTALL,
)


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
    return fault + _format(_Spec(verb, flags, width, precision), bounded(value))


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
        own = own_text(value)
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
            return "{" + " ".join(_format(spec, item) for item in fields_of(value)) + "}"
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
    odd = special(value)
    if odd:
        signed = (spec.sign + odd if odd == "NaN" else odd).replace("+Inf", f"{spec.sign or '+'}Inf")
        return replace(spec, flags=spec.flags.replace("0", "")).pad(signed)
    verb = "g" if spec.verb == "v" else spec.verb
    if verb in "gG" and spec.precision is None:
        text = finite(value, exponent_from=21 if "#" in spec.flags else 6)
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
            return special(value) or finite(value, exponent_from=21)
    return show(value)
