"""Text to tokens. Brackets and braces change what a character means, so the lexer counts them.

Raises :class:`ParseError` for what is no token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from fenghuo.metrics.promql.errors import ParseError
from fenghuo.model.labels import quote


class Kind(Enum):
    IDENTIFIER = auto()
    NUMBER = auto()
    DURATION = auto()
    STRING = auto()
    OP = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """``text`` is as written, for strings the value."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The lower-case text of an identifier, else nothing: keywords are not case-sensitive."""
        return self.text.lower() if self.kind is Kind.IDENTIFIER else ""


_SPACE = re.compile(r"(?:[ \t\n\r]+|#[^\n]*)+")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9_.])", re.ASCII)
_NUMBER = re.compile(
    r"(?:0[xX][0-9a-fA-F_]+|(?:\d[\d_]*\.?(?:\d[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)(?![a-zA-Z0-9_.])", re.ASCII
)
_NUMBER_LIKE = re.compile(r"[\w.]+", re.ASCII)
_OPS = ("</", ">/", "==", "!=", "<=", ">=", "=~", "!~", "=", "<", ">", "+", "-", "*", "/", "%", "^", "@", ",", "(", ")")
_DURATION_WORDS = frozenset({"step", "range", "min_of", "max_of"})
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_NUMERIC_ESCAPES = {"x": (2, 16), "u": (4, 16), "U": (8, 16)}


def error_at(text: str, offset: int, message: str) -> ParseError:
    """The error with its place as ``line:column``, both counted from 1."""
    return ParseError(f"{place(text, offset)}: parse error: {message}")


def place(text: str, offset: int) -> str:
    """``line:column`` of an offset, both counted from 1."""
    line_start = text.rfind("\n", 0, offset) + 1
    return f"{text.count(chr(10), 0, offset) + 1}:{offset - line_start + 1}"


