"""Prometheus' test files once more, with every selector pinned by ``@``: then the moment of asking must not matter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fenghuo.base.clock import SystemClock
from fenghuo.metrics.promql import Engine, parse_expr
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.metrics.promql.script.compare import compare_answer
from fenghuo.metrics.promql.script.parse import Clear, Eval, Load, parse_script
from fenghuo.metrics.promql.syntax.ast import Call, Expr, MatrixSelector, Subquery, VectorSelector, children

FILES = ["aggregators", "functions", "histograms", "selectors", "staleness", "name_label_dropping", "fill-modifier"]
SEES_THE_MOMENT = frozenset(
    [
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "end",
        "hour",
        "minute",
        "month",
        "predict_linear",
        "range",
        "start",
        "step",
        "time",
        "timestamp",
        "year",
        "info",
        "start_timestamp",
    ]
)
"""Functions whose answer is about the moment of asking, and those that are not supported."""


def _functions(node: Expr) -> Iterator[str]:
    if isinstance(node, Call):
        yield node.function
    for child in children(node):
        yield from _functions(child)


def _ends(node: Expr) -> Iterator[int]:
    """Where ``@`` goes: behind each selector and subquery that has none. A pinned subquery pins what is in it."""
    match node:
        case VectorSelector(at=at) | MatrixSelector(vector=VectorSelector(at=at)) | Subquery(at=at):
            if at is None:
                yield node.end
        case _:
            for child in children(node):
                yield from _ends(child)


def _pinned(command: Eval) -> str:
    text = command.expr
    for end in sorted(set(_ends(parse_expr(text))), reverse=True):
        text = f"{text[:end]} @ {command.start_ms / 1000:.3f}{text[end:]}"
    return text


def _answers_as_expected(command: Eval, expr: str, engine: Engine, time_ms: int) -> bool:
    try:
        return compare_answer(command, engine.instant(expr, time_ms).value) is None
    except ExecutionError:
        return False


@pytest.mark.parametrize("name", FILES)
def test_pinned_queries_do_not_depend_on_when_they_are_asked(conformance: Path, name: str) -> None:
    store = MemoryStore()
    engine = Engine(store, SystemClock())
    asked = 0
    for command in parse_script((conformance / "promqltest" / f"{name}.test").read_text(), name):
        if isinstance(command, Clear):
            store.clear()
        elif isinstance(command, Load):
            _load(command, store)
        elif _can_be_pinned(command) and _answers_as_expected(command, command.expr, engine, command.start_ms):
            expr, at_ms = _pinned(command), command.start_ms
            for time_ms in (-10 * at_ms, 0, at_ms // 5, at_ms, 10 * at_ms) if at_ms else (-1000, 0, 1000):
                asked += 1
                assert _answers_as_expected(command, expr, engine, time_ms), (command.line, expr, time_ms)
    assert asked > 50


def _can_be_pinned(command: Eval) -> bool:
    return (
        not command.is_range
        and not command.expect.fail
        and not SEES_THE_MOMENT & set(_functions(parse_expr(command.expr)))
    )


def _load(command: Load, store: MemoryStore) -> None:
    for line in command.series:
        samples = [
            (position * command.interval_ms, item)
            for position, item in enumerate(line.items)
            if isinstance(item, float)
        ]
        store.add(line.labels, samples)
