"""The functions that every Go template has. ``and`` and ``or`` are not here: they are part of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from fenghuo.base.errors import InputError
from fenghuo.template import formatting, values
from fenghuo.template.printf import printf
from fenghuo.template.values import type_name

_HTML = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
)


def equal(first: Any, *others: Any) -> bool:
    """``eq a b c``: whether a equals one of the others.

    Integers and floats compare by value, where Go refuses: ``eq $value 1`` means what its writer meant.
    """
    if not others:
        raise InputError("missing argument for comparison")
    return any(_equal_two(first, other) for other in others)


def _equal_two(first: Any, second: Any) -> bool:
    first, second = values.plain(first), values.plain(second)
    for value in (first, second):
        if isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str)):
            if first is None or second is None:
                return False
            raise InputError(f"non-comparable type {type_name(value)}")
    if first is None or second is None:
        return first is second
    if _kind(first) != _kind(second):
        raise InputError(f"incompatible types for comparison: {type_name(first)} and {type_name(second)}")
    return bool(first == second)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else type_name(value)


def not_equal(first: Any, second: Any) -> bool:
    return not _equal_two(first, second)


def less(first: Any, second: Any) -> bool:
    """``lt``: numbers by value, text by code point. Raises InputError for what has no order."""
    kinds = _kind(first), _kind(second)
    if kinds[0] not in ("number", "string"):
        raise InputError(f"invalid type for comparison: {type_name(first)}")
    if kinds[0] != kinds[1]:
        raise InputError(f"incompatible types for comparison: {type_name(first)} and {type_name(second)}")
    return bool(first < second)


def less_or_equal(first: Any, second: Any) -> bool:
    return less(first, second) or _equal_two(first, second)


def greater(first: Any, second: Any) -> bool:
    return not less_or_equal(first, second)


def greater_or_equal(first: Any, second: Any) -> bool:
    return not less(first, second)


def escape_html(text: str) -> str:
    """``text`` for HTML's text and quoted attributes."""
    return text.translate(_HTML)


def escape_js(text: str) -> str:
    """``text`` for a JavaScript string."""
    escaped = text.translate(_JS)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04X}" for char in escaped)


def _on_text(escape: Callable[[str], str]) -> Callable[..., str]:
    def escaped(*args: Any) -> str:
        return escape(formatting.print_all(args))

    return escaped


def _print(*args: Any) -> str:
    return formatting.print_all(args)


def _println(*args: Any) -> str:
    return " ".join(formatting.show(arg) for arg in args) + "\n"


def _printf(form: str, *args: Any) -> str:
    return printf(form, args)


def _not(value: Any) -> bool:
    return not values.is_true(value)


def _index(container: Any, *keys: Any) -> Any:
    return values.index(container, keys)


def _slice(container: Any, *bounds: Any) -> Any:
    return values.cut(container, bounds)


BUILTINS: Mapping[str, Callable[..., Any]] = {
    "eq": equal,
    "ne": not_equal,
    "lt": less,
    "le": less_or_equal,
    "gt": greater,
    "ge": greater_or_equal,
    "html": _on_text(escape_html),
    "index": _index,
    "js": _on_text(escape_js),
    "len": values.length,
    "not": _not,
    "print": _print,
    "printf": _printf,
    "println": _println,
    "slice": _slice,
    "urlquery": _on_text(quote_plus),
}
