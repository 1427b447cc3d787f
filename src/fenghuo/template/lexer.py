"""Template text to tokens: what stands outside ``{{ }}``, and the words inside.

White space inside an action is a token, because it separates arguments: ``.a.b`` is one operand, ``.a .b`` two.
Trim markers (``{{- ``, `` -}}``) and comments are dealt with here and leave no token.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import StrEnum, auto

from fenghuo.template.errors import TemplateError, place, shown


class Kind(StrEnum):
    TEXT = auto()
    OPEN = auto()
    CLOSE = auto()
    SPACE = auto()
    DECLARE = auto()
    ASSIGN = auto()
    PIPE = auto()
    COMMA = auto()
    LEFT = auto()
    RIGHT = auto()
    STRING = auto()
    CHAR = auto()
    NUMBER = auto()
    VARIABLE = auto()
    FIELD = auto()
    DOT = auto()
    WORD = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    position: int


_SPACES = " \t\r\n"
_OPEN_TRIM = re.compile(r"\{\{-[ \t\r\n]")
_CLOSE = re.compile(r"(?P<trim>[ \t\r\n]+-)?\}\}")
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<declare>:=)|(?P<assign>=)|(?P<pipe>\|)|(?P<comma>,)|(?P<left>\()|(?P<right>\))
    |(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
    |(?P<char>'(?:\\.|[^'\\\n])*')
    |(?P<number>[+-]?(?:\d|\.\d)(?:[eE][+-](?=\d)|[pP][+-](?=\d)|[\w.])*)
    |(?P<variable>\$\w*)
    |(?P<field>\.\w+)
    |(?P<dot>\.)
    |(?P<word>\w+)""",
    re.VERBOSE,
)
_WORDS = (Kind.VARIABLE, Kind.FIELD, Kind.WORD)
_TERMINATORS = frozenset(" \t\r\n.,|:=)(")


def tokens(text: str, name: str) -> Iterator[Token]:
    """The tokens of ``text``, ended by one of kind END. Raises TemplateError for what is no template."""
    position = 0
    trim = False
    while True:
        start = text.find("{{", position)
        end = len(text) if start < 0 else start
        opens_trimmed = start >= 0 and _OPEN_TRIM.match(text, start) is not None
        yield from _text(text, position, end, left=trim, right=opens_trimmed)
        if start < 0:
            yield Token(Kind.END, "", len(text))
            return
        inside = start + (4 if opens_trimmed else 2)
        if text.startswith("/*", inside):
            position, trim = _comment(text, name, start, inside)
            continue
        yield Token(Kind.OPEN, "{{", start)
        position, trim = yield from _action(text, name, start, inside)


def _text(text: str, start: int, end: int, *, left: bool, right: bool) -> Iterator[Token]:
    piece = text[start:end]
    if left:
        kept = piece.lstrip(_SPACES)
        start += len(piece) - len(kept)
        piece = kept
    if right:
        piece = piece.rstrip(_SPACES)
    if piece:
        yield Token(Kind.TEXT, piece, start)


def _comment(text: str, name: str, start: int, inside: int) -> tuple[int, bool]:
    end = text.find("*/", inside + 2)
    if end < 0:
        raise TemplateError("unclosed comment", place=place(name, text, start))
    close = _CLOSE.match(text, end + 2)
    if close is None:
        raise TemplateError("comment ends before the closing }}", place=place(name, text, end))
    return close.end(), close["trim"] is not None


def _action(text: str, name: str, start: int, position: int) -> Generator[Token, None, tuple[int, bool]]:
    """Yield the tokens of one action and its CLOSE; returns where the text goes on and whether to trim it."""
    while True:
        close = _CLOSE.match(text, position)
        if close is not None:
            yield Token(Kind.CLOSE, "}}", position)
            return close.end(), close["trim"] is not None
        found = _TOKEN.match(text, position)
        if found is None:
            raise _no_token(text, name, start, position)
        assert found.lastgroup is not None
        kind = Kind(found.lastgroup)
        position = found.end()
        if kind in _WORDS and not _ends_word(text, position):
            raise TemplateError(
                f"bad character {text[position]!r} after {shown(found[0])!r}", place=place(name, text, position)
            )
        yield Token(kind, found[0], found.start())


def _ends_word(text: str, position: int) -> bool:
    return position >= len(text) or text[position] in _TERMINATORS or text.startswith("}}", position)


def _no_token(text: str, name: str, start: int, position: int) -> TemplateError:
    if position >= len(text):
        return TemplateError(f"unclosed action {shown(text[start:])!r}", place=place(name, text, start))
    char = text[position]
    if char in "\"'`":
        return TemplateError(f"unterminated string {shown(text[position:])!r}", place=place(name, text, position))
    return TemplateError(
        f"unrecognized character U+{ord(char):04X} {char!r} in an action",
        place=place(name, text, position),
        remedy="only ASCII spaces stand between words" if char.isspace() else "",
    )
