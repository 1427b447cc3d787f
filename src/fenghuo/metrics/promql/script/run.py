"""Runs files of the test language against an engine and a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from fenghuo.base.clock import SystemClock
from fenghuo.metrics.promql.context import Queryable
from fenghuo.metrics.promql.engine import Engine
from fenghuo.metrics.promql.errors import ExecutionError, ParseError
from fenghuo.metrics.promql.result import MatrixResult, QueryResult, ScalarResult, VectorResult
from fenghuo.metrics.promql.script.compare import compare_answer, compare_messages, same_float
from fenghuo.metrics.promql.script.parse import Clear, Eval, Load, parse_script
from fenghuo.metrics.promql.script.pin import moments, pinned
from fenghuo.model.labels import Labels


class ScriptStore(Queryable, Protocol):
    """A store that a script can fill."""

    def add(self, labels: Labels, samples: Iterable[tuple[int, float]]) -> None:
        """Add samples (time in ms, value), in order of time, to a series."""
        ...

    def add_starts(self, labels: Labels, starts_ms: Mapping[int, int]) -> None:
        """Say since when samples of a series count, by their times in ms. A store may pass over it."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """An ``eval`` whose answer was not the expected one."""

    line: int
    expr: str
    reason: str


@dataclass(slots=True)
class Report:
    """What became of one file."""

    name: str
    passed: int = 0
    failures: list[Failure] = field(default_factory=list)


def run_script(text: str, name: str, store: ScriptStore, progress: Callable[[Failure], None] | None = None) -> Report:
    """Run one file; ``progress`` is told of each failure at once. Raises InputError when the file is broken."""
    engine = Engine(store, SystemClock())
    report = Report(name)
    store.clear()
    for command in parse_script(text, name):
        match command:
            case Clear():
                store.clear()
            case Load():
                _load(command, store)
            case Eval():
                reason = _evaluate(command, engine)
                if reason is None:
                    report.passed += 1
                    continue
                failure = Failure(command.line, command.expr, reason)
                report.failures.append(failure)
                if progress is not None:
                    progress(failure)
    return report


def _load(command: Load, store: ScriptStore) -> None:
    """A series that stands twice in one block keeps its last line."""
    last = {line.labels: line for line in command.series}
    for labels, line in last.items():
        samples = [
            (position * command.interval_ms, item)
            for position, item in enumerate(line.items)
            if isinstance(item, float)
        ]
        if samples:
            store.add(labels, samples)
        starts = {
            position * command.interval_ms: position * command.interval_ms + start_ms
            for position, start_ms in enumerate(line.starts_ms)
            if start_ms is not None
        }
        if starts:
            store.add_starts(labels, starts)


def _evaluate(command: Eval, engine: Engine) -> str | None:
    """What is wrong with the answers to an ``eval``, or None."""
    try:
        tree = engine.parse(command.expr)
    except ParseError as error:
        return f"did not parse: {error}"
    reason = _ask(command, engine)
    if reason is not None or command.is_range or command.expect.range_vector is not None:
        return reason
    text = pinned(command.expr, tree, command.start_ms)
    if text is None:
        return None
    for time_ms in moments(command.start_ms):
        again = replace(command, expr=text, start_ms=time_ms, end_ms=time_ms)
        if (reason := _ask(again, engine)) is not None:
            return f"as {text!r} at {time_ms} ms: {reason}"
    return None


def _ask(command: Eval, engine: Engine) -> str | None:
    expect = command.expect
    try:
        if command.is_range:
            result = engine.range(command.expr, command.start_ms, command.end_ms, command.step_ms)
        else:
            result = engine.instant(command.expr, command.start_ms)
    except (ParseError, ExecutionError) as error:
        if not expect.fail:
            return f"failed: {error}"
        return compare_messages("failure", expect.fail, [error.message])
    if expect.fail:
        return "succeeded, and was expected to fail"
    reason = _check_annotations(command, result) or compare_answer(command, result.value)
    if reason is None and not command.is_range:
        reason = _check_as_range(command, engine, result)
    return reason


def _check_annotations(command: Eval, result: QueryResult) -> str | None:
    expect = command.expect
    if expect.warn or expect.no_warn:
        reason = compare_messages("warning", expect.warn, result.warnings)
        if reason is not None:
            return reason
    if expect.info or expect.no_info:
        return compare_messages("info", expect.info, result.infos)
    return None


_DEPENDS_ON_RANGE = ("start()", "end()", "range()", "step()")


def _check_as_range(command: Eval, engine: Engine, result: QueryResult) -> str | None:
    """An instant query must be the middle step of a range query around it."""
    if command.expect.ordered or any(text in command.expr for text in _DEPENDS_ON_RANGE):
        return None
    if not isinstance(result.value, VectorResult | ScalarResult):
        return None
    minute_ms = 60_000
    around = engine.range(command.expr, command.start_ms - minute_ms, command.start_ms + minute_ms, minute_ms)
    assert isinstance(around.value, MatrixResult)
    middle = {}
    for labels, times, values in around.value.series():
        points = dict(zip(times.tolist(), values.tolist(), strict=True))
        if command.start_ms in points:
            middle[labels] = points[command.start_ms]
    single = result.value
    samples = dict(single.samples()) if isinstance(single, VectorResult) else {Labels(): float(single.values[0])}
    if middle.keys() != samples.keys():
        return f"as a range query it has the series {[str(one) for one in middle]} at this moment"
    for labels, value in samples.items():
        if not same_float(middle[labels], value):
            return f"as a range query it has {middle[labels]} for {labels} at this moment, not {value}"
    return None
