"""The grammar of expressions, by precedence climbing.

:func:`parse_expr` reads a whole query, :func:`parse_matchers` a series selector as ``match[]`` has it. Both raise
ParseError with line, column and reason.
"""

from __future__ import annotations

import dataclasses
import math

from fenghuo.metrics.promql.limits import LEVELS_MAX
from fenghuo.metrics.promql.syntax.ast import (
    AGGREGATORS,
    AGGREGATORS_WITH_PARAM,
    COMPARISON_OPS,
    SET_OPS,
    TRIM_OPS,
    Aggregate,
    AtTime,
    Binary,
    Call,
    Cardinality,
    Duration,
    Expr,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    RangeMode,
    String,
    Subquery,
    Unary,
    VectorSelector,
    nesting_of,
)
from fenghuo.metrics.promql.syntax.check import check_types
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.durations import check_positive, parse_duration, parse_number, parse_term
from fenghuo.metrics.promql.syntax.lexer import Kind
from fenghuo.metrics.promql.syntax.selectors import parse_selector
from fenghuo.metrics.promql.syntax.signatures import SIGNATURES
from fenghuo.model.labels import quote
from fenghuo.model.matcher import Matcher

_PRECEDENCE = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(COMPARISON_OPS | TRIM_OPS, 3),
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    "atan2": 5,
    "^": 6,
}
_SIGN_PRECEDENCE = 6
_RANGE_CONTEXT = "subquery or range selector"


def parse_expr(text: str) -> Expr:
    """The tree of a whole query, type-checked."""
    cursor = Cursor(text)
    if cursor.at_end():
        raise cursor.error("no expression found in input", 0)
    expr = _Parser(cursor).binary(1)
    if not cursor.at_end():
        raise cursor.unexpected()
    if nesting_of(expr) > LEVELS_MAX.default:
        LEVELS_MAX.hit()
        raise cursor.error(f"expression has more than {LEVELS_MAX.default} levels", expr.start)
    check_types(cursor, expr)
    return expr


