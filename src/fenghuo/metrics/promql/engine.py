"""The engine: query text in, arrays out.

Synchronous and CPU-bound: callers run it in a worker thread. One engine serves any number of threads; it holds
nothing of a query once that is answered, but for the trees of the last few thousand texts.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import Clock
from fenghuo.metrics.promql.annotations import Annotations
from fenghuo.metrics.promql.context import Context, Queryable
from fenghuo.metrics.promql.errors import ExecutionError, ParseError
from fenghuo.metrics.promql.evaluate import evaluate, evaluate_range, pinned_nodes
from fenghuo.metrics.promql.grid import Grid
from fenghuo.metrics.promql.label_arrays import sorted_order
from fenghuo.metrics.promql.limits import SAMPLES_MAX, TEXT_CHARS_MAX, TIMEOUT_S
from fenghuo.metrics.promql.metrics import QueryMetrics
from fenghuo.metrics.promql.ranges import RangeArgument
from fenghuo.metrics.promql.relabel import checked_unique
from fenghuo.metrics.promql.result import (
    Answer,
    MatrixResult,
    QueryResult,
    RangeVectorResult,
    ScalarResult,
    StringResult,
    VectorResult,
)
from fenghuo.metrics.promql.syntax.ast import Expr, ValueType
from fenghuo.metrics.promql.syntax.check import type_of
from fenghuo.metrics.promql.syntax.parser import parse_expr
from fenghuo.metrics.promql.vector import NAME_LIKE, ScalarValue, StringValue, Value, Vector
from fenghuo.model.label_table import LabelColumn, LabelTable
from fenghuo.model.sample import Bools


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """How a query is evaluated.

    ``lookback_ms`` is how old the newest sample of a series may be to count as its value; ``cancel``, once set,
    ends the query with QueryCancelledError.
    """

    lookback_ms: int = 5 * 60_000
    subquery_step_ms: int = 60_000
    timeout_s: float = float(TIMEOUT_S.default)
    samples_max: int = SAMPLES_MAX.default
    text_chars_max: int = TEXT_CHARS_MAX.default
    cancel: threading.Event | None = None


_TREES_KEPT = 4096
"""Parsed trees that are kept by text: rules and panels ask the same thing again and again. Some 10 KB each."""


_KEPT_CHARS_MAX = 10_000
"""Longer texts are parsed each time: nobody asks them often, and thousands of them would fill the memory."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A tree, what it evaluates to, and which of its nodes ``@`` pins."""

    tree: Expr
    kind: ValueType
    pinned: frozenset[int]

    @staticmethod
    def of(expr: str) -> _Parsed:
        tree = parse_expr(expr)
        return _Parsed(tree, type_of(tree), pinned_nodes(tree))


@functools.lru_cache(maxsize=_TREES_KEPT)
def _kept(expr: str) -> _Parsed:
    return _Parsed.of(expr)


def _parsed(expr: str, chars_max: int) -> _Parsed:
    if len(expr) > chars_max:
        TEXT_CHARS_MAX.hit()
        raise ParseError(f"the query has {len(expr)} characters, and may have {chars_max}")
    return _kept(expr) if len(expr) <= _KEPT_CHARS_MAX else _Parsed.of(expr)


