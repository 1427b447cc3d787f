"""Escaping by context: what a value needs where it stands in an HTML page.

The sink reads the fixed text of the template as it passes, so it knows whether a value lands in text, in an
attribute, in a URL, in a script or in a style, and escapes it for that place. Fixed text is trusted; values are
not, except :class:`SafeHtml` in text and :class:`SafeUrl` in URLs.
"""

from __future__ import annotations

import json
import re
from enum import Enum, auto
from typing import Any
from urllib.parse import quote

from fenghuo.template.formatting import bounded, show
from fenghuo.template.values import MISSING, Exposed, SafeHtml, SafeUrl

REFUSED = "ZgotmplZ"
"""What stands in for a value that has no safe form in its place, as Go's html/template writes it."""


class _In(Enum):
    TEXT = auto()
    TAG = auto()
    BEFORE_VALUE = auto()
    VALUE = auto()
    RAW = auto()
    COMMENT = auto()


class _Attribute(Enum):
    PLAIN = auto()
    URL = auto()
    SCRIPT = auto()
    STYLE = auto()


_URL_NAMES = frozenset({"action", "background", "cite", "data", "formaction", "href", "icon", "poster", "src", "xmlns"})
_RAW_TAGS = frozenset({"script", "style", "textarea", "title"})
_TEXT_ESCAPES = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "+": "&#43;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_UNQUOTED_ESCAPES = str.maketrans({char: f"&#{ord(char)};" for char in "\t\n\v\f\r \"'+&<>=`"})
_TAG_START = re.compile(r"<(?=[a-zA-Z/]|\Z)")
_TAG_NAME = re.compile(r"/?[a-zA-Z][\w:-]*")
_ATTRIBUTE_NAME = re.compile(r"[^\s=>/\"'<]+")
_JSON_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_CSS_UNSAFE = re.compile(r"[\0\"'()/;@\[\\\]`{}<>]|--|expression|mozbinding", re.IGNORECASE)
_NAME_SAFE = re.compile(r"[a-zA-Z0-9-]+\Z")
_SCHEME = re.compile(r"\s*([^/?#:]*):")
_RESERVED = "!#$&*+,/:;=?@[]"