def after_space(text: str, offset: int) -> int:
    """Where what follows blanks and comments begins."""
    found = _SPACE.match(text, offset)
    return found.end() if found else offset


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text``, ended by one of kind END."""
    return _Lexer(text).run()


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._parens = 0
        self._in_braces = False
        self._in_brackets = False
        self._tokens: list[Token] = []

    def run(self) -> list[Token]:
        while True:
            space = _SPACE.match(self._text, self._at)
            if space:
                self._at = space.end()
            if self._at >= len(self._text):
                return self._finish()
            char = self._text[self._at]
            if char in "\"'`":
                self._string(char)
            elif self._in_braces:
                self._brace(char)
            else:
                self._statement(char)

    def _finish(self) -> list[Token]:
        if self._in_braces:
            raise self._error("unexpected end of input inside braces")
        if self._in_brackets:
            raise self._error("unexpected end of input in duration expression")
        if self._parens:
            raise self._error("unclosed left parenthesis")
        self._tokens.append(Token(Kind.END, "", self._at, self._at))
        return self._tokens

    def _error(self, message: str) -> ParseError:
        return error_at(self._text, self._at, message)

    def _emit(self, kind: Kind, end: int) -> None:
        self._tokens.append(Token(kind, self._text[self._at : end], self._at, end))
        self._at = end

    def _statement(self, char: str) -> None:
        if char.isdecimal() or (char == "." and self._text[self._at + 1 : self._at + 2].isdecimal()):
            self._number()
        elif self._in_brackets and char in ":]":
            self._in_brackets = char == ":"
            self._emit(Kind.OP, self._at + 1)
        elif char in "{[":
            if self._in_brackets:
                raise self._error(f"unexpected character in duration expression: {char!r}")
            self._in_braces, self._in_brackets = char == "{", char == "["
            self._emit(Kind.OP, self._at + 1)
        elif found := (_LABEL if self._in_brackets else _NAME).match(self._text, self._at):
            if self._in_brackets and found[0].lower() not in _DURATION_WORDS:
                raise self._error(f"unexpected character: {char!r}, expected ':'")
            self._emit(Kind.IDENTIFIER, found.end())
        else:
            self._operator(char)

    def _operator(self, char: str) -> None:
        op = next((op for op in _OPS if self._text.startswith(op, self._at)), None)
        if op in ("=~", "!~") or (char == "!" and op != "!="):
            raise self._error(f"unexpected character after {char!r}: {self._text[self._at + 1 : self._at + 2]!r}")
        if op is None:
            raise self._error(f"unexpected character: {char!r}")
        self._parens += (op == "(") - (op == ")")
        if self._parens < 0:
            self._at += 1  # Prometheus names the place behind it.
            raise self._error("unexpected right parenthesis ')'")
        self._emit(Kind.OP, self._at + len(op))

    def _number(self) -> None:
        if found := _DURATION.match(self._text, self._at):
            self._emit(Kind.DURATION, found.end())
        elif found := _NUMBER.match(self._text, self._at):
            self._emit(Kind.NUMBER, found.end())
        else:
            wrong = _NUMBER_LIKE.match(self._text, self._at)
            assert wrong is not None
            raise self._error(f"bad number or duration syntax: {quote(wrong[0])}")

    def _brace(self, char: str) -> None:
        if found := _LABEL.match(self._text, self._at):
            self._emit(Kind.IDENTIFIER, found.end())
            return
        if char == "}":
            self._in_braces = False
        op = next((op for op in ("=~", "!~", "!=", "=", ",", "}") if self._text.startswith(op, self._at)), None)
        if op is None:
            raise self._error(f"unexpected character inside braces: {char!r}")
        self._emit(Kind.OP, self._at + len(op))

    def _string(self, quote_char: str) -> None:
        start = self._at
        at = start + 1
        parts: list[str] = []
        while True:
            char = self._text[at : at + 1]
            if not char or (char == "\n" and quote_char != "`"):
                raise self._error("unterminated raw string" if quote_char == "`" else "unterminated quoted string")
            if char == quote_char:
                break
            if char == "\\" and quote_char != "`":
                piece, at = self._escape(at + 1, quote_char)
                parts.append(piece)
            else:
                parts.append(char)
                at += 1
        self._at = at + 1
        self._tokens.append(Token(Kind.STRING, _join(parts), start, self._at))

    def _escape(self, at: int, quote_char: str) -> tuple[str, int]:
        """The character that the escape at ``at`` stands for, and where it ends."""
        char = self._text[at : at + 1]
        if not char:
            raise self._error("escape sequence not terminated")
        if char in _ESCAPES or char == quote_char:
            return _ESCAPES.get(char, char), at + 1
        if char in "01234567":
            start, (length, base) = at, (3, 8)
        elif char in _NUMERIC_ESCAPES:
            start, (length, base) = at + 1, _NUMERIC_ESCAPES[char]
        else:
            raise self._error(f"unknown escape sequence U+{ord(char):04X} {char!r}")
        for wrong in self._text[start : start + length]:
            if wrong not in "0123456789abcdefABCDEF"[: 8 if base == 8 else None]:
                raise self._error(f"illegal character U+{ord(wrong):04X} {wrong!r} in escape sequence")
        code = int(self._text[start : start + length] or "0", base)
        if code > (0xFF if base == 8 else 0x10FFFF) or 0xD800 <= code < 0xE000:
            raise self._error("escape sequence is an invalid Unicode code point")
        # A byte above 0x7F is part of a UTF-8 sequence; it travels as a surrogate until the string is whole.
        byte = length != 4 and length != 8 and code > 0x7F
        return chr(0xDC00 + code if byte else code), start + length


def _join(parts: list[str]) -> str:
    """The text of a string literal; bytes written as escapes are read as UTF-8."""
    text = "".join(parts)
    if any("\udc80" <= char <= "\udcff" for char in text):
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return text
