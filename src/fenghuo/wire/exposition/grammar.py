"""The grammar of a series, ``name{label="value", …}``, in both formats, read token by token.

This is the careful reader: it takes every form that Prometheus' lexers take, and says of anything else what was
expected and what stood there. The parser calls it only for lines that its quick paths do not know.

What Prometheus takes beyond the specifications, and so do we:

- text 0.0.4: blanks between all tokens, or none at all before the value; labels without a comma between them;
  line breaks inside quotes;
- OpenMetrics: a comma after the last label.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from fenghuo.model.labels import METRIC_NAME
from fenghuo.wire.exposition.layout import Format

Pair: TypeAlias = tuple[str, str]

_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*+", re.ASCII)
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*+", re.ASCII)
_QUOTED: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"')
_QUOTED_LINE: Final = re.compile(r'"(?:[^"\\\n]++|\\.)*+"')
_BLANKS: Final = re.compile(r"[ \t]*+")
_ESCAPE: Final = re.compile(r'\\([\\"n])')
_ESCAPED: Final = {"\\": "\\", '"': '"', "n": "\n"}
_SHOWN_CHARS_MAX: Final = 40


class UnreadableError(Exception):
    """A line is not of the format. Never leaves this package. ``open_quote``: the line ends inside quotes."""

    def __init__(self, message: str, *, open_quote: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.open_quote = open_quote


def unescape(text: str) -> str:
    r"""Resolve ``\\``, ``\"`` and ``\n``; any other backslash stays."""
    return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], text) if "\\" in text else text


def expected(what: str, text: str, at: int) -> UnreadableError:
    """The complaint that at index ``at`` of ``text`` something else stands than ``what``."""
    rest = text[at : at + _SHOWN_CHARS_MAX]
    return UnreadableError(f"expected {what}, got {rest!r}" if rest else f"expected {what}, got the end of the line")


def check_utf8(name: str, value: str) -> None:
    """Raise UnreadableError for a label of bytes that were no UTF-8: they were decoded to lone surrogates."""
    try:
        (name + value).encode()
    except UnicodeEncodeError as error:
        raise UnreadableError(f"label {name!r} is not valid UTF-8") from error


class SeriesReader:
    """Reads one series from ``text``, which begins at the series and may go on behind it.

    After :meth:`read`, ``end`` is the index behind the series and the blanks that may follow it. Raises
    UnreadableError.
    """

    def __init__(self, text: str, dialect: Format, *, start: int = 0) -> None:
        self._text = text
        self._lenient = dialect is Format.TEXT
        self.end = start

    def read(self) -> tuple[Pair, ...]:
        """All pairs with ``__name__`` first, as written: unsorted, empty values included."""
        self._skip_blanks()
        name = self._take(_METRIC)
        self._skip_blanks()
        pairs: list[Pair] = []
        if self._peek() == "{":
            name = self._braces(name, pairs)
        elif name is None:
            raise expected("a metric name", self._text, self.end)
        self._skip_blanks()
        if not name:
            raise UnreadableError("the metric name is missing")
        return ((METRIC_NAME, name), *pairs)

    def read_exemplar_labels(self) -> tuple[Pair, ...]:
        """The labels of an exemplar, from the opening brace on."""
        pairs: list[Pair] = []
        self._braces(None, pairs, may_name=False)
        return tuple(pairs)

    def _braces(self, name: str | None, pairs: list[Pair], *, may_name: bool = True) -> str | None:
        self.end += 1
        self._skip_blanks()
        while self._peek() != "}":
            start = self.end
            quoted = self._take(_QUOTED)
            label = unescape(quoted[1:-1]) if quoted is not None else self._take(_LABEL)
            if label is None:
                raise self._expected_quoted("a label name", start)
            self._skip_blanks()
            if quoted is not None and may_name and self._peek() in (",", "}"):
                if name is not None:
                    raise UnreadableError(f"the metric name stands twice: {name!r} and {label!r}")
                name = label
                self._comma(must=False)
                continue
            pairs.append((label, self._value(label)))
            self._comma(must=not self._lenient)
        self.end += 1
        return name

    def _value(self, label: str) -> str:
        if self._peek() != "=":
            raise expected(f"'=' after label name {label!r}", self._text, self.end)
        if not label:
            raise UnreadableError("a label name is empty")
        self.end += 1
        self._skip_blanks()
        value = self._take(_QUOTED if self._lenient else _QUOTED_LINE)
        if value is None:
            raise self._expected_quoted(f"the value of label {label!r} in double quotes", self.end)
        self._skip_blanks()
        return unescape(value[1:-1])

    def _comma(self, *, must: bool) -> None:
        if self._peek() == ",":
            self.end += 1
            self._skip_blanks()
        elif must and self._peek() != "}":
            raise expected("',' or '}'", self._text, self.end)

    def _expected_quoted(self, what: str, at: int) -> UnreadableError:
        error = expected(what, self._text, at)
        error.open_quote = self._lenient and self._text.startswith('"', at)
        return error

    def _peek(self) -> str:
        return self._text[self.end : self.end + 1]

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self.end)
        if found is None:
            return None
        self.end = found.end()
        return found[0]

    def _skip_blanks(self) -> None:
        if self._lenient:
            found = _BLANKS.match(self._text, self.end)
            assert found is not None
            self.end = found.end()
