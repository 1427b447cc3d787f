"""Aggregation operators: many series to one for each group, or the chosen few of each group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fenghuo.metrics.promql import choose
from fenghuo.metrics.promql.annotations import Annotations
from fenghuo.metrics.promql.context import Context
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.fold import Groups, held
from fenghuo.metrics.promql.kernels.spread import quantile
from fenghuo.metrics.promql.label_arrays import group_rows, with_column
from fenghuo.metrics.promql.numbers import format_float, format_general
from fenghuo.metrics.promql.reduce import ADDING, REDUCTIONS, Walk
from fenghuo.metrics.promql.syntax.ast import Aggregate
from fenghuo.metrics.promql.vector import Slabs, Vector, empty_vector
from fenghuo.model.label_table import LabelColumn, LabelTable
from fenghuo.model.labels import METRIC_NAME, quote
from fenghuo.model.sample import Bools, Floats


def aggregate(node: Aggregate, vector: Vector, param: Floats | str | None, context: Context) -> Vector:
    """Apply ``node`` to its operand. ``param`` is float64[S], for ``count_values`` the label's name."""
    notes = context.notes
    names = _group_names(node, vector.labels)
    if vector.size == 0:
        _check_param(node, param, notes)
        return vector
    ids, first = group_rows(vector.labels, names)
    groups = Groups(ids, len(first))
    table = vector.labels.take(first).only(names)
    match node.op:
        case "topk" | "bottomk" | "limitk":
            return choose.chosen(vector, groups, node.op, choose.counts(param))
        case "limit_ratio":
            return _ratio(node, vector, param, notes)
        case "count_values":
            return _count_values(vector, groups, table, param, context)
        case "quantile":
            _check_param(node, param, notes)
            assert isinstance(param, np.ndarray)
            values = _quantiles(vector, groups, param)
        case _:
            values = _DEVIATIONS[node.op](vector, groups)
    present = groups.reduce(np.logical_or, vector.present)
    drop = groups.reduce(np.logical_or, vector.drop_name & vector.present.any(axis=1))
    return Vector(table, values, present, drop)


def _group_names(node: Aggregate, table: LabelTable) -> list[str]:
    if not node.without:
        return list(node.grouping)
    gone = {*node.grouping, METRIC_NAME}
    return [name for name in table.columns if name not in gone]


def _check_param(node: Aggregate, param: Floats | str | None, notes: Annotations) -> None:
    if node.op == "quantile" and isinstance(param, np.ndarray):
        assert node.param is not None
        notes.check_quantiles(param, node.param)
    elif node.op == "count_values":
        _label_name(param)
    elif node.op == "limit_ratio":
        _ratios(param)
    elif isinstance(param, np.ndarray):
        choose.counts(param)


def reduced(node: Aggregate, slabs: Slabs) -> Vector:
    """Apply an operator of :data:`REDUCTIONS` to a vector of which each row is looked at once."""
    if slabs.labels.size == 0:
        return empty_vector(slabs.steps)
    names = _group_names(node, slabs.labels)
    ids, first = group_rows(slabs.labels, names)
    walk = Walk(slabs, ids, len(first), adds=node.op in ADDING)
    values = REDUCTIONS[node.op](walk)
    return Vector(slabs.labels.take(first).only(names), values, walk.counts > 0, walk.drop).pruned()


def _variance(vector: Vector, groups: Groups) -> Floats:
    """Deviations are taken from one value of the group, so that equal values give exactly zero."""
    count = groups.reduce(np.add, vector.present.astype(np.float64))
    pivot = groups.reduce(np.fmin, held(vector.values, vector.present, np.nan))[groups.ids]
    shifted = np.where(vector.present, vector.values - pivot, 0.0)
    mean = (groups.sums(shifted) / count)[groups.ids]
    squares = groups.sums(np.where(vector.present, (shifted - mean) ** 2, 0.0))
    variance: Floats = squares / count
    return variance


def _deviation(vector: Vector, groups: Groups) -> Floats:
    return np.sqrt(_variance(vector, groups))


_DEVIATIONS: dict[str, Callable[[Vector, Groups], Floats]] = {
    "stdvar": _variance,
    "stddev": _deviation,
}


def _quantiles(vector: Vector, groups: Groups, phi: Floats) -> Floats:
    result = np.zeros((groups.size, vector.values.shape[1]))
    for group in range(groups.size):
        rows = groups.rows(group)
        result[group] = quantile(vector.values[rows].T, vector.present[rows].T, phi)
    return result


def _ratio(node: Aggregate, vector: Vector, param: Floats | str | None, notes: Annotations) -> Vector:
    """A share of the series, chosen by a hash of their labels; a negative ratio gives the complement's share."""
    ratio = _ratios(param)
    assert node.param is not None
    for value in np.unique(ratio[np.abs(ratio) > 1]).tolist():
        capped = "1" if value > 0 else "-1"
        shown = format_general(value)
        notes.warn(f"ratio value should be between -1 and 1, got {shown}, capping to {capped}", node.param)
    ratio = np.clip(ratio, -1, 1)
    place = np.array([labels.fingerprint() for labels in vector.labels.rows()], dtype=np.uint64)
    share = (place.astype(np.float64) / float(1 << 64))[:, None]
    kept = np.where(ratio >= 0, share < ratio, share >= 1 + ratio)
    return vector.with_values(vector.values, vector.present & kept).pruned()


def _ratios(param: Floats | str | None) -> Floats:
    assert isinstance(param, np.ndarray)
    if np.isnan(param).any():
        raise ExecutionError("Ratio value is NaN")
    return param


def _label_name(param: Floats | str | None) -> str:
    assert isinstance(param, str)
    if not param or any("\udc80" <= char <= "\udcff" for char in param):
        shown = quote(param.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
        raise ExecutionError(f"invalid label name {shown.replace(chr(92) * 2, chr(92))}")
    return param


def _count_values(
    vector: Vector, groups: Groups, table: LabelTable, param: Floats | str | None, context: Context
) -> Vector:
    name = _label_name(param)
    rows, steps = np.nonzero(vector.present)
    distinct, code = np.unique(vector.values[rows, steps], return_inverse=True)
    keys = groups.ids[rows] * max(len(distinct), 1) + code.reshape(-1)
    pairs, place = np.unique(keys, return_inverse=True)
    shape = (len(pairs), vector.values.shape[1])
    context.fits(shape[0] * shape[1])
    cells = np.bincount(place.reshape(-1) * shape[1] + steps, minlength=shape[0] * shape[1])
    counts = cells.reshape(shape).astype(np.float64)
    group, value = np.divmod(pairs, max(len(distinct), 1))
    texts = [format_float(number) for number in distinct.tolist()]
    labels = with_column(table.take(group), name, LabelColumn.of(texts[index] for index in value.tolist()))
    drop = _group_drops(vector, groups)[group]
    if name == METRIC_NAME:
        drop = np.zeros_like(drop)
    return Vector(labels, counts, counts > 0, drop)


def _group_drops(vector: Vector, groups: Groups) -> Bools:
    drops: Bools = groups.reduce(np.logical_or, vector.drop_name)
    return drops