def parse_matchers(text: str) -> list[Matcher]:
    """The matchers of a series selector such as ``up{job="node"}``; they may match every series."""
    cursor = Cursor(text)
    if cursor.token.kind is not Kind.IDENTIFIER and not cursor.at_op("{"):
        raise cursor.unexpected()
    selector = parse_selector(cursor, may_be_empty=True)
    if not cursor.at_end():
        raise cursor.unexpected()
    return list(selector.matchers)


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def binary(self, precedence: int) -> Expr:
        """An expression of operators that bind at least as tightly as ``precedence``."""
        cursor = self._cursor
        cursor.descend()
        left = self._unary()
        while (binding := _PRECEDENCE.get(self._operator(), 0)) >= precedence:
            op = self._operator()
            cursor.advance()
            return_bool = cursor.at_word("bool")
            if return_bool:
                cursor.advance()
            matching = self._matching(op)
            right = self.binary(binding if op == "^" else binding + 1)
            left = Binary(left.start, right.end, op, left, right, matching, return_bool)
        cursor.ascend()
        return left

    def _operator(self) -> str:
        token = self._cursor.token
        return token.word if token.kind is Kind.IDENTIFIER else token.text if token.kind is Kind.OP else ""

    def _matching(self, op: str) -> Matching:
        cursor = self._cursor
        on, labels = False, tuple[str, ...]()
        cardinality = Cardinality.MANY_TO_MANY if op in SET_OPS else Cardinality.ONE_TO_ONE
        include: tuple[str, ...] = ()
        if cursor.at_word("on", "ignoring"):
            on = cursor.advance().word == "on"
            labels = self._labels()
            if cursor.at_word("group_left", "group_right"):
                left = cursor.advance().word == "group_left"
                cardinality = Cardinality.MANY_TO_ONE if left else Cardinality.ONE_TO_MANY
                include = self._labels() if cursor.at_op("(") else ()
        elif cursor.at_word("group_left", "group_right"):
            raise cursor.unexpected()
        if cursor.at_word("on", "ignoring"):
            raise cursor.unexpected()
        fill = self._fill()
        return Matching(cardinality, on, labels, include, fill.get("fill_left"), fill.get("fill_right"))

    def _fill(self) -> dict[str, float]:
        """The values of ``fill``, ``fill_left`` and ``fill_right``, by side."""
        cursor = self._cursor
        values: dict[str, float] = {}
        while cursor.at_word("fill", "fill_left", "fill_right") and cursor.following.text == "(":
            word = cursor.advance().word
            cursor.expect_op("(", "fill modifier")
            value = self._signed_number("fill modifier")
            cursor.expect_op(")", "fill modifier")
            values |= dict.fromkeys(("fill_left", "fill_right") if word == "fill" else (word,), value)
        return values

    def _labels(self) -> tuple[str, ...]:
        """Label names in parentheses."""
        cursor = self._cursor
        cursor.expect_op("(", "grouping opts")
        labels: list[str] = []
        while not cursor.take_op(")"):
            if cursor.token.kind not in (Kind.IDENTIFIER, Kind.STRING):
                raise cursor.unexpected("grouping opts", "label")
            token = cursor.advance()
            if token.kind is Kind.IDENTIFIER and ":" in token.text:
                raise cursor.error(f"unexpected {quote(token.text)} in grouping opts, expected label", token.start)
            labels.append(token.text)
            if not cursor.take_op(",") and not cursor.at_op(")"):
                raise cursor.unexpected("grouping opts", '"," or ")"')
        return tuple(labels)

    def _unary(self) -> Expr:
        cursor = self._cursor
        if not cursor.at_op("+", "-"):
            return self._modified(self._primary())
        sign = cursor.advance()
        operand = self.binary(_SIGN_PRECEDENCE)
        if isinstance(operand, Number):
            value = -operand.value if sign.text == "-" else operand.value
            return dataclasses.replace(operand, start=sign.start, value=value)
        return Unary(sign.start, operand.end, sign.text, operand)

    def _primary(self) -> Expr:
        cursor = self._cursor
        token = cursor.token
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            cursor.advance()
            return Number(token.start, token.end, parse_number(cursor, token), token.kind is Kind.DURATION)
        if token.kind is Kind.STRING:
            cursor.advance()
            return String(token.start, token.end, token.text)
        if cursor.take_op("("):
            inner = self.binary(1)
            if not cursor.at_op(")"):
                raise cursor.unexpected()
            return Paren(token.start, cursor.advance().end, inner)
        if cursor.at_op("{"):
            return parse_selector(cursor)
        if token.kind is not Kind.IDENTIFIER:
            raise cursor.unexpected()
        following = cursor.following
        if token.word in ("nan", "inf") and following.text not in ("{", "("):
            cursor.advance()
            return Number(token.start, token.end, math.nan if token.word == "nan" else math.inf)
        if token.word in AGGREGATORS and (following.text == "(" or following.word in ("by", "without")):
            return self._aggregate()
        if following.kind is Kind.OP and following.text == "(":
            return self._call()
        return parse_selector(cursor)

    def _aggregate(self) -> Aggregate:
        cursor = self._cursor
        op = cursor.advance()
        grouping, without, grouped = self._grouping()
        args = self._arguments(op.start)
        if not grouped:
            grouping, without, _ = self._grouping()
        if not args:
            raise cursor.error("no arguments for aggregate expression provided", op.start)
        wanted = 2 if op.word in AGGREGATORS_WITH_PARAM else 1
        if len(args) != wanted:
            message = f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(args)}"
            raise cursor.error(message, op.start)
        param = args[0] if wanted == 2 else None
        return Aggregate(op.start, cursor.previous_end, op.word, args[-1], param, grouping, without)

    def _grouping(self) -> tuple[tuple[str, ...], bool, bool]:
        if not self._cursor.at_word("by", "without"):
            return (), False, False
        without = self._cursor.advance().word == "without"
        return self._labels(), without, True

    def _call(self) -> Call:
        cursor = self._cursor
        name = cursor.advance()
        if name.text not in SIGNATURES:
            raise cursor.error(f"unknown function with name {quote(name.text)}", name.start)
        args = self._arguments(name.start, empty_selector_at=1 if name.text == "info" else None)
        return Call(name.start, cursor.previous_end, name.text, args)

    def _arguments(self, start: int, empty_selector_at: int | None = None) -> tuple[Expr, ...]:
        cursor = self._cursor
        cursor.expect_op("(", "")
        args: list[Expr] = []
        while not cursor.take_op(")"):
            if len(args) == empty_selector_at and cursor.at_op("{"):
                args.append(self._modified(parse_selector(cursor, may_be_empty=True)))
                if not cursor.at_op(",", ")"):
                    raise cursor.error("expected label selectors only", args[-1].start)
            else:
                args.append(self.binary(1))
            comma = cursor.token
            if cursor.take_op(","):
                if cursor.at_op(")"):
                    raise cursor.error("trailing commas not allowed in function call args", comma.start)
            elif not cursor.at_op(")"):
                raise cursor.unexpected()
        return tuple(args)

    def _modified(self, expr: Expr) -> Expr:
        """``expr`` with the ranges, offsets and ``@`` that follow it."""
        cursor = self._cursor
        while True:
            if cursor.at_op("["):
                expr = self._range(expr)
            elif cursor.at_word("offset"):
                cursor.advance()
                duration = parse_term(cursor, "offset", sign_binds_all=True)
                expr = self._with_modifier(expr, "offset", offset=duration)
            elif cursor.take_op("@"):
                expr = self._with_modifier(expr, "@", at=self._at_time(expr))
            elif cursor.at_word("anchored", "smoothed"):
                expr = self._with_mode(expr, RangeMode(cursor.advance().word))
            else:
                return expr

    def _range(self, expr: Expr) -> Expr:
        cursor = self._cursor
        bracket = cursor.advance()
        duration = parse_duration(cursor, _RANGE_CONTEXT)
        check_positive(cursor, duration)
        if cursor.take_op(":"):
            step = None
            if not cursor.at_op("]"):
                step = parse_duration(cursor, _RANGE_CONTEXT)
                check_positive(cursor, step)
            end = cursor.expect_op("]", _RANGE_CONTEXT).end
            return Subquery(expr.start, end, expr, duration, step)
        end = cursor.expect_op("]", _RANGE_CONTEXT).end
        if not isinstance(expr, VectorSelector):
            raise cursor.error("ranges only allowed for vector selectors", bracket.start)
        if expr.offset is not None:
            raise cursor.error("no offset modifiers allowed before range", bracket.start)
        if expr.at is not None:
            raise cursor.error("no @ modifiers allowed before range", bracket.start)
        return MatrixSelector(expr.start, end, expr, duration)

    def _with_modifier(
        self, expr: Expr, name: str, offset: Duration | None = None, at: AtTime | None = None
    ) -> VectorSelector | MatrixSelector | Subquery:
        cursor = self._cursor
        if not isinstance(expr, VectorSelector | MatrixSelector | Subquery):
            kinds = "an instant vector selector or range vector selector or a subquery"
            what = "@ modifier" if name == "@" else "offset modifier"
            raise cursor.error(f"{what} must be preceded by {kinds}", expr.start)
        carrier = expr.vector if isinstance(expr, MatrixSelector) else expr
        if (carrier.offset if offset is not None else carrier.at) is not None:
            what = "@ <timestamp>" if name == "@" else "offset"
            raise cursor.error(f"{what} may not be set multiple times", expr.start)
        end = cursor.previous_end
        changed = dataclasses.replace(carrier, offset=offset or carrier.offset, at=at or carrier.at)
        if isinstance(expr, MatrixSelector):
            assert isinstance(changed, VectorSelector)
            return dataclasses.replace(expr, vector=changed, end=end)
        return dataclasses.replace(changed, end=end)

    def _with_mode(self, expr: Expr, mode: RangeMode) -> Expr:
        end = self._cursor.previous_end
        if isinstance(expr, VectorSelector) and expr.mode is RangeMode.PLAIN:
            return dataclasses.replace(expr, mode=mode, end=end)
        if isinstance(expr, MatrixSelector) and expr.vector.mode is RangeMode.PLAIN:
            return dataclasses.replace(expr, vector=dataclasses.replace(expr.vector, mode=mode), end=end)
        raise self._cursor.error(f"{mode} modifier is only allowed once, on selectors", expr.start)

    def _at_time(self, expr: Expr) -> AtTime:
        cursor = self._cursor
        if cursor.at_word("start", "end") and cursor.following.text == "(":
            word = cursor.advance().word
            cursor.advance()
            cursor.expect_op(")", "@")
            return AtTime(word)
        value = self._signed_number("@", "timestamp")
        if not abs(value * 1000) < 1 << 63:
            shown = f"{value:+f}".replace("nan", "NaN").replace("inf", "Inf").replace("+NaN", "NaN")
            raise cursor.error(f"timestamp out of bounds for @ modifier: {shown}", expr.start)
        return AtTime(math.floor(value * 1000 + 0.5))

    def _signed_number(self, context: str, expected: str = "number") -> float:
        cursor = self._cursor
        negative = False
        if cursor.at_op("+", "-"):
            negative = cursor.advance().text == "-"
        token = cursor.token
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            cursor.advance()
            value = parse_number(cursor, token)
        elif token.word in ("nan", "inf"):
            cursor.advance()
            value = math.nan if token.word == "nan" else math.inf
        else:
            raise cursor.unexpected(context, expected)
        return -value if negative else value
