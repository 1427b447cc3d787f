"""Types: what may stand where. The checks that a grammar alone cannot make."""

from __future__ import annotations

from collections.abc import Mapping

from fenghuo.metrics.promql.syntax.ast import (
    AGGREGATORS_WITH_PARAM,
    COMPARISON_OPS,
    SET_OPS,
    Aggregate,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
    postorder,
    unwrap,
)
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.lexer import after_space
from fenghuo.metrics.promql.syntax.signatures import SIGNATURES
from fenghuo.model.labels import quote

_ARTICLELESS = {ValueType.MATRIX: "matrix", ValueType.VECTOR: "vector"}


Kinds = Mapping[int, ValueType]
"""What expressions evaluate to, by the ids of their nodes."""


def type_of(root: Expr) -> ValueType:
    """What ``root`` evaluates to."""
    kinds: dict[int, ValueType] = {}
    for node in postorder(root):
        kinds[id(node)] = _type(node, kinds)
    return kinds[id(root)]


def _type(expr: Expr, kinds: Kinds) -> ValueType:
    """What ``expr`` evaluates to, when that is known of what is below it."""
    match expr:
        case Number():
            return ValueType.SCALAR
        case String():
            return ValueType.STRING
        case Paren(inner=inner):
            return kinds[id(inner)]
        case Unary(operand=operand):
            return kinds[id(operand)]
        case VectorSelector() | Aggregate():
            return ValueType.VECTOR
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Call(function=function):
            return SIGNATURES[function].result
        case Binary(lhs=lhs, rhs=rhs):
            both_scalar = kinds[id(lhs)] is kinds[id(rhs)] is ValueType.SCALAR
            return ValueType.SCALAR if both_scalar else ValueType.VECTOR


def check_types(cursor: Cursor, root: Expr) -> ValueType:
    """What ``root`` evaluates to. Raises ParseError at the first place where the types do not fit."""
    checker = _Checker(cursor)
    for node in postorder(root):
        checker.check(node)
    return checker.kinds[id(root)]


class _Checker:
    """Goes from node to node, from the leaves to the root."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.kinds: dict[int, ValueType] = {}

    def check(self, node: Expr) -> None:
        match node:
            case Unary():
                self._unary(node)
            case Subquery():
                self._subquery(node)
            case Aggregate():
                self._aggregate(node)
            case Call():
                self._call(node)
            case Binary():
                self._binary(node)
        self.kinds[id(node)] = _type(node, self.kinds)

    def _unary(self, node: Unary) -> None:
        kind = self.kinds[id(node.operand)]
        if kind not in (ValueType.SCALAR, ValueType.VECTOR):
            message = f'unary expression only allowed on expressions of type scalar or instant vector, got "{kind}"'
            raise self._cursor.error(message, node.start)

    def _subquery(self, node: Subquery) -> None:
        kind = self.kinds[id(node.inner)]
        if kind is not ValueType.VECTOR:
            name = _ARTICLELESS.get(kind, str(kind))
            raise self._cursor.error(f"subquery is only allowed on instant vector, got {name} instead", node.start)

    def _expect(self, expr: Expr, wanted: ValueType, context: str) -> None:
        kind = self.kinds[id(expr)]
        if kind is not wanted:
            raise self._cursor.error(f"expected type {wanted} in {context}, got {kind}", expr.start)

    def _aggregate(self, node: Aggregate) -> None:
        self._expect(node.expr, ValueType.VECTOR, "aggregation expression")
        if node.op in AGGREGATORS_WITH_PARAM:
            assert node.param is not None
            wanted = ValueType.STRING if node.op == "count_values" else ValueType.SCALAR
            self._expect(node.param, wanted, "aggregation parameter")

    def _call(self, node: Call) -> None:
        signature = SIGNATURES[node.function]
        least, most, given = signature.args_min, len(signature.args), len(node.args)
        if given < least or (given > most and not signature.repeats):
            bound = "" if least == most else "at least " if given < least else "at most "
            wanted = least if given < least else most
            message = f'expected {bound}{wanted} argument(s) in call to "{node.function}", got {given}'
            raise self._cursor.error(message, node.start)
        for index, arg in enumerate(node.args):
            if node.function == "info" and index == 1 and not isinstance(unwrap(arg), VectorSelector):
                raise self._cursor.error("expected label selectors only", arg.start)
            wanted_type = signature.args[min(index, most - 1)]
            self._expect(arg, wanted_type, f'call to function "{node.function}"')
        if node.function == "info" and len(node.args) == 2:
            selector = unwrap(node.args[1])
            if isinstance(selector, VectorSelector) and selector.name:
                raise self._cursor.error("expected label selectors only, got vector selector instead", selector.start)

    def _binary(self, node: Binary) -> None:
        kinds = (self.kinds[id(node.lhs)], self.kinds[id(node.rhs)])
        for kind, side in zip(kinds, (node.lhs, node.rhs), strict=True):
            if kind not in (ValueType.SCALAR, ValueType.VECTOR):
                raise self._cursor.error(
                    "binary expression must contain only scalar and instant vector types", side.start
                )
        operator_at = after_space(self._cursor.text, node.lhs.end)
        matching = node.matching
        both_vectors = kinds == (ValueType.VECTOR, ValueType.VECTOR)
        if node.return_bool and node.op not in COMPARISON_OPS:
            raise self._cursor.error("bool modifier can only be used on comparison operators", operator_at)
        if node.op in COMPARISON_OPS and not node.return_bool and ValueType.VECTOR not in kinds:
            raise self._cursor.error("comparisons between scalars must use BOOL modifier", operator_at)
        twice = [label for label in matching.include if matching.on and label in matching.labels]
        if twice:
            raise self._cursor.error(
                f"label {quote(twice[0])} must not occur in ON and GROUP clause at once", operator_at
            )
        if not both_vectors and (matching.labels or matching.on):
            raise self._cursor.error("vector matching only allowed between instant vectors", node.start)
        if node.op in SET_OPS:
            if not both_vectors:
                message = f"set operator {quote(node.op)} not allowed in binary scalar expression"
                raise self._cursor.error(message, node.start)
            if matching.cardinality in (Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY):
                raise self._cursor.error(f"no grouping allowed for {quote(node.op)} operation", node.start)
            if matching.fill_left is not None or matching.fill_right is not None:
                raise self._cursor.error("filling in missing series not allowed for set operators", node.start)
