"""Answers against expectations. Each function says what is wrong, or None."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from fenghuo.metrics.promql.result import (
    Answer,
    MatrixResult,
    RangeVectorResult,
    ScalarResult,
    StringResult,
    VectorResult,
)
from fenghuo.metrics.promql.script.parse import Eval, Text
from fenghuo.metrics.promql.script.series import HistogramSample, Item, SeriesLine
from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN_BITS

_TOLERANCE = 1e-6
_SMALLEST_NORMAL = 2.2250738585072014e-308
_LARGEST = 1.7976931348623157e308


def same_float(left: float, right: float) -> bool:
    """Equality up to the language's tolerance; NaN equals NaN unless one of them marks staleness."""
    if left != left or right != right:
        return left != left and right != right and _is_stale(left) == _is_stale(right)
    if left == right:
        return True
    if abs(left) == float("inf") or abs(right) == float("inf"):
        return False
    size = abs(left) + abs(right)
    if left == 0 or right == 0 or size < _SMALLEST_NORMAL:
        return abs(left - right) < _TOLERANCE * _SMALLEST_NORMAL
    return abs(left - right) / min(size, _LARGEST) < _TOLERANCE


def _is_stale(value: float) -> bool:
    return bool(struct.unpack("<q", struct.pack("<d", value))[0] == STALE_NAN_BITS)


def compare_messages(kind: str, wanted: Sequence[Text], given: Sequence[str]) -> str | None:
    """Every wanted text must be given, and every given one wanted."""
    for text in wanted:
        if not any(_fits(text, message) for message in given):
            return f"expected {kind} {text.message or text.pattern or 'of any text'!r}, got {list(given)}"
    for message in given:
        if not any(_fits(text, message) for text in wanted):
            return f"unexpected {kind} {message!r}"
    return None


def _fits(text: Text, message: str) -> bool:
    if text.message is not None:
        return text.message == message
    return text.pattern is None or re.search(text.pattern, message) is not None


def compare_answer(command: Eval, answer: Answer) -> str | None:
    """The value of a query against the lines below the ``eval``."""
    expect = command.expect
    if any(isinstance(item, HistogramSample) for line in expect.series for item in line.items):
        return "native histograms are not supported"
    match answer:
        case StringResult(value=value) if expect.string is not None:
            return None if value == expect.string else f"expected {expect.string!r}, got the string {value!r}"
        case ScalarResult(values=values) if expect.scalar is not None:
            got = float(values[0])
            return None if same_float(got, expect.scalar) else f"expected {expect.scalar}, got {got}"
        case VectorResult() if expect.scalar is None and expect.string is None and expect.range_vector is None:
            return _compare_vector(answer, expect.series, ordered=expect.ordered)
        case MatrixResult() if expect.scalar is None:
            moments = range(command.start_ms, command.end_ms + 1, command.step_ms)
            return _compare_series(_points(answer), expect.series, moments)
        case RangeVectorResult() if expect.range_vector is not None:
            vector = expect.range_vector
            return _compare_series(
                _points(answer), expect.series, range(vector.start_ms, vector.end_ms + 1, vector.step_ms)
            )
        case _:
            return f"got a result of another kind: {type(answer).__name__}"


def _compare_vector(answer: VectorResult, expected: Sequence[SeriesLine], *, ordered: bool) -> str | None:
    got = answer.samples()
    wanted: dict[Labels, Item] = {line.labels: line.items[0] for line in expected}
    if ordered and [labels for labels, _ in got] != list(wanted):
        return f"expected the order {[str(labels) for labels in wanted]}, got {[str(labels) for labels, _ in got]}"
    found = dict(got)
    if len(found) != len(got):
        return "a series stands twice in the answer"
    return _compare_sets(wanted, found)


def _compare_sets(wanted: dict[Labels, Item], found: dict[Labels, float]) -> str | None:
    for labels, value in found.items():
        if labels not in wanted:
            return f"unexpected series {labels} with value {value}"
    for labels, item in wanted.items():
        if labels not in found:
            return f"missing series {labels} with value {item}"
        if not isinstance(item, float) or not same_float(found[labels], item):
            return f"expected {item} for {labels}, got {found[labels]}"
    return None


Points = list[tuple[Labels, dict[int, float]]]


def _points(answer: MatrixResult | RangeVectorResult) -> Points:
    return [
        (labels, dict(zip(times.tolist(), values.tolist(), strict=True))) for labels, times, values in answer.series()
    ]


def _compare_series(got: Points, expected: Sequence[SeriesLine], moments: range) -> str | None:
    labels = [labels for labels, _ in got]
    if sorted(labels) != labels:
        return f"the answer is not sorted by labels: {[str(one) for one in labels]}"
    wanted = {
        line.labels: {time_ms: item for time_ms, item in zip(moments, line.items, strict=False) if item is not None}
        for line in expected
    }
    found = dict(got)
    wanted = {one: points for one, points in wanted.items() if points or one in found}
    if wanted.keys() != found.keys():
        return f"expected the series {[str(one) for one in wanted]}, got {[str(one) for one in found]}"
    for one, points in wanted.items():
        if points.keys() != found[one].keys():
            return f"expected points of {one} at {sorted(points)}, got them at {sorted(found[one])}"
        for time_ms, value in points.items():
            if not isinstance(value, float) or not same_float(found[one][time_ms], value):
                return f"expected {value} for {one} at {time_ms} ms, got {found[one][time_ms]}"
    return None
