"""Functions that change or read labels: ``label_replace``, ``label_join``, the sorts by label, ``absent``."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.label_arrays import distinct_values, sorted_order, with_column
from fenghuo.metrics.promql.syntax.ast import Expr, MatrixSelector, VectorSelector, unwrap
from fenghuo.metrics.promql.vector import Vector, merge_equal
from fenghuo.model.label_table import LabelColumn, LabelTable
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import MatchOp
from fenghuo.model.regex import Replacement, compile_anchored
from fenghuo.model.sample import Bools, Ints

DUPLICATE_LABELS = "vector cannot contain metrics with the same labelset"
_CHUNKS = re.compile(r"\d+|\D+", re.ASCII)


def label_replace(vector: Vector, target: str, replacement: str, source: str, pattern: str) -> Vector:
    """Set ``target`` from what ``pattern`` finds in the whole of ``source``; rows that do not match stay."""
    try:
        regex = compile_anchored(pattern)
    except InputError as error:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    _check_name(target, f"invalid destination label name in label_replace(): {target}")
    template = Replacement(replacement, regex)
    values, which = distinct_values(vector.labels, source)
    found = [regex.match(value) for value in values]
    texts = [template.expand(match) if match else "" for match in found]
    matched: Bools = np.array([match is not None for match in found], dtype=np.bool_)[which]
    before, before_which = distinct_values(vector.labels, target)
    after = [
        texts[new] if hit else before[old]
        for new, old, hit in zip(which.tolist(), before_which.tolist(), matched.tolist(), strict=True)
    ]
    return _with_label(vector, target, after, matched & (target == METRIC_NAME))


def label_join(vector: Vector, target: str, separator: str, sources: Sequence[str]) -> Vector:
    """Set ``target`` to the values of ``sources`` with ``separator`` between them."""
    _check_name(target, f"invalid destination label name in label_join(): {target}")
    for source in sources:
        _check_name(source, f"invalid source label name in label_join(): {source}")
    columns = [distinct_values(vector.labels, source) for source in sources]
    joined = [separator.join(values[int(which[row])] for values, which in columns) for row in range(vector.size)]
    return _with_label(vector, target, joined, np.full(vector.size, target == METRIC_NAME))


def _check_name(name: str, message: str) -> None:
    if not name or any("\udc80" <= char <= "\udcff" for char in name):
        raise ExecutionError(message)


def _with_label(vector: Vector, name: str, values: list[str], named_anew: Bools) -> Vector:
    labels = with_column(vector.labels, name, LabelColumn.of(values))
    drop = vector.drop_name.copy()
    drop[named_anew] = False
    merged = merge_equal(Vector(labels, vector.values, vector.present, drop))
    if merged is None:
        raise ExecutionError(DUPLICATE_LABELS)
    return merged


def natural_key(text: str) -> list[tuple[bool, int, str, str]]:
    """Orders ``a2`` before ``a10``: runs of digits compare as numbers, however long, and come before letters."""
    return [_natural_part(part) for part in _CHUNKS.findall(text)]


def _natural_part(part: str) -> tuple[bool, int, str, str]:
    if not part[0].isdigit():
        return True, 0, "", part
    digits = part.lstrip("0")
    return False, len(digits), digits, part


def order_by_labels(table: LabelTable, names: Sequence[str], *, descending: bool) -> Ints:
    """Rows by the natural order of some labels' values, then by the whole label set, int64[N]."""
    order = sorted_order(table)
    rows: list[int] = order[::-1].tolist() if descending else order.tolist()
    for name in reversed(names):
        values, which = distinct_values(table, name)
        keys = [natural_key(value) for value in values]
        rows.sort(key=lambda row: keys[int(which[row])], reverse=descending)
    return np.array(rows, dtype=np.int64)


def absent(vector: Vector, arg: Expr) -> Vector:
    """One series of value 1 where ``vector`` has none, with the labels that ``arg`` asks for by equality."""
    somewhere: Bools = np.logical_or.reduce(vector.present, axis=0)
    missing = ~somewhere[None, :]
    table = LabelTable.of([_asked_labels(arg)])
    return Vector(table, np.ones(missing.shape), missing, np.zeros(1, np.bool_)).pruned()


def _asked_labels(arg: Expr) -> Labels:
    arg = unwrap(arg)
    selector = arg.vector if isinstance(arg, MatrixSelector) else arg
    if not isinstance(selector, VectorSelector):
        return Labels()
    asked: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in selector.matchers:
        if matcher.op is MatchOp.EQUAL and matcher.name not in seen:
            asked[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            asked.pop(matcher.name, None)
    asked.pop(METRIC_NAME, None)
    return Labels(asked)


def checked_unique(vector: Vector) -> Vector:
    """The vector with its rows of one label set merged; two at one moment are an error."""
    merged = merge_equal(vector)
    if merged is None:
        raise ExecutionError(DUPLICATE_LABELS)
    return merged
