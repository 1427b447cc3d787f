"""The functions that rules and notices share, under the names that Prometheus and Alertmanager give them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from fenghuo.base.errors import InputError
from fenghuo.model.regex import Replacement, compile_free
from fenghuo.template import golayout, humanize
from fenghuo.template.formatting import bounded, ordered
from fenghuo.template.gotime import SECOND_NS, ZERO_TIME_NS, Duration, Time
from fenghuo.template.values import MISSING, Exposed, SafeHtml, SafeUrl, type_name

_BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}")


def title(text: str) -> str:
    """Every word's first letter in upper case, the rest as it is."""
    out = list(text)
    for at, char in enumerate(out):
        if char.isalnum() and (at == 0 or not (text[at - 1].isalnum() or text[at - 1] in "'_’")):
            out[at] = char.upper() if len(char.upper()) == 1 else char
    return "".join(out)


def to_upper(text: str) -> str:
    return _by_character(text, str.upper)


def to_lower(text: str) -> str:
    return _by_character(text, str.lower)


def _by_character(text: str, change: Callable[[str], str]) -> str:
    """Go's way: one character at a time, and none becomes two (``ß`` has no upper case)."""
    return change(text) if text.isascii() else "".join(new if len(new := change(char)) == 1 else char for char in text)


def trim_space(text: str) -> str:
    return text.strip()


def join(separator: str, items: Sequence[Any]) -> str:
    """``join "," list``: the separator comes first so that lists can be piped in."""
    for item in items:
        if not isinstance(item, str):
            raise InputError(f"wrong type for value; expected string; got {type_name(item)}")
    return separator.join(items)


def match(pattern: str, text: str) -> bool:
    """Whether the regular expression is found anywhere in the text."""
    return compile_free(pattern).search(text) is not None


def re_replace_all(pattern: str, replacement: str, text: str) -> str:
    """Every match replaced; ``$1`` and ``${name}`` stand for groups."""
    compiled = compile_free(pattern)
    expand = Replacement(replacement, compiled).expand
    out: list[str] = []
    end = 0
    for found in compiled.finditer(text):
        if out and found.end() == end:
            continue  # As in Go, nothing is found at the very end of the match before.
        out += (text[end : found.start()], expand(found))
        end = found.end()
    return "".join(out) + text[end:]


def safe_html(text: str) -> str:
    """Text that an HTML template passes on as it is."""
    return SafeHtml(text)


def safe_url(text: str) -> str:
    """A URL whose parts an HTML template does not encode again."""
    return SafeUrl(text)


def url_unescape(text: str) -> str:
    """Percent escapes and ``+`` undone. Raises InputError for a broken escape."""
    broken = _BROKEN_ESCAPE.search(text)
    if broken:
        raise InputError(f'invalid URL escape "{broken[0]}"')
    return unquote_plus(text)


def url_query_escape(text: str) -> str:
    return quote_plus(text)


def string_slice(*items: str) -> list[str]:
    return list(items)


def make_list(*items: Any) -> list[Any]:
    return list(items)


def append(items: Sequence[Any], *more: Any) -> list[Any]:
    return [*items, *more]


def make_dict(*pairs: Any) -> dict[str, Any]:
    """``dict "a" 1 "b" 2``. Raises InputError for an odd count and for keys that are not text."""
    if len(pairs) % 2:
        raise InputError("dict expects an even number of arguments")
    keys = pairs[::2]
    for key in keys:
        if not isinstance(key, str):
            raise InputError(f"dict keys must be strings, got {type_name(key)}")
    return dict(zip(keys, pairs[1::2], strict=True))


def base64_encode(text: str) -> str:
    """In the alphabet for URLs, padded."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def base64_decode(text: str) -> str:
    """Raises InputError for what is not base64 in the alphabet for URLs."""
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise InputError(f"illegal base64 data: {error}") from error


def to_json(value: Any) -> str:
    """Compact JSON as Go writes it: maps sorted by key, structs in their own order, ``<``, ``>``, ``&`` escaped."""
    try:
        text = json.dumps(_jsonable(bounded(value)), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise InputError(f"json: unsupported value: {error}") from error
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _jsonable(value: Any) -> Any:
    if isinstance(value, Exposed):
        own = value.template_json()
        if isinstance(own, dict) and not isinstance(value, Mapping):
            return {name: _jsonable(item) for name, item in own.items()}
        return _jsonable(own)
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in ordered(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_jsonable(item) for item in value]
    return None if value is MISSING else value


def date(layout: str, moment: Any) -> str:
    """A time written in Go's layout."""
    return _as_time(moment).format(layout)


def in_zone(name: str, moment: Any) -> Time:
    """The same moment in another zone."""
    return _as_time(moment).in_zone(name)


def must_to_date(layout: str, text: str) -> Time:
    """The time that ``text`` names; raises InputError when it does not fit the layout."""
    return Time.of_moment(*golayout.read(layout, text))


def to_date(layout: str, text: str) -> Time:
    """The same, with Go's zero time for what does not fit."""
    try:
        return must_to_date(layout, text)
    except InputError:
        return Time(ZERO_TIME_NS)


def since(now_ms: Callable[[], int]) -> Callable[[Any], Duration]:
    """The function ``since`` over a clock: how long ago a time was."""

    def elapsed(moment: Any) -> Duration:
        return Duration(now_ms() * (SECOND_NS // 1000) - _as_time(moment).epoch_ns)

    return elapsed


def _as_time(value: Any) -> Time:
    if not isinstance(value, Time):
        raise InputError(f"wrong type for value; expected time.Time; got {type_name(value)}")
    return value


TEXT_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "join": join,
    "match": match,
    "reReplaceAll": re_replace_all,
    "safeHtml": safe_html,
    "safeUrl": safe_url,
    "stringSlice": string_slice,
    "title": title,
    "toLower": to_lower,
    "toUpper": to_upper,
    "trimSpace": trim_space,
    "urlQueryEscape": url_query_escape,
    "urlUnescape": url_unescape,
}
"""Text. Part of both tools' templates here, although each upstream lacks some."""

DATA_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "append": append,
    "base64decode": base64_decode,
    "base64encode": base64_encode,
    "date": date,
    "dict": make_dict,
    "humanizeDuration": humanize.humanize_duration,
    "list": make_list,
    "mustToDate": must_to_date,
    "toDate": to_date,
    "toJson": to_json,
    "tz": in_zone,
}
"""Lists, maps, JSON and dates, as Alertmanager's notices have them; ``since`` needs a clock: :func:`since`."""
