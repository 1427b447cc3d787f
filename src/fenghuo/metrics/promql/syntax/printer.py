"""Tree to text: expressions as Prometheus shows them, on one line or broken into several.

Both walk with a stack of their own, so that long chains of operators do not exhaust Python's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, TypeVar

from fenghuo.metrics.promql.numbers import format_float, format_general
from fenghuo.metrics.promql.syntax.ast import (
    Aggregate,
    AtTime,
    Binary,
    Call,
    Cardinality,
    Duration,
    DurationLiteral,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    RangeMode,
    String,
    Subquery,
    Unary,
    VectorSelector,
)
from fenghuo.metrics.promql.syntax.parser import parse_expr
from fenghuo.model.duration import format_duration
from fenghuo.model.labels import METRIC_NAME, is_legacy_label_name, quote
from fenghuo.model.matcher import MatchOp

Part: TypeAlias = str | Expr
LinePart: TypeAlias = str | tuple[Expr, int, bool]
"""A text, or a node with its level and whether its first line is to be indented."""
T = TypeVar("T")
LINE_CHARS_MAX = 100
"""What is longer is broken where it can be. Prometheus' number."""
_INDENT = "  "
_INDENTS_MAX = 50
"""Deeper lines stand no further to the right: a chain of thousands of operators would become megabytes of blanks."""


def print_expr(expr: Expr) -> str:
    """``expr`` on one line: blanks, quotes, durations and the order of clauses as Prometheus prints them."""
    return "".join(_pieces(expr))


def normalized(text: str) -> str:
    """The expression ``text`` as Prometheus shows it. Raises ParseError."""
    return print_expr(parse_expr(text))


def pretty(expr: Expr) -> str:
    """``expr`` with what is longer than a line broken into indented lines: the answer of ``format_query``."""
    out: list[str] = []
    stack: list[LinePart] = [(expr, 0, True)]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            out.append(part)
            continue
        node, level, indented = part
        lines = _lines(node, level, indented=indented)
        if lines is None:
            # Prometheus forgets to indent a subquery that fits on a line; what compares texts would notice.
            out.append(_indent(level) if indented and not isinstance(node, Subquery) else "")
            out.extend(_pieces(node))
        else:
            stack.extend(reversed(lines))
    return "".join(out)


def _pieces(expr: Expr) -> Iterator[str]:
    """The texts that ``expr`` is put together from."""
    stack: list[Part] = [expr]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        else:
            stack.extend(reversed(_parts(part)))


def _is_long(expr: Expr) -> bool:
    chars = 0
    stack = [expr]
    while stack and chars <= LINE_CHARS_MAX:
        for part in _parts(stack.pop()):
            if isinstance(part, str):
                chars += len(part)
            else:
                stack.append(part)
    return chars > LINE_CHARS_MAX


def _parts(expr: Expr) -> list[Part]:
    """One level of ``expr``: its own text around its children."""
    match expr:
        case Number(value=value, has_unit=True):
            return [format_duration(round(value * 1000))]
        case Number(value=value):
            return [format_float(value)]
        case String(value=value):
            return [quote(value)]
        case Paren(inner=inner):
            return ["(", inner, ")"]
        case Unary(op=op, operand=operand):
            return [op, operand]
        case VectorSelector():
            return [_selector(expr), _at(expr.at), _mode(expr.mode), _offset(expr.offset)]
        case MatrixSelector(vector=vector):
            length = f"[{_length(expr.range)}]"
            return [_selector(vector), length, _mode(vector.mode), _at(vector.at), _offset(vector.offset)]
        case Subquery(inner=inner):
            return [inner, _subquery_suffix(expr)]
        case Call(function=function, args=args):
            return [function, "(", *_joined(args, ", "), ")"]
        case Aggregate(param=param, expr=inner):
            return [_aggregate_head(expr), "(", *([param, ", "] if param is not None else []), inner, ")"]
        case Binary(lhs=lhs, rhs=rhs):
            return [lhs, f" {_operator(expr)} ", rhs]