class Engine:
    """Evaluates PromQL over what a :class:`Queryable` holds. Its instruments go to ``registry``, if there is one.

    ``options`` is asked for the options of each query that brings none of its own.
    """

    def __init__(
        self,
        queryable: Queryable,
        clock: Clock,
        registry: CollectorRegistry | None = None,
        options: Callable[[], QueryOptions] = QueryOptions,
    ) -> None:
        self._queryable = queryable
        self._clock = clock
        self.options = options
        self._metrics = QueryMetrics(registry or CollectorRegistry(), clock)

    def parse(self, expr: str) -> Expr:
        """The tree of ``expr``, checked. Raises ParseError."""
        return _parsed(expr, self.options().text_chars_max).tree

    def instant(self, expr: str, time_ms: int, options: QueryOptions | None = None) -> QueryResult:
        """Evaluate at one moment.

        Raises ParseError for what is no query, ExecutionError when the data do not fit it, and the
        OperatingErrors of :mod:`errors` when it takes too long or is cancelled.
        """
        with self._metrics.watched("instant"), np.errstate(all="ignore"):
            options = options or self.options()
            query = _parsed(expr, options.text_chars_max)
            context = self._context(expr, query, Grid.instant(time_ms), options, is_range=False)
            if query.kind is ValueType.MATRIX:
                answer: Answer = _range_vector(evaluate_range(query.tree, context.grid, context), context)
            else:
                answer = _instant(evaluate(query.tree, context.grid, context), time_ms)
            return self._finished(answer, context)

    def range(
        self, expr: str, start_ms: int, end_ms: int, step_ms: int, options: QueryOptions | None = None
    ) -> QueryResult:
        """Evaluate at every ``step_ms`` from ``start_ms`` to ``end_ms``, both inclusive.

        Raises as :meth:`instant`, and ExecutionError when ``end_ms`` is before ``start_ms`` or the step not positive.
        """
        with self._metrics.watched("range"), np.errstate(all="ignore"):
            options = options or self.options()
            query = _parsed(expr, options.text_chars_max)
            kind = query.kind
            if kind not in (ValueType.SCALAR, ValueType.VECTOR):
                raise ParseError(f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')
            if end_ms < start_ms or step_ms <= 0:
                raise ExecutionError(f"no moments from {start_ms} to {end_ms} ms with a step of {step_ms} ms")
            context = self._context(expr, query, Grid.between(start_ms, end_ms, step_ms), options, is_range=True)
            return self._finished(_matrix(evaluate(query.tree, context.grid, context), context.grid), context)

    def _finished(self, answer: Answer, context: Context) -> QueryResult:
        self._metrics.samples.inc(context.samples)
        return QueryResult(answer, context.notes.warnings, context.notes.infos, context.samples)

    def _context(self, expr: str, query: _Parsed, grid: Grid, options: QueryOptions, *, is_range: bool) -> Context:
        return Context(
            text=expr,
            queryable=self._queryable,
            clock=self._clock,
            grid=grid,
            is_range=is_range,
            lookback_ms=options.lookback_ms,
            subquery_step_ms=options.subquery_step_ms,
            samples_max=options.samples_max,
            deadline_s=self._clock.monotonic_s() + options.timeout_s,
            cancel=options.cancel,
            notes=Annotations(expr),
            pinned=query.pinned,
        )


def _instant(value: Value, time_ms: int) -> Answer:
    match value:
        case ScalarValue(values=values):
            return ScalarResult(np.array([time_ms], dtype=np.int64), values)
        case StringValue(value=text):
            return StringResult(time_ms, text)
        case Vector():
            vector = _named(value.pruned())
            return VectorResult(vector.labels, time_ms, np.ascontiguousarray(vector.values[:, 0]))


def _matrix(value: Value, grid: Grid) -> MatrixResult:
    assert not isinstance(value, StringValue)
    if isinstance(value, ScalarValue):
        shape = (1, grid.size)
        values = np.broadcast_to(value.values, shape)
        return MatrixResult(LabelTable(1, {}), grid.times_ms, values, np.ones(shape, np.bool_))
    vector = _named(value.pruned())
    vector = vector.take(sorted_order(vector.labels))
    return MatrixResult(vector.labels, grid.times_ms, vector.values, vector.present)


def _range_vector(argument: RangeArgument, context: Context) -> RangeVectorResult:
    rows, times, values = [], [], []
    for windows in argument.windows(context):
        shared, times_shared = windows.lo.shape[0] == 1, windows.times_ms.shape[0] == 1
        for index, row in enumerate(windows.rows.tolist()):
            own = 0 if shared else index
            part = slice(int(windows.lo[own, 0]), int(windows.hi[own, 0]))
            if part.stop > part.start:
                rows.append(row)
                times.append(windows.times_ms[0 if times_shared else index, part])
                values.append(windows.values[index, part])
    chosen = np.array(rows, dtype=np.int64)
    table = _without_names(argument.selection.labels.take(chosen), argument.drop_name[chosen])
    order = sorted_order(table).tolist()
    sizes = [len(times[index]) for index in order]
    return RangeVectorResult(
        table.take(np.array(order, dtype=np.int64)),
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        np.concatenate([times[index] for index in order]) if order else np.zeros(0, np.int64),
        np.concatenate([values[index] for index in order]) if order else np.zeros(0),
    )


def _named(vector: Vector) -> Vector:
    """Drop the names that are to go. Raises ExecutionError when series cannot be told apart any more."""
    return checked_unique(vector.relabelled(_without_names(vector.labels, vector.drop_name)))


def _without_names(table: LabelTable, drop: Bools) -> LabelTable:
    if not drop.any():
        return table
    if drop.all():
        return table.without(NAME_LIKE)
    columns = dict(table.columns)
    for name in NAME_LIKE:
        if name in columns:
            columns[name] = LabelColumn(np.where(drop, 0, columns[name].codes), columns[name].dictionary)
    return LabelTable(table.size, columns)
