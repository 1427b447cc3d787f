"""A parsed query as JSON: the answer of ``parse_query``, in Prometheus' shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from fenghuo.api.prometheus.numbers import fixed_text
from fenghuo.metrics.promql.syntax.ast import (
    Aggregate,
    AtTime,
    Binary,
    Call,
    Duration,
    DurationLiteral,
    DurationOp,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    RangeMode,
    String,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from fenghuo.metrics.promql.syntax.check import type_of
from fenghuo.metrics.promql.syntax.signatures import SIGNATURES
from fenghuo.model.matcher import Matcher

View: TypeAlias = dict[str, object]
_TYPE_WORDS = {
    ValueType.SCALAR: "scalar",
    ValueType.STRING: "string",
    ValueType.VECTOR: "vector",
    ValueType.MATRIX: "matrix",
}
_SIGNS = {"pos": "+", "neg": "-"}


def tree_view(expr: Expr) -> View:
    """The tree below ``expr``."""
    match expr:
        case Number(value=value):
            return {"type": "numberLiteral", "val": fixed_text(value)}
        case String(value=value):
            return {"type": "stringLiteral", "val": value}
        case Paren(inner=inner):
            return {"type": "parenExpr", "expr": tree_view(inner)}
        case Unary(op=op, operand=operand):
            return {"type": "unaryExpr", "op": op, "expr": tree_view(operand)}
        case VectorSelector():
            return {"type": "vectorSelector", **_selector(expr)}
        case MatrixSelector(vector=vector):
            return {"type": "matrixSelector", **_selector(vector), **_length("range", expr.range)}
        case Subquery():
            return {
                "type": "subquery",
                "expr": tree_view(expr.inner),
                **_length("range", expr.range),
                **_length("step", expr.step),
                **_moment(expr.offset, expr.at),
            }
        case Call():
            return {"type": "call", "func": _function(expr.function), "args": [tree_view(arg) for arg in expr.args]}
        case Aggregate():
            return {
                "type": "aggregation",
                "op": expr.op,
                "expr": tree_view(expr.expr),
                "param": tree_view(expr.param) if expr.param is not None else None,
                "grouping": list(expr.grouping),
                "without": expr.without,
            }
        case Binary():
            return {
                "type": "binaryExpr",
                "op": expr.op,
                "lhs": tree_view(expr.lhs),
                "rhs": tree_view(expr.rhs),
                "matching": _matching(expr),
                "bool": expr.return_bool,
            }


def _selector(vector: VectorSelector) -> View:
    return {
        "name": vector.name,
        "matchers": _matchers(vector.matchers),
        **_moment(vector.offset, vector.at),
        "anchored": vector.mode is RangeMode.ANCHORED,
        "smoothed": vector.mode is RangeMode.SMOOTHED,
    }


def _matchers(matchers: Sequence[Matcher]) -> list[View]:
    return [{"name": matcher.name, "value": matcher.value, "type": matcher.op.value} for matcher in matchers]


def _moment(offset: Duration | None, at: AtTime | None) -> View:
    moment = at.at if at is not None else None
    return {
        **_length("offset", offset),
        "timestamp": moment if isinstance(moment, int) else None,
        "startOrEnd": moment if isinstance(moment, str) else None,
    }


def _length(name: str, duration: Duration | None) -> View:
    """Milliseconds of what is known, and the expression of what is to be computed."""
    known = round(duration.seconds * 1000) if isinstance(duration, DurationLiteral) else 0
    computed = _duration(duration) if isinstance(duration, DurationOp) else None
    return {name: known, f"{name}Expr": computed}


def _duration(duration: Duration) -> View:
    if isinstance(duration, DurationLiteral):
        return {"type": "numberLiteral", "val": fixed_text(duration.seconds), "duration": duration.has_unit}
    if duration.op == "paren":
        inner = duration.args[0]
        return {**_duration(inner if isinstance(inner, DurationOp) else _signed(inner)), "wrapped": True}
    args = [_duration(arg) for arg in duration.args]
    left, right = args if len(args) == 2 else (None, args[0] if args else None)
    op = _SIGNS.get(duration.op, duration.op)
    return {"type": "durationExpr", "op": op, "lhs": left, "rhs": right, "wrapped": False}


def _signed(literal: DurationLiteral) -> DurationOp:
    """Only operations can say that they stand in parentheses."""
    return DurationOp(literal.start, literal.end, "pos", (literal,))


def _function(name: str) -> View:
    signature = SIGNATURES[name]
    return {
        "name": name,
        "argTypes": [_TYPE_WORDS[kind] for kind in signature.args],
        "variadic": -1 if signature.repeats else signature.optional,
        "returnType": _TYPE_WORDS[signature.result],
    }


def _matching(node: Binary) -> View | None:
    if not type_of(node.lhs) is type_of(node.rhs) is ValueType.VECTOR:
        return None
    matching = node.matching
    return {
        "card": matching.cardinality.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    }