def _lines(expr: Expr, level: int, *, indented: bool) -> list[LinePart] | None:
    """One level of ``expr`` broken into lines; None when it stays on one."""
    own = _indent(level) if indented else ""
    close = f"\n{_indent(level)})"
    match expr:
        case Unary(op=op, operand=operand):
            return [own, op, (operand, level, False)]
        case _ if isinstance(expr, Number | String | VectorSelector | MatrixSelector) or not _is_long(expr):
            return None
        case Paren(inner=inner):
            return [own, "(\n", (inner, level + 1, True), close]
        case Subquery(inner=inner):
            return [(inner, level, indented), _subquery_suffix(expr)]
        case Call(function=function, args=args):
            return [own, function, "(\n", *_joined([(arg, level + 1, True) for arg in args], ",\n"), close]
        case Aggregate(param=param, expr=inner):
            first: list[LinePart] = [(param, level + 1, True), ",\n"] if param is not None else []
            return [own, _aggregate_head(expr), "(\n", *first, (inner, level + 1, True), close]
        case Binary(lhs=lhs, rhs=rhs):
            operator = f"\n{_indent(level)}{_operator(expr)}\n"
            return [(lhs, level + 1, indented), operator, (rhs, level + 1, True)]
    raise AssertionError(expr)


def _indent(level: int) -> str:
    return _INDENT * min(level, _INDENTS_MAX)


def _joined(items: Sequence[T], separator: str) -> list[T | str]:
    out: list[T | str] = []
    for item in items:
        out += [separator, item] if out else [item]
    return out


def _selector(vector: VectorSelector) -> str:
    matchers = sorted(
        str(matcher)
        for matcher in vector.matchers
        if not (vector.name and matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL)
    )
    return vector.name + (f"{{{','.join(matchers)}}}" if matchers else "")


def _mode(mode: RangeMode) -> str:
    return f" {mode}" if mode else ""


def _at(at: AtTime | None) -> str:
    if at is None:
        return ""
    return f" @ {at.at}()" if isinstance(at.at, str) else f" @ {at.at / 1000:.3f}"


def _offset(offset: Duration | None) -> str:
    if offset is None or (isinstance(offset, DurationLiteral) and offset.seconds == 0):
        return ""
    return f" offset {_length(offset)}"


def _subquery_suffix(node: Subquery) -> str:
    step = "" if node.step is None else _length(node.step)
    return f"[{_length(node.range)}:{step}]{_at(node.at)}{_offset(node.offset)}"


def _length(duration: Duration) -> str:
    """A duration that stands alone is shown with units, however it was written."""
    if isinstance(duration, DurationLiteral):
        return format_duration(round(duration.seconds * 1000))
    return _computed(duration)


def _computed(duration: Duration) -> str:
    if isinstance(duration, DurationLiteral):
        return _length(duration) if duration.has_unit else format_float(duration.seconds)
    args = [_computed(arg) for arg in duration.args]
    match duration.op:
        case "step" | "range" | "min_of" | "max_of":
            return f"{duration.op}({', '.join(args)})"
        case "neg":
            return f"-{args[0]}"
        case "pos":
            return args[0]
        case "paren":
            return f"({args[0]})"
        case _:
            return f"{args[0]} {duration.op} {args[1]}"


def _labels(names: Sequence[str]) -> str:
    return f"({', '.join(name if is_legacy_label_name(name) else quote(name) for name in names)})"


def _aggregate_head(node: Aggregate) -> str:
    if node.without:
        return f"{node.op} without {_labels(node.grouping)} "
    return f"{node.op} by {_labels(node.grouping)} " if node.grouping else node.op


def _operator(node: Binary) -> str:
    matching = node.matching
    words = [node.op]
    if node.return_bool:
        words.append("bool")
    grouped = matching.cardinality in (Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY)
    if matching.labels or matching.on or grouped:
        words.append(f"{'on' if matching.on else 'ignoring'} {_labels(matching.labels)}")
    if grouped:
        side = "left" if matching.cardinality is Cardinality.MANY_TO_ONE else "right"
        words.append(f"group_{side} {_labels(matching.include)}")
    return " ".join([*words, *_fills(matching.fill_left, matching.fill_right)])


def _fills(left: float | None, right: float | None) -> list[str]:
    if left is not None and left == right:
        return [f"fill ({format_general(left)})"]
    sides = (("left", left), ("right", right))
    return [f"fill_{side} ({format_general(value)})" for side, value in sides if value is not None]