class HtmlSink:
    """A :class:`~fenghuo.template.evaluate.Sink` that escapes values for where they land."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._in = _In.TEXT
        self._tag = ""
        self._attribute = _Attribute.PLAIN
        self._quote = ""
        self._url = ""

    def text(self, text: str) -> None:
        self._parts.append(text)
        position = 0
        while position < len(text):
            position = self._read(text, position)

    def value(self, value: Any) -> int:
        text = self._escaped(value)
        self._parts.append(text)
        return len(text)

    def finish(self) -> str:
        return "".join(self._parts)

    # Reading the fixed text

    def _read(self, text: str, position: int) -> int:
        """Read on from ``position`` in the present place; returns where the next place begins."""
        match self._in:
            case _In.TEXT:
                return self._read_text(text, position)
            case _In.RAW:
                return self._until(text, position, f"</{self._tag}", _In.TAG)
            case _In.COMMENT:
                return self._until(text, position, "-->", _In.TEXT)
            case _In.VALUE:
                return self._read_value(text, position)
            case _In.BEFORE_VALUE:
                return self._read_before_value(text, position)
        return self._read_tag(text, position)

    def _until(self, text: str, position: int, end: str, then: _In) -> int:
        found = text.lower().find(end, position)
        if found < 0:
            return len(text)
        if then is _In.TAG:
            self._tag = ""
        self._in = then
        return found + len(end)

    def _read_text(self, text: str, position: int) -> int:
        tag = _TAG_START.search(text, position)
        comment = text.find("<!--", position)
        if comment >= 0 and (tag is None or comment < tag.start()):
            self._in = _In.COMMENT
            return comment + 4
        if tag is None:
            return len(text)
        name = _TAG_NAME.match(text, tag.end())
        self._tag = name[0].lower() if name else ""
        self._in = _In.TAG
        return name.end() if name else tag.end()

    def _read_tag(self, text: str, position: int) -> int:
        char = text[position]
        if char == ">":
            self._in = _In.RAW if self._tag in _RAW_TAGS else _In.TEXT
            return position + 1
        name = _ATTRIBUTE_NAME.match(text, position)
        if name is None:
            return position + 1
        self._attribute = _kind_of(name[0].lower())
        rest = text[name.end() :].lstrip()
        if rest.startswith("="):
            self._in = _In.BEFORE_VALUE
            return text.index("=", name.end()) + 1
        return name.end()

    def _read_before_value(self, text: str, position: int) -> int:
        char = text[position]
        if char.isspace():
            return position + 1
        self._in, self._url = _In.VALUE, ""
        self._quote = char if char in "\"'" else ""
        return position + len(self._quote)

    def _read_value(self, text: str, position: int) -> int:
        ends = self._quote or " \t\r\n>"
        end = next((at for at in range(position, len(text)) if text[at] in ends), len(text))
        self._url += text[position:end]
        if end == len(text):
            return end
        self._in = _In.TAG
        return end + len(self._quote)

    # Escaping a value

    def _escaped(self, value: Any) -> str:
        text = "" if value is None or value is MISSING else show(value)
        match self._in:
            case _In.TEXT:
                return str(value) if isinstance(value, SafeHtml) else text.translate(_TEXT_ESCAPES)
            case _In.RAW:
                return self._in_raw(value, text)
            case _In.COMMENT:
                return ""
            case _In.VALUE | _In.BEFORE_VALUE:
                return self._in_value(value, text)
        return text if _NAME_SAFE.match(text) else REFUSED

    def _in_raw(self, value: Any, text: str) -> str:
        if self._tag == "script":
            return _script(value)
        return _style(text) if self._tag == "style" else text.translate(_TEXT_ESCAPES)

    def _in_value(self, value: Any, text: str) -> str:
        if self._in is _In.BEFORE_VALUE:
            self._in, self._quote, self._url = _In.VALUE, "", ""
        match self._attribute:
            case _Attribute.URL:
                text = self._in_url(value, text)
            case _Attribute.SCRIPT:
                text = _script(value)
            case _Attribute.STYLE:
                text = _style(text)
        return text.translate(_TEXT_ESCAPES if self._quote else _UNQUOTED_ESCAPES)

    def _in_url(self, value: Any, text: str) -> str:
        before = self._url
        self._url += text or "."
        if not before.strip() and not isinstance(value, SafeUrl):
            scheme = _SCHEME.match(text)
            if scheme and scheme[1].strip().lower() not in ("http", "https", "mailto"):
                return f"#{REFUSED}"
        in_query = "?" in before or "#" in before
        return _percent(text, keep_reserved=not in_query or isinstance(value, SafeUrl))


def _kind_of(name: str) -> _Attribute:
    bare = name.removeprefix("data-").rpartition(":")[2]
    if bare.startswith("on"):
        return _Attribute.SCRIPT
    if bare == "style":
        return _Attribute.STYLE
    if bare in _URL_NAMES or "src" in bare or "uri" in bare or "url" in bare:
        return _Attribute.URL
    return _Attribute.PLAIN


def _percent(text: str, *, keep_reserved: bool) -> str:
    if not keep_reserved:
        escaped = quote(text, safe="")
    else:
        escaped = re.sub(r"%(?![0-9a-fA-F]{2})", "%25", quote(text, safe=_RESERVED + "%"))
    # Go writes its own escapes in lower case; those that were there already stay as they are.
    written = {found.upper() for found in re.findall(r"%[0-9a-fA-F]{2}", text)} if keep_reserved else set()
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0] if found[0] in written else found[0].lower(), escaped)


def _style(text: str) -> str:
    return REFUSED if _CSS_UNSAFE.search(text) else text


def _script(value: Any) -> str:
    def other(item: Any) -> Any:
        return item.template_json() if isinstance(item, Exposed) else None if item is MISSING else show(item)

    return json.dumps(bounded(value), ensure_ascii=False, default=other).translate(_JSON_ESCAPES)
