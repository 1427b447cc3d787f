"""Which value an alerting expression compares with which number.

A comparison keeps the value of its vector, so what an alert's ``$value`` is can be read off the tree: the side of the
outermost comparison that is no constant. ``and`` and ``unless`` keep the values of their left side.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

from fenghuo.metrics.promql.syntax.ast import COMPARISON_OPS, Binary, Call, Expr, Number, Unary, unwrap
from fenghuo.metrics.promql.syntax.parser import parse_expr
from fenghuo.model.reading import Watched

MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
    "^": math.pow,
}
ABSENCE: Final = frozenset({"absent", "absent_over_time"})


def watched(text: str) -> Watched | None:
    """What the expression watches; None when its value means nothing, as that of ``absent``.

    Raises ParseError for a text that is not PromQL.
    """
    expr = unwrap(parse_expr(text))
    while isinstance(expr, Binary) and expr.op in ("and", "unless"):
        expr = unwrap(expr.lhs)
    if isinstance(expr, Call) and expr.function in ABSENCE:
        return None
    if not isinstance(expr, Binary) or expr.op not in COMPARISON_OPS or expr.return_bool:
        return Watched(_text_of(expr, text))
    right, left = _constant(expr.rhs), _constant(expr.lhs)
    if right is not None:
        return Watched(_text_of(unwrap(expr.lhs), text), expr.op, right)
    if left is not None:
        return Watched(_text_of(unwrap(expr.rhs), text), MIRRORED[expr.op], left)
    return Watched(_text_of(unwrap(expr.lhs), text))


def _text_of(expr: Expr, text: str) -> str:
    return text[expr.start : expr.end].strip()


def _constant(expr: Expr) -> float | None:
    """The value of an expression of numbers alone."""
    match unwrap(expr):
        case Number(value=value):
            return value
        case Unary(op=op, operand=operand):
            inner = _constant(operand)
            return -inner if inner is not None and op == "-" else inner
        case Binary(op=op, lhs=lhs, rhs=rhs) if op in ARITHMETIC:
            first, second = _constant(lhs), _constant(rhs)
            if first is None or second is None:
                return None
            try:
                return ARITHMETIC[op](first, second)
            except (ArithmeticError, ValueError):
                return None
    return None
