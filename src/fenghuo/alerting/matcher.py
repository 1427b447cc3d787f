"""Alertmanager's matchers: conditions on labels, in its UTF-8 syntax and in the classic one.

``foo="bar"``, ``"label with blanks" =~ "a|b"``, ``{severity!=info, team=db}``. An input that both syntaxes accept
but read differently means what the classic syntax says, so that old files keep their meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fenghuo.alerting.golang import unquote
from fenghuo.base.errors import InputError
from fenghuo.model.labels import quote
from fenghuo.model.matcher import MatchOp
from fenghuo.model.regex import compile_free

RESERVED: Final = frozenset("{}!=~,\\\"'`")
_OPERATORS: Final = ("!=", "=~", "!~", "=")
_CLASSIC: Final = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*\Z", re.DOTALL)
_ESCAPED: Final = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True, order=True)
class AlertMatcher:
    """One condition on one label of an alert; a label that is not there has the value ``""``.

    Unlike Prometheus' matchers a ``.`` in the expression does not match a line feed. Raises InputError at
    construction when a regular expression is not one.
    """

    name: str
    value: str
    op: MatchOp

    def __post_init__(self) -> None:
        if self.op in (MatchOp.REGEX, MatchOp.NOT_REGEX):
            compile_free(self._pattern())

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the alert's labels meet this condition."""
        value = labels.get(self.name, "")
        if self.op is MatchOp.EQUAL:  # Nearly all are, and this is asked for every alert.
            return value == self.value
        match self.op:
            case MatchOp.NOT_EQUAL:
                return value != self.value
            case MatchOp.REGEX:
                return compile_free(self._pattern()).match(value) is not None
            case MatchOp.NOT_REGEX:
                return compile_free(self._pattern()).match(value) is None

    def _pattern(self) -> str:
        return f"^(?:{self.value})$"

    def __str__(self) -> str:
        odd = not self.name or any(char in RESERVED or char.isspace() for char in self.name)
        value = self.value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')  # As OpenMetrics escapes.
        return f'{quote(self.name) if odd else self.name}{self.op}"{value}"'


def match_all(matchers: Iterable[AlertMatcher], labels: Mapping[str, str]) -> bool:
    """Whether the labels meet every condition; no condition at all is met by everything."""
    for matcher in matchers:  # noqa: SIM110 - there are few: all() over a generator takes twice as long
        if not matcher.matches(labels):
            return False
    return True


def show_matchers(matchers: Iterable[AlertMatcher]) -> str:
    """``{a="b",c=~"d"}``, as route keys are written."""
    return "{" + ",".join(str(matcher) for matcher in matchers) + "}"


def parse_matchers(text: str) -> list[AlertMatcher]:
    """Matchers in either syntax. Raises InputError naming the place when neither accepts the text."""
    modern, complaint = _attempt(_parse_modern, text)
    classic, _ = _attempt(_parse_classic, text)
    chosen = classic if classic is not None else modern
    if chosen is None:
        assert complaint is not None
        raise complaint
    return chosen


def parse_matcher(text: str) -> AlertMatcher:
    """Exactly one matcher. Raises InputError for none and for several."""
    matchers = parse_matchers(text)
    if len(matchers) != 1:
        raise InputError(f"one matcher is expected in {text!r}, found {len(matchers)}")
    return matchers[0]


def _attempt(
    parse: Callable[[str], list[AlertMatcher]], text: str
) -> tuple[list[AlertMatcher] | None, InputError | None]:
    try:
        return parse(text), None
    except InputError as error:
        return None, error


# --- the UTF-8 syntax -------------------------------------------------------------------------------------------


def _parse_modern(text: str) -> list[AlertMatcher]:
    return _Modern(text).parse()


class _Modern:
    """A scanner over one text; ``_at`` is the next character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> list[AlertMatcher]:
        braced = self._take("{")
        matchers: list[AlertMatcher] = []
        while self._peek() not in ("", "}"):
            matchers.append(self._matcher())
            if not self._take(","):
                break
        if braced and not self._take("}"):
            raise self._error("expected a comma or close brace")
        if self._peek():
            raise self._error("expected nothing more" if matchers or braced else "expected a label name")
        return matchers

    def _matcher(self) -> AlertMatcher:
        name = self._word("label name")
        op = next((op for op in _OPERATORS if self._take(op)), None)
        if op is None:
            raise self._error("expected an operator such as '=', '!=', '=~' or '!~'")
        return AlertMatcher(name, self._word("label value"), MatchOp(op))

    def _word(self, what: str) -> str:
        if self._peek() == '"':
            return self._quoted()
        start = self._at
        while self._at < len(self._text) and not self._ends_word(self._text[self._at]):
            self._at += 1
        if self._at == start:
            raise self._error(f"expected {what}")
        return self._text[start : self._at]

    def _ends_word(self, char: str) -> bool:
        return char in RESERVED or char.isspace()

    def _quoted(self) -> str:
        start = self._at
        self._at += 1
        while self._at < len(self._text) and self._text[self._at] != '"':
            self._at += 2 if self._text[self._at] == "\\" else 1
        if self._at >= len(self._text):
            raise InputError(f"missing end quote in matcher {self._text!r} from position {start}")
        self._at += 1
        return unquote(self._text[start : self._at])

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _take(self, token: str) -> bool:
        self._peek()
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _error(self, message: str) -> InputError:
        found = self._text[self._at : self._at + 10] or "the end"
        return InputError(f"bad matcher {self._text!r}: {message} at position {self._at}, found {found!r}")


# --- the classic syntax -----------------------------------------------------------------------------------------


def _parse_classic(text: str) -> list[AlertMatcher]:
    inner = text.removeprefix("{").removesuffix("}")
    parts = _split_outside_quotes(inner)
    if parts and not parts[-1].strip() and len(parts) > 1:
        parts.pop()
    elif parts == [""]:
        return []
    return [_classic_matcher(part) for part in parts]


def _split_outside_quotes(text: str) -> list[str]:
    parts, part, quoted, escaped = [], "", False, False
    for char in text:
        if char == "," and not quoted:
            parts.append(part)
            part = ""
            continue
        quoted ^= char == '"' and not escaped
        escaped = char == "\\" and not escaped
        part += char
    return [*parts, part]


def _classic_matcher(text: str) -> AlertMatcher:
    found = _CLASSIC.match(text)
    if found is None:
        raise InputError(f"bad matcher format: {text}")
    name, op, raw = found.groups()
    return AlertMatcher(name, _classic_value(raw), MatchOp(op))


def _classic_value(raw: str) -> str:
    quoted = raw.startswith('"')
    inner = raw[1:] if quoted else raw
    value, escaped, closed = "", False, False
    for index, char in enumerate(inner):
        if escaped:
            value += _ESCAPED.get(char, "\\" + char)
            escaped = False
        elif char == "\\" and index < len(inner) - 1:
            escaped = True
        elif char == '"' and quoted and index == len(inner) - 1:
            closed = True
        elif char == '"':
            raise InputError(f"matcher value contains unescaped double quote: {raw}")
        else:
            value += char
    if quoted and not closed:
        raise InputError(f"matcher value has no closing double quote: {raw}")
    return value
