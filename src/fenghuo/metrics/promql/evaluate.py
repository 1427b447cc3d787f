"""The evaluator: a tree and a grid; every node is evaluated over the whole grid at once."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from fenghuo.metrics.promql.aggregate import aggregate, reduced
from fenghuo.metrics.promql.binary import scalar_scalar, set_operation, vector_scalar, vector_vector
from fenghuo.metrics.promql.calls import Argument, Invocation, broadcast
from fenghuo.metrics.promql.choose import BY_VALUE, candidates, counts
from fenghuo.metrics.promql.context import Context
from fenghuo.metrics.promql.dates import DATE_FUNCTIONS
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.functions import RANGE_KERNELS, RangeKernel
from fenghuo.metrics.promql.grid import Grid
from fenghuo.metrics.promql.info import with_info
from fenghuo.metrics.promql.kernels.extended import smoothed_value
from fenghuo.metrics.promql.ranges import (
    RangeArgument,
    apply_kernel,
    kernel_slabs,
    newest,
    newest_start,
    newest_time,
    reference_grid,
    select_instant,
    select_range,
    subquery_grid,
    subquery_range,
)
from fenghuo.metrics.promql.reduce import REDUCTIONS
from fenghuo.metrics.promql.syntax.ast import (
    SET_OPS,
    TRIM_OPS,
    Aggregate,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    RangeMode,
    String,
    Subquery,
    Unary,
    VectorSelector,
    children,
    postorder,
    unwrap,
)
from fenghuo.metrics.promql.vector import ScalarValue, Slabs, StringValue, Value, Vector, empty_vector
from fenghuo.model.sample import Floats

_SEES_THE_STEP = DATE_FUNCTIONS | {"predict_linear", "time", "timestamp"}
"""Functions whose answer depends on the moment of evaluation even when their arguments do not."""
_OF_SAMPLES: dict[str, RangeKernel] = {"timestamp": newest_time, "start_timestamp": newest_start}
"""Functions that see the samples of a selector, not only its value."""


def evaluate(node: Expr, grid: Grid, context: Context) -> Value:
    """The value of ``node`` at every moment of ``grid``. The type of ``node`` is not a range vector."""
    context.check()
    if grid.size > 1 and id(node) in context.pinned:
        return _spread_out(evaluate(node, grid.first(), context), grid.size)
    match node:
        case Number(value=value):
            return ScalarValue(np.array([value]) if grid.size == 1 else np.full(grid.size, value))
        case String(value=text):
            return StringValue(text)
        case Paren(inner=inner):
            return evaluate(inner, grid, context)
        case Unary():
            return _unary(node, grid, context)
        case VectorSelector():
            return _newest(node, grid, context)
        case Aggregate():
            return _aggregate(node, grid, context)
        case Binary():
            return _binary(node, grid, context)
        case Call():
            return _call(node, grid, context)
        case MatrixSelector() | Subquery():
            raise AssertionError("a range vector has no value of its own")


def evaluate_range(node: Expr, grid: Grid, context: Context) -> RangeArgument:
    """The samples and windows of a range vector."""
    node = unwrap(node)
    if isinstance(node, MatrixSelector):
        return select_range(node, grid, context)
    assert isinstance(node, Subquery)
    moments = reference_grid(grid, node.at, node.offset, context)
    inner_grid = subquery_grid(node, moments, context)
    if inner_grid is None:
        return subquery_range(node, moments, empty_vector(1), moments.first(), context)
    inner = evaluate(node.inner, inner_grid, context)
    assert isinstance(inner, Vector)
    return subquery_range(node, moments, inner, inner_grid, context)


def pinned_nodes(root: Expr) -> frozenset[int]:
    """The ids of the nodes below which ``@`` fixes every selector, so that all steps have one answer."""
    selecting: set[int] = set()
    constant: set[int] = set()
    for node in postorder(root):
        below = [id(child) for child in children(node)]
        if isinstance(node, VectorSelector) or not selecting.isdisjoint(below):
            selecting.add(id(node))
        if _is_constant(node, constant):
            constant.add(id(node))
    return frozenset(selecting & constant)


def _is_constant(node: Expr, constant: set[int]) -> bool:
    """Whether all steps have one value of ``node``, when it is known of what is below it."""
    match node:
        case VectorSelector(at=at) | Subquery(at=at):
            return at is not None
        case Call(function=function) if function in _SEES_THE_STEP:
            return False
        case _:
            return all(id(child) in constant for child in children(node))


def _spread_out(value: Value, steps: int) -> Value:
    match value:
        case Vector():
            return broadcast(value, steps)
        case ScalarValue(values=values):
            return ScalarValue(np.broadcast_to(values, (steps,)))
        case StringValue():
            return value


def _vector(node: Expr, grid: Grid, context: Context) -> Vector:
    value = evaluate(node, grid, context)
    assert isinstance(value, Vector)
    return value


def _newest(node: VectorSelector, grid: Grid, context: Context) -> Vector:
    vector = apply_kernel(select_instant(node, grid, context), _newest_kernel(node, context), context, keep_stale=True)
    return broadcast(vector, grid.size)


def _newest_kernel(node: VectorSelector, context: Context) -> RangeKernel:
    if node.mode is RangeMode.SMOOTHED:
        return functools.partial(smoothed_value, lookback_ms=context.lookback_ms)
    return newest


def _slabs(node: Expr, grid: Grid, context: Context) -> Slabs:
    """The vector of ``node``, some rows at a time if it is made so."""
    node = unwrap(node)
    if grid.size == 1 or id(node) not in context.pinned:
        match node:
            case VectorSelector():
                argument, kernel = select_instant(node, grid, context), _newest_kernel(node, context)
                make = functools.partial(kernel_slabs, argument, kernel, context, keep_stale=True)
                return Slabs(argument.selection.labels, grid.size, argument.drop_name, make)
            case Call(function=function, args=args) if function in RANGE_KERNELS:
                return Invocation(node, [evaluate_range(args[0], grid, context)], grid, context).slabs()
    value = evaluate(node, grid, context)
    assert isinstance(value, Vector)
    return value.slabs()


def _unary(node: Unary, grid: Grid, context: Context) -> Value:
    value = evaluate(node.operand, grid, context)
    if node.op == "+":
        return value
    if isinstance(value, ScalarValue):
        return ScalarValue(-value.values)
    assert isinstance(value, Vector)
    return value.renamed(-value.values)


def _aggregate(node: Aggregate, grid: Grid, context: Context) -> Vector:
    if node.op in REDUCTIONS:
        return reduced(node, _slabs(node.expr, grid, context))
    param: Floats | str | None = None
    if node.param is not None:
        value = evaluate(node.param, grid, context)
        assert not isinstance(value, Vector)
        param = value.value if isinstance(value, StringValue) else value.values
    if node.op in BY_VALUE and not node.grouping and not node.without:
        few = candidates(_slabs(node.expr, grid, context), node.op, counts(param))
        return aggregate(node, few, param, context)
    return aggregate(node, _vector(node.expr, grid, context), param, context)


def _binary(node: Binary, grid: Grid, context: Context) -> Value:
    """A chain of operators is worked off from its left end, however long it is."""
    chain = [node]
    while isinstance(before := chain[-1].lhs, Binary) and (grid.size == 1 or id(before) not in context.pinned):
        chain.append(before)
    left = evaluate(chain[-1].lhs, grid, context)
    for each in reversed(chain):
        left = _operate(each, left, evaluate(each.rhs, grid, context), context)
    return left


def _trimmed(node: Binary, left: Value, right: Value, context: Context) -> Vector:
    """What trimming leaves of floats: nothing. Raises ExecutionError for two numbers."""
    met = _operate(replace(node, op="+"), left, right, context)
    if not isinstance(met, Vector):
        raise ExecutionError(f'operator "{node.op}" not allowed for Scalar operations')
    if met.present.any():
        context.notes.incompatible_floats(node)
    return empty_vector(met.values.shape[1])


def _operate(node: Binary, left: Value, right: Value, context: Context) -> Value:
    if node.op in TRIM_OPS:
        return _trimmed(node, left, right, context)
    if isinstance(left, Vector) and isinstance(right, Vector):
        if node.op in SET_OPS:
            return set_operation(node, left, right)
        return vector_vector(node, left, right, context)
    if isinstance(left, Vector):
        assert isinstance(right, ScalarValue)
        return vector_scalar(node, left, right, swapped=False)
    assert isinstance(left, ScalarValue)
    if isinstance(right, Vector):
        return vector_scalar(node, right, left, swapped=True)
    assert isinstance(right, ScalarValue)
    return scalar_scalar(node, left, right)


def _call(node: Call, grid: Grid, context: Context) -> Value:
    if node.function == "info":
        return with_info(node, _vector(node.args[0], grid, context), grid, context)
    if node.function in _OF_SAMPLES and isinstance(selector := unwrap(node.args[0]), VectorSelector):
        kernel = _OF_SAMPLES[node.function]
        times = apply_kernel(select_instant(selector, grid, context), kernel, context, keep_stale=True)
        return broadcast(times.renamed(times.values), grid.size)
    args: list[Argument] = [
        evaluate_range(arg, grid, context)
        if isinstance(unwrap(arg), MatrixSelector | Subquery)
        else evaluate(arg, grid, context)
        for arg in node.args
    ]
    return Invocation(node, args, grid, context).value()
