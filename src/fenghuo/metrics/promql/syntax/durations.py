"""Durations in brackets and behind ``offset``: literals, and arithmetic over them, ``step()`` and ``range()``."""

from __future__ import annotations

import math
from dataclasses import replace

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql.errors import ParseError
from fenghuo.metrics.promql.syntax.ast import Duration, DurationLiteral, DurationOp
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.lexer import Kind, Token, error_at
from fenghuo.model.duration import parse_duration_ms

EXPECTED = "number, duration, step(), or range()"

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 4}
_SIGN_PRECEDENCE = 3
_SECONDS_MAX = (1 << 63) / 1e9


def parse_number(cursor: Cursor, token: Token) -> float:
    """The value of a NUMBER or DURATION token; a duration is its seconds."""
    if token.kind is Kind.DURATION:
        try:
            return parse_duration_ms(token.text) / 1000
        except InputError as error:
            raise cursor.error(f'not a valid duration string: "{token.text}"', token.start) from error
    text = token.text.replace("_", "")
    if text[:2] in ("0x", "0X"):
        return float(int(text, 16))
    if len(text) > 1 and text[0] == "0" and text.isdigit() and not set(text) & set("89"):
        return float(int(text, 8))
    value = float(text)
    if math.isinf(value):
        raise cursor.error(f'error parsing number: "{token.text}": value out of range', token.start)
    return value


def bare(duration: Duration) -> Duration:
    """``duration`` without the parentheses around it."""
    while isinstance(duration, DurationOp) and duration.op == "paren":
        duration = duration.args[0]
    return duration


def parse_duration(cursor: Cursor, context: str, precedence: int = 1) -> Duration:
    """An expression over durations, up to what does not belong to it."""
    left = parse_term(cursor, context)
    while cursor.token.kind is Kind.OP and _PRECEDENCE.get(cursor.token.text, 0) >= precedence:
        op = cursor.advance()
        binding = _PRECEDENCE[op.text]
        right = parse_duration(cursor, context, binding if op.text == "^" else binding + 1)
        if op.text in "/%" and isinstance(divisor := bare(right), DurationLiteral) and divisor.seconds == 0:
            raise cursor.error("division by zero" if op.text == "/" else "modulo by zero", op.start)
        left = DurationOp(left.start, right.end, op.text, (left, right))
    return left


def parse_term(cursor: Cursor, context: str, *, sign_binds_all: bool = False) -> Duration:
    """One signed duration: a literal, a function or something in parentheses.

    A sign binds less than ``^``, except right behind ``offset``, where arithmetic does not belong to the offset.
    """
    cursor.descend()
    term = _parse_term(cursor, context, sign_binds_all=sign_binds_all)
    cursor.ascend()
    return term


def _parse_term(cursor: Cursor, context: str, *, sign_binds_all: bool) -> Duration:
    token = cursor.token
    if cursor.at_op("+", "-"):
        cursor.advance()
        inner = (
            parse_term(cursor, context, sign_binds_all=True)
            if sign_binds_all
            else parse_duration(cursor, context, _SIGN_PRECEDENCE)
        )
        if isinstance(inner, DurationLiteral):
            seconds = -inner.seconds if token.text == "-" else inner.seconds
            return replace(inner, start=token.start, seconds=seconds)
        return DurationOp(token.start, inner.end, "neg" if token.text == "-" else "pos", (inner,))
    if token.kind in (Kind.NUMBER, Kind.DURATION):
        cursor.advance()
        seconds = parse_number(cursor, token)
        if abs(seconds) >= _SECONDS_MAX:
            raise cursor.error("duration out of range", token.start)
        return DurationLiteral(token.start, token.end, seconds, token.kind is Kind.DURATION)
    if cursor.take_op("("):
        duration = parse_duration(cursor, context)
        return DurationOp(token.start, cursor.expect_op(")", context).end, "paren", (duration,))
    if cursor.at_word("step", "range", "min_of", "max_of"):
        return _parse_function(cursor, context)
    raise cursor.unexpected(context, EXPECTED)


def _parse_function(cursor: Cursor, context: str) -> DurationOp:
    name = cursor.advance()
    if not cursor.take_op("("):
        raise cursor.unexpected(context, EXPECTED)
    args: tuple[Duration, ...] = ()
    if name.word in ("min_of", "max_of"):
        first = parse_duration(cursor, context)
        cursor.expect_op(",", context)
        args = (first, parse_duration(cursor, context))
    end = cursor.expect_op(")", context).end
    return DurationOp(name.start, end, name.word, args)


def resolve_ms(duration: Duration, text: str, *, step_ms: int, range_ms: int) -> int:
    """Milliseconds of ``duration`` in a query with this step and this distance from start to end.

    Raises ParseError for a division by zero and for what is out of range.
    """
    seconds = _seconds(duration, text, step_ms / 1000, range_ms / 1000)
    if not abs(seconds) < _SECONDS_MAX:
        raise error_at(text, duration.start, "duration out of range")
    return round(seconds * 1000)


def _seconds(duration: Duration, text: str, step_s: float, range_s: float) -> float:
    if isinstance(duration, DurationLiteral):
        return duration.seconds
    args = [_seconds(arg, text, step_s, range_s) for arg in duration.args]
    match duration.op:
        case "step":
            return step_s
        case "range":
            return range_s
        case "neg":
            return -args[0]
        case "pos" | "paren":
            return args[0]
        case "min_of":
            return min(args)
        case "max_of":
            return max(args)
    return _arithmetic(duration, text, args[0], args[1])


def _arithmetic(duration: DurationOp, text: str, left: float, right: float) -> float:
    try:
        match duration.op:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "%":
                return math.fmod(left, right)
            case _:
                power = left**right
                return power if isinstance(power, float) else math.nan
    except ZeroDivisionError as error:
        raise error_at(text, duration.start, "division by zero") from error
    except (OverflowError, ValueError) as error:
        raise error_at(text, duration.start, "duration out of range") from error


def check_positive(cursor: Cursor, duration: Duration) -> None:
    """Refuse a range or step that was written not to be positive. What is computed is checked when it is known."""
    written = bare(duration)
    if isinstance(written, DurationLiteral) and written.seconds <= 0:
        raise cursor.error("duration must be greater than 0", duration.start)


def not_positive(duration: Duration, text: str) -> ParseError:
    """The same refusal, for what is known only when the step is."""
    return error_at(text, duration.start, "duration must be greater than 0")
