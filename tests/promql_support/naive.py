"""PromQL once more, slow and obvious: one series and one step at a time, in plain Python, from the definitions.

A value is a float, or a list of elements. A name that is to go goes when the answer is put together.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fenghuo.metrics.promql.syntax.ast import (
    Aggregate,
    AtTime,
    Binary,
    Call,
    Cardinality,
    Duration,
    DurationLiteral,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
    unwrap,
)
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from promql_support.naive_windows import (
    KEEP_NAME,
    WINDOW_FUNCTIONS,
    largest,
    line,
    quantile,
    quotient,
    smallest,
    total,
    variance,
)
from promql_support.reference import Window

NAME = "__name__"
STALE = object()
"""Stands where a series ended."""
Data = Mapping[Labels, Sequence[tuple[int, object]]]


class RefusedError(Exception):
    """The data do not fit the expression."""


@dataclass(frozen=True)
class Element:
    """One series' value at one moment."""

    labels: dict[str, str]
    value: float
    drops_name: bool = False

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self.labels.items()))


@dataclass(frozen=True)
class Ranged:
    """One series' samples in a window."""

    labels: dict[str, str]
    samples: Window
    drops_name: bool


Value = float | list[Element]


@dataclass
class Naive:
    """Evaluates over ``data``; the whole query goes from ``start_ms`` to ``end_ms``."""

    data: Data
    start_ms: int
    end_ms: int
    lookback_ms: int = 300_000
    subquery_step_ms: int = 60_000
    seen: set[str] = field(default_factory=set)
    """Kinds of nodes and functions that were evaluated."""

    def answer(self, expr: Expr, time_ms: int) -> dict[Labels, float]:
        """The value at one moment by label set. Raises RefusedError."""
        value = self.at(expr, time_ms)
        if isinstance(value, float):
            return {Labels(): value}
        found: dict[Labels, float] = {}
        for element in value:
            labels = Labels(_nameless(element.labels) if element.drops_name else element.labels)
            if labels in found:
                raise RefusedError("two series of the same labels")
            found[labels] = element.value
        return found

    def at(self, expr: Expr, time_ms: int) -> Value:
        self.seen.add(type(expr).__name__)
        match expr:
            case Number(value=value):
                return value
            case Paren(inner=inner):
                return self.at(inner, time_ms)
            case Unary(op=op, operand=operand):
                value = self.at(operand, time_ms)
                if op == "+":
                    return value
                return -value if isinstance(value, float) else [_changed(each, -each.value) for each in value]
            case VectorSelector():
                return self._newest(expr, time_ms)
            case Aggregate():
                return aggregate(expr, self._vector(expr.expr, time_ms), self._parameter(expr, time_ms))
            case Binary():
                return binary(expr, self.at(expr.lhs, time_ms), self.at(expr.rhs, time_ms))
            case Call():
                self.seen.add(expr.function)
                return self._call(expr, time_ms)
        raise AssertionError(expr)

    def _vector(self, expr: Expr, time_ms: int) -> list[Element]:
        value = self.at(expr, time_ms)
        assert isinstance(value, list)
        return value

    def _scalar(self, expr: Expr, time_ms: int) -> float:
        value = self.at(expr, time_ms)
        assert isinstance(value, float)
        return value

    def _parameter(self, node: Aggregate, time_ms: int) -> float | str:
        if node.param is None:
            return 0.0
        return node.param.value if hasattr(node.param, "value") else self._scalar(node.param, time_ms)

    def _moment(self, time_ms: int, at: AtTime | None, offset: Duration | None) -> int:
        if at is not None:
            bounds = {"start": self.start_ms, "end": self.end_ms}
            time_ms = bounds[at.at] if isinstance(at.at, str) else at.at
        return time_ms - (0 if offset is None else _ms(offset))

    def _matching(self, matchers: Sequence[Matcher]) -> list[tuple[Labels, Sequence[tuple[int, object]]]]:
        return [
            (labels, samples)
            for labels, samples in self.data.items()
            if all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers)
        ]

    def _newest(self, node: VectorSelector, time_ms: int) -> list[Element]:
        moment = self._moment(time_ms, node.at, node.offset)
        found = []
        for labels, samples in self._matching(node.matchers):
            seen = [value for ms, value in samples if moment - self.lookback_ms < ms <= moment]
            if seen and seen[-1] is not STALE:
                found.append(Element(dict(labels.pairs), float(seen[-1])))  # type: ignore[arg-type]
        return found

    def _sample_times(self, node: VectorSelector, time_ms: int) -> list[Element]:
        moment = self._moment(time_ms, node.at, node.offset)
        found = []
        for labels, samples in self._matching(node.matchers):
            seen = [(ms, value) for ms, value in samples if moment - self.lookback_ms < ms <= moment]
            if seen and seen[-1][1] is not STALE:
                found.append(Element(dict(labels.pairs), seen[-1][0] / 1000, True))
        return found

    def _range(self, node: Expr, time_ms: int) -> tuple[list[Ranged], int, int]:
        """The samples of a range, and its bounds, the first one exclusive."""
        node = unwrap(node)
        self.seen.add(type(node).__name__)
        if isinstance(node, Subquery):
            return self._subquery(node, time_ms)
        assert isinstance(node, MatrixSelector)
        end_ms = self._moment(time_ms, node.vector.at, node.vector.offset)
        start_ms = end_ms - _ms(node.range)
        found = []
        for labels, samples in self._matching(node.vector.matchers):
            inside = [(ms, value) for ms, value in samples if start_ms < ms <= end_ms and value is not STALE]
            if inside:
                found.append(Ranged(dict(labels.pairs), inside, False))  # type: ignore[arg-type]
        return found, start_ms, end_ms

    def _subquery(self, node: Subquery, time_ms: int) -> tuple[list[Ranged], int, int]:
        end_ms = self._moment(time_ms, node.at, node.offset)
        start_ms = end_ms - _ms(node.range)
        step_ms = self.subquery_step_ms if node.step is None else _ms(node.step)
        found: dict[tuple[tuple[str, str], ...], Ranged] = {}
        for moment in range((start_ms // step_ms + 1) * step_ms, end_ms + 1, step_ms):
            for element in self._vector(node.inner, moment):
                empty = Ranged(element.labels, [], element.drops_name)
                found.setdefault(element.key, empty).samples.append((moment, element.value))
        return list(found.values()), start_ms, end_ms

    def _call(self, node: Call, time_ms: int) -> Value:
        name, args = node.function, node.args
        if name in WINDOW_FUNCTIONS:
            return self._over_range(node, 0, time_ms, WINDOW_FUNCTIONS[name])
        match name:
            case "quantile_over_time":
                phi = self._scalar(args[0], time_ms)
                of_values = lambda window, start, end: quantile(phi, [value for _, value in window])  # noqa: E731
                return self._over_range(node, 1, time_ms, of_values)
            case "predict_linear":
                ahead = self._scalar(args[1], time_ms)
                return self._over_range(node, 0, time_ms, lambda window, start, end: _ahead(window, time_ms, ahead))
            case "absent":
                missing = [Element(_asked(unwrap(args[0])), 1.0)]
                return [] if self._vector(args[0], time_ms) else missing
            case "abs":
                return [_changed(each, abs(each.value)) for each in self._vector(args[0], time_ms)]
            case "timestamp" if isinstance(selector := unwrap(args[0]), VectorSelector):
                return self._sample_times(selector, time_ms)
            case "timestamp":
                return [_changed(each, time_ms / 1000) for each in self._vector(args[0], time_ms)]
            case "scalar":
                vector = self._vector(args[0], time_ms)
                return vector[0].value if len(vector) == 1 else math.nan
            case "vector":
                return [Element({}, self._scalar(args[0], time_ms))]
            case "time":
                return time_ms / 1000
            case "histogram_quantile":
                return histogram_quantile(self._scalar(args[0], time_ms), self._vector(args[1], time_ms))
        raise AssertionError(name)

    def _over_range(
        self, node: Call, index: int, time_ms: int, work: Callable[[Window, int, int], float | None]
    ) -> list[Element]:
        ranged, start_ms, end_ms = self._range(node.args[index], time_ms)
        found = []
        for series in ranged:
            value = work(series.samples, start_ms, end_ms)
            if value is not None:
                drops = series.drops_name or node.function not in KEEP_NAME
                found.append(Element(series.labels, float(value), drops))
        return found


def _asked(expr: Expr) -> dict[str, str]:
    """The labels that a selector names once, by equality."""
    if not isinstance(expr, VectorSelector):
        return {}
    return {each.name: each.value for each in expr.matchers if each.op is MatchOp.EQUAL and each.name != NAME}


def _ms(duration: Duration) -> int:
    assert isinstance(duration, DurationLiteral)
    return round(duration.seconds * 1000)


def _ahead(window: Window, time_ms: int, ahead_s: float) -> float | None:
    found = line(window, time_ms)
    return None if found is None else found[1] + found[0] * ahead_s


def _nameless(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != NAME}


def _changed(element: Element, value: float) -> Element:
    return Element(element.labels, value, True)


def _only(labels: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name in names}


def _without(labels: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in names}


_REDUCERS: dict[str, Callable[[list[float]], float]] = {
    "sum": total,
    "avg": lambda values: total(values) / len(values),
    "min": smallest,
    "max": largest,
    "count": len,
    "group": lambda values: 1.0,
    "stdvar": variance,
    "stddev": lambda values: math.sqrt(variance(values)),
}


def aggregate(node: Aggregate, vector: list[Element], param: float | str) -> list[Element]:
    groups: dict[tuple[tuple[str, str], ...], list[Element]] = {}
    for element in vector:
        names = (*node.grouping, NAME) if node.without else node.grouping
        kept = _without(element.labels, names) if node.without else _only(element.labels, names)
        groups.setdefault(tuple(sorted(kept.items())), []).append(element)
    found = []
    for key, members in groups.items():
        values = [member.value for member in members]
        drops = any(member.drops_name for member in members)
        match node.op:
            case "topk" | "bottomk":
                found += _chosen(members, int(param), node.op)
            case "quantile":
                assert isinstance(param, float)
                found.append(Element(dict(key), quantile(param, values), drops))
            case "count_values":
                for text in {_shown(value) for value in values}:
                    count = sum(_shown(value) == text for value in values)
                    found.append(Element({**dict(key), str(param): text}, float(count), drops))
            case _:
                found.append(Element(dict(key), float(_REDUCERS[node.op](values)), drops))
    return found


def _chosen(members: list[Element], count: int, op: str) -> list[Element]:
    """NaN comes last; of equals the first."""
    sign = -1.0 if op == "topk" else 1.0
    ranked = sorted(members, key=lambda member: (math.isnan(member.value), sign * member.value))
    return ranked[: max(count, 0)]


def _shown(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and value else "0" if value == 0 else repr(value)


def _power(left: float, right: float) -> float:
    try:
        result = left**right
    except ZeroDivisionError:
        return math.inf
    except OverflowError:
        return math.inf
    return result if isinstance(result, float) else math.nan


def _remainder(left: float, right: float) -> float:
    if right == 0 or math.isinf(left) or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.fmod(left, right)


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": quotient,
    "%": _remainder,
    "^": _power,
    "atan2": math.atan2,
}
_COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def operate(node: Binary, left: float, right: float) -> tuple[float, bool]:
    """The value, and whether it stays."""
    if node.op in _ARITHMETIC:
        return _ARITHMETIC[node.op](left, right), True
    holds = _COMPARISON[node.op](left, right)
    return (float(holds), True) if node.return_bool else (left, holds)


def binary(node: Binary, left: Value, right: Value) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return operate(node, left, right)[0]
    if isinstance(left, float) or isinstance(right, float):
        return _with_scalar(node, left, right)
    if node.op in ("and", "or", "unless"):
        return _set_operation(node, left, right)
    return _matched(node, left, right)


def _with_scalar(node: Binary, left: Value, right: Value) -> list[Element]:
    vector = left if isinstance(left, list) else right
    assert isinstance(vector, list)
    found = []
    for element in vector:
        sides = (element.value, right) if vector is left else (left, element.value)
        value, stays = operate(node, *sides)  # type: ignore[arg-type]
        if node.op in _COMPARISON and not node.return_bool:
            if stays:
                found.append(element)
        else:
            found.append(_changed(element, value))
    return found


def _signature(node: Binary, labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    names = node.matching.labels
    kept = _only(labels, names) if node.matching.on else _without(labels, (*names, NAME))
    return tuple(sorted(kept.items()))


def _set_operation(node: Binary, left: list[Element], right: list[Element]) -> list[Element]:
    on_left = {_signature(node, each.labels) for each in left}
    on_right = {_signature(node, each.labels) for each in right}
    if node.op == "or":
        return left + [each for each in right if _signature(node, each.labels) not in on_left]
    wanted = node.op == "and"
    return [each for each in left if (_signature(node, each.labels) in on_right) is wanted]


def _matched(node: Binary, left: list[Element], right: list[Element]) -> list[Element]:
    if not left or not right:
        return []
    swapped = node.matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    partner: dict[tuple[tuple[str, str], ...], Element] = {}
    for element in one:
        if partner.setdefault(_signature(node, element.labels), element) is not element:
            raise RefusedError("found duplicate series for the match group")
    found: list[Element] = []
    met: set[object] = set()
    for element in many:
        other = partner.get(_signature(node, element.labels))
        if other is None:
            continue
        sides = (other.value, element.value) if swapped else (element.value, other.value)
        value, stays = operate(node, *sides)
        result = Element(_result_labels(node, element, other), value, element.drops_name or node.return_bool)
        one_to_one = node.matching.cardinality is Cardinality.ONE_TO_ONE
        signature = _signature(node, element.labels)
        mark = signature if one_to_one else (signature, result.key)
        if mark in met:
            raise RefusedError("multiple matches for labels")
        met.add(mark)
        if stays:
            found.append(result)
    return found


def _result_labels(node: Binary, many: Element, one: Element) -> dict[str, str]:
    matching = node.matching
    labels = dict(many.labels) if node.op in _COMPARISON else _nameless(many.labels)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        return _only(labels, matching.labels) if matching.on else _without(labels, matching.labels)
    for name in matching.include:
        labels.pop(name, None)
        if name in one.labels:
            labels[name] = one.labels[name]
    return labels


def histogram_quantile(phi: float, vector: list[Element]) -> list[Element]:
    histograms: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for element in vector:
        try:
            bound = float(element.labels["le"])
        except (KeyError, ValueError):
            continue
        key = tuple(sorted(_without(element.labels, ("le",)).items()))
        histograms.setdefault(key, []).append((bound, element.value))
    return [Element(dict(key), _quantile_of(phi, sorted(buckets)), True) for key, buckets in histograms.items()]


def _quantile_of(phi: float, buckets: list[tuple[float, float]]) -> float:
    """Buckets are (upper bound, count up to it)."""
    if math.isnan(phi):
        return math.nan
    if phi < 0:
        return -math.inf
    if phi > 1:
        return math.inf
    if buckets[-1][0] != math.inf or len(buckets) < 2:
        return math.nan
    counts = [buckets[0][1]]
    for _, count in buckets[1:]:
        counts.append(counts[-1] if count < counts[-1] else count)
    everything = counts[-1]
    if everything == 0:
        return math.nan
    rank = phi * everything
    index = next((number for number, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if index == len(counts) - 1:
        return buckets[-2][0]
    upper = buckets[index][0]
    if index == 0 and upper <= 0:
        return upper
    lower = buckets[index - 1][0] if index else 0.0
    before = counts[index - 1] if index else 0.0
    return lower + (upper - lower) * quotient(rank - before, counts[index] - before)
