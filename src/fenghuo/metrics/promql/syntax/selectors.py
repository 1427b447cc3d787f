"""What stands in braces: label matchers, and a quoted metric name."""

from __future__ import annotations

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql.syntax.ast import VectorSelector
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.lexer import Kind
from fenghuo.model.labels import METRIC_NAME, quote
from fenghuo.model.matcher import Matcher, MatchOp

_CONTEXT = "label matching"


def parse_selector(cursor: Cursor, *, may_be_empty: bool = False) -> VectorSelector:
    """``name``, ``name{…}`` or ``{…}``. A selector that every series could match is refused, unless it may be."""
    start = cursor.token.start
    name = cursor.advance().text if cursor.token.kind is Kind.IDENTIFIER else ""
    matchers: list[Matcher] = []
    quoted_name = ""
    if cursor.take_op("{"):
        quoted_name, matchers = _parse_braces(cursor)
    end = cursor.previous_end
    other = quoted_name or (next((m.value for m in matchers if m.name == METRIC_NAME), "") if name else "")
    if name and other:
        raise cursor.error(f"metric name must not be set twice: {quote(name)} or {quote(other)}", start)
    if name or quoted_name:
        matchers.append(Matcher(METRIC_NAME, MatchOp.EQUAL, name or quoted_name))
    if not may_be_empty and all(matcher.matches("") for matcher in matchers):
        raise cursor.error("vector selector must contain at least one non-empty matcher", start)
    return VectorSelector(start, end, name, tuple(matchers))


def _parse_braces(cursor: Cursor) -> tuple[str, list[Matcher]]:
    name = ""
    matchers: list[Matcher] = []
    while not cursor.take_op("}"):
        token = cursor.token
        if token.kind not in (Kind.IDENTIFIER, Kind.STRING):
            raise cursor.unexpected(_CONTEXT, 'identifier or "}"')
        cursor.advance()
        if token.kind is Kind.STRING and cursor.at_op(",", "}"):
            if name:
                raise cursor.error(
                    f"metric name must not be set twice: {quote(name)} or {quote(token.text)}", token.start
                )
            name = token.text
        else:
            matchers.append(_parse_matcher(cursor, token.text))
        if not cursor.take_op(",") and not cursor.at_op("}"):
            raise cursor.unexpected(_CONTEXT, '"," or "}"')
    return name, matchers


def _parse_matcher(cursor: Cursor, name: str) -> Matcher:
    if not cursor.at_op("=", "!=", "=~", "!~"):
        raise cursor.unexpected(_CONTEXT, "label matching operator")
    op = MatchOp(cursor.advance().text)
    if cursor.token.kind is not Kind.STRING:
        raise cursor.unexpected(_CONTEXT, "string")
    value = cursor.advance()
    try:
        return Matcher(name, op, value.text)
    except InputError as error:
        raise cursor.error(f"error parsing regexp: {error.message}", value.start) from error
