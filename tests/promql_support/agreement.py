"""Whether the engine says of some data what the definitions say, in every shape that the data may have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.promql import Engine, ExecutionError, MatrixResult, VectorResult, parse_expr
from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.metrics.promql.syntax.ast import Expr
from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN
from promql_support.dense_store import DenseStore
from promql_support.naive import STALE, Naive, RefusedError

TOLERANCE = 1e-9

Data = dict[Labels, list[tuple[int, object]]]
"""Samples by series: time in ms, and a number or :data:`STALE`."""


def _stores(data: Data) -> Iterator[tuple[str, DenseStore | MemoryStore]]:
    for name, store in (("dense", DenseStore()), ("ragged", MemoryStore())):
        for labels, samples in data.items():
            store.add(labels, [(ms, float(STALE_NAN if value is STALE else value)) for ms, value in samples])  # type: ignore[arg-type]
        yield name, store


def _same(given: float, wanted: float) -> bool:
    if math.isnan(wanted) or math.isinf(wanted):
        return given == wanted or (math.isnan(given) and math.isnan(wanted))
    return math.isclose(given, wanted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _points(result: VectorResult | MatrixResult) -> dict[tuple[int, Labels], float]:
    if isinstance(result, VectorResult):
        return {(result.time_ms, labels): value for labels, value in result.samples()}
    return {
        (ms, labels): value
        for labels, times, values in result.series()
        for ms, value in zip(times.tolist(), values.tolist(), strict=True)
    }


def _wanted(expr: Expr, data: Data, moments: Sequence[int]) -> dict[tuple[int, Labels], float] | None:
    """None when the definitions refuse the data."""
    naive = Naive(data, moments[0], moments[-1])
    try:
        return {(ms, labels): value for ms in moments for labels, value in naive.answer(expr, ms).items()}
    except RefusedError:
        return None


def _asked(
    engine: Engine, text: str, moments: Sequence[int], step_ms: int
) -> VectorResult | MatrixResult | ExecutionError:
    """The answer to a range query, or to an instant one when ``step_ms`` is 0."""
    try:
        if step_ms:
            result = engine.range(text, moments[0], moments[-1], step_ms).value
        else:
            result = engine.instant(text, moments[0]).value
    except ExecutionError as error:
        return error
    assert isinstance(result, VectorResult | MatrixResult)
    return result


def check(text: str, data: Data, start_ms: int, step_ms: int, steps: int) -> None:
    """Asked once and asked over a range, of both stores, the engine says what the definitions say."""
    expr = parse_expr(text)
    moments = [start_ms + step * step_ms for step in range(steps)]
    engines = [(shape, Engine(store, ManualClock())) for shape, store in _stores(data)]
    for asked, ask_ms in ((moments, step_ms), (moments[:1], 0)):
        wanted = _wanted(expr, data, asked)
        for shape, engine in engines:
            where = f"{shape} {'range' if ask_ms else 'instant'}"
            result = _asked(engine, text, asked, ask_ms)
            if isinstance(result, ExecutionError):
                assert wanted is None, f"{where}: {result.message}"
                continue
            assert wanted is not None, f"{where}: should have been refused"
            given = _points(result)
            assert given.keys() == wanted.keys(), where
            wrong = {key: (given[key], wanted[key]) for key in wanted if not _same(given[key], wanted[key])}
            assert wrong == {}, where
