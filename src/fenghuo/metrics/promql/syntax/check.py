"""Types: what may stand where. The checks that a grammar alone cannot make."""

from __future__ import annotations

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
    children,
    unwrap,
)
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.signatures import SIGNATURES
from fenghuo.model.labels import quote

_ARTICLELESS = {ValueType.MATRIX: "matrix", ValueType.VECTOR: "vector"}


def type_of(expr: Expr) -> ValueType:
    """What ``expr`` evaluates to."""
    match expr:
        case Number():
            return ValueType.SCALAR
        case String():
            return ValueType.STRING
        case Paren(inner=inner):
            return type_of(inner)
        case Unary(operand=operand):
            return type_of(operand)
        case VectorSelector() | Aggregate():
            return ValueType.VECTOR
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Call(function=function):
            return SIGNATURES[function].result
        case Binary(lhs=lhs, rhs=rhs):
            both_scalar = type_of(lhs) is ValueType.SCALAR and type_of(rhs) is ValueType.SCALAR
            return ValueType.SCALAR if both_scalar else ValueType.VECTOR


def check_types(cursor: Cursor, root: Expr) -> None:
    """Raises ParseError at the first place where the types do not fit."""
    for child in children(root):
        check_types(cursor, child)
    match root:
        case Unary(operand=operand):
            kind = type_of(operand)
            if kind not in (ValueType.SCALAR, ValueType.VECTOR):
                message = f'unary expression only allowed on expressions of type scalar or instant vector, got "{kind}"'
                raise cursor.error(message, root.start)
        case Subquery(inner=inner):
            kind = type_of(inner)
            if kind is not ValueType.VECTOR:
                name = _ARTICLELESS.get(kind, str(kind))
                raise cursor.error(f"subquery is only allowed on instant vector, got {name} instead", root.start)
        case Aggregate():
            _check_aggregate(cursor, root)
        case Call():
            _check_call(cursor, root)
        case Binary():
            _check_binary(cursor, root)


def _expect(cursor: Cursor, expr: Expr, wanted: ValueType, context: str) -> None:
    kind = type_of(expr)
    if kind is not wanted:
        raise cursor.error(f"expected type {wanted} in {context}, got {kind}", expr.start)


def _check_aggregate(cursor: Cursor, node: Aggregate) -> None:
    _expect(cursor, node.expr, ValueType.VECTOR, "aggregation expression")
    if node.op in AGGREGATORS_WITH_PARAM:
        assert node.param is not None
        wanted = ValueType.STRING if node.op == "count_values" else ValueType.SCALAR
        _expect(cursor, node.param, wanted, "aggregation parameter")


def _check_call(cursor: Cursor, node: Call) -> None:
    signature = SIGNATURES[node.function]
    least, most, given = signature.args_min, len(signature.args), len(node.args)
    if given < least or (given > most and not signature.repeats):
        bound = "" if least == most else "at least " if given < least else "at most "
        wanted = least if given < least else most
        message = f'expected {bound}{wanted} argument(s) in call to "{node.function}", got {given}'
        raise cursor.error(message, node.start)
    for index, arg in enumerate(node.args):
        if node.function == "info" and index == 1 and not isinstance(unwrap(arg), VectorSelector):
            raise cursor.error("expected label selectors only", arg.start)
        wanted_type = signature.args[min(index, most - 1)]
        _expect(cursor, arg, wanted_type, f'call to function "{node.function}"')
    if node.function == "info" and len(node.args) == 2:
        selector = unwrap(node.args[1])
        if isinstance(selector, VectorSelector) and selector.name:
            raise cursor.error("expected label selectors only, got vector selector instead", selector.start)


def _check_binary(cursor: Cursor, node: Binary) -> None:
    kinds = (type_of(node.lhs), type_of(node.rhs))
    for kind, side in zip(kinds, (node.lhs, node.rhs), strict=True):
        if kind not in (ValueType.SCALAR, ValueType.VECTOR):
            raise cursor.error("binary expression must contain only scalar and instant vector types", side.start)
    matching = node.matching
    both_vectors = kinds == (ValueType.VECTOR, ValueType.VECTOR)
    if node.return_bool and node.op not in COMPARISON_OPS:
        raise cursor.error("bool modifier can only be used on comparison operators", node.start)
    if node.op in COMPARISON_OPS and not node.return_bool and ValueType.VECTOR not in kinds:
        raise cursor.error("comparisons between scalars must use BOOL modifier", node.start)
    twice = [label for label in matching.include if matching.on and label in matching.labels]
    if twice:
        raise cursor.error(f"label {quote(twice[0])} must not occur in ON and GROUP clause at once", node.start)
    if not both_vectors and (matching.labels or matching.on):
        raise cursor.error("vector matching only allowed between instant vectors", node.start)
    if node.op in SET_OPS:
        if not both_vectors:
            message = f"set operator {quote(node.op)} not allowed in binary scalar expression"
            raise cursor.error(message, node.start)
        if matching.cardinality in (Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY):
            raise cursor.error(f"no grouping allowed for {quote(node.op)} operation", node.start)
        if matching.fill_left is not None or matching.fill_right is not None:
            raise cursor.error("filling in missing series not allowed for set operators", node.start)
