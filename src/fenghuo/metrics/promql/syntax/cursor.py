"""A place among the tokens of a query, and the words for what was not expected there."""

from __future__ import annotations

from fenghuo.metrics.promql.errors import ParseError
from fenghuo.metrics.promql.limits import NESTING_MAX
from fenghuo.metrics.promql.syntax.ast import AGGREGATORS, COMPARISON_OPS, TRIM_OPS
from fenghuo.metrics.promql.syntax.lexer import Kind, Token, error_at, tokenize
from fenghuo.model.labels import quote

KEYWORDS = AGGREGATORS | {
    "and", "or", "unless", "atan2", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "bool",
}  # fmt: skip
_OP_SYMBOLS = COMPARISON_OPS | TRIM_OPS | {"+", "-", "*", "/", "%", "^", "@", "=~", "!~"}


class Cursor:
    """Walks over the tokens of ``text``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokenize(text)
        self._index = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._index]

    @property
    def following(self) -> Token:
        """The token after this one; the last token follows itself."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    @property
    def previous_end(self) -> int:
        """Where the token before this one ends."""
        return self._tokens[self._index - 1].end if self._index else 0

    def advance(self) -> Token:
        """This token; the cursor moves to the next."""
        token = self.token
        if token.kind is not Kind.END:
            self._index += 1
        return token

    def descend(self) -> None:
        """Go one level deeper into what is nested. Raises ParseError when that is deeper than anybody writes."""
        self._depth += 1
        if self._depth > NESTING_MAX.default:
            NESTING_MAX.hit()
            raise self.error(f"expression is nested deeper than {NESTING_MAX.default} levels", self.token.start)

    def ascend(self) -> None:
        """Come back from one level."""
        self._depth -= 1

    def at_end(self) -> bool:
        return self.token.kind is Kind.END

    def at_op(self, *ops: str) -> bool:
        return self.token.kind is Kind.OP and self.token.text in ops

    def at_word(self, *words: str) -> bool:
        return self.token.word in words if self.token.word else False

    def take_op(self, op: str) -> bool:
        """Step over ``op`` if it stands here."""
        found = self.at_op(op)
        if found:
            self.advance()
        return found

    def expect_op(self, op: str, context: str) -> Token:
        if not self.at_op(op):
            raise self.unexpected(context, f'"{op}"')
        return self.advance()

    def unexpected(self, context: str = "", expected: str = "") -> ParseError:
        """The error that this token must not stand here."""
        message = f"unexpected {describe(self.token)}"
        if context:
            message += f" in {context}"
        if expected:
            message += f", expected {expected}"
        return self.error(message, self.token.start)

    def error(self, message: str, offset: int) -> ParseError:
        return error_at(self.text, offset, message)


def describe(token: Token) -> str:
    """A token as Prometheus' messages name it."""
    match token.kind:
        case Kind.END:
            return "end of input"
        case Kind.IDENTIFIER if token.word in KEYWORDS:
            return f"<{token.word}>"
        case Kind.OP:
            return f"<op:{token.text}>" if token.text in _OP_SYMBOLS else f'"{token.text}"'
        case Kind.STRING:
            return f"string {quote(token.text)}"
        case _:
            return f'{token.kind.name.lower()} "{token.text}"'
