"""Binary operators between vectors and scalars: who meets whom, what comes out, under which labels.

Rows of both sides that agree in the matching labels form a match group. Within a group at most one row of the
"one" side may be present at a time; rows that take turns, such as a restarted instance, are fine. Everything is
decided for all steps at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.promql.context import Context
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.label_arrays import concat, group_rows, labels_at, with_column
from fenghuo.metrics.promql.operators import apply
from fenghuo.metrics.promql.syntax.ast import COMPARISON_OPS, Binary, Cardinality, Matching
from fenghuo.metrics.promql.vector import NAME_LIKE, ScalarValue, Vector, empty_vector, merge_equal, stack
from fenghuo.model.label_table import LabelColumn, LabelTable
from fenghuo.model.labels import METRIC_NAME, Labels, quote
from fenghuo.model.sample import Bools, Floats, Ints


def scalar_scalar(node: Binary, left: ScalarValue, right: ScalarValue) -> ScalarValue:
    values, _ = apply(node.op, left.values, right.values, return_bool=True)
    return ScalarValue(values)


def vector_scalar(node: Binary, vector: Vector, scalar: ScalarValue, *, swapped: bool) -> Vector:
    """``vector op scalar``, or ``scalar op vector`` when swapped."""
    sides = (scalar.values[None, :], vector.values) if swapped else (vector.values, scalar.values[None, :])
    values, stays = apply(node.op, *sides, return_bool=node.return_bool)
    if stays is not None:
        # A comparison filters: what stays is the vector's value, whichever side it stands on.
        return vector.with_values(vector.values, vector.present & stays).pruned()
    return vector.renamed(values)


def set_operation(node: Binary, left: Vector, right: Vector) -> Vector:
    """``and``, ``or`` and ``unless``: by presence alone."""
    left_ids, right_ids, count = _match_groups(node.matching, left, right)
    if node.op == "or":
        taken = _present_by_group(left, left_ids, count)
        extra = right.with_values(right.values, right.present & ~taken[right_ids]).pruned()
        return stack((left, extra)) if extra.size else left
    seen = _present_by_group(right, right_ids, count)[left_ids]
    kept = left.present & (seen if node.op == "and" else ~seen)
    return left.with_values(left.values, kept).pruned()


def _present_by_group(vector: Vector, ids: Ints, count: int) -> Bools:
    """bool[count, S]: whether any row of the group is present."""
    found = np.zeros((count, vector.values.shape[1]), dtype=np.bool_)
    if vector.size:
        order = np.argsort(ids, kind="stable")
        groups, starts = np.unique(ids[order], return_index=True)
        found[groups] = np.logical_or.reduceat(vector.present[order], starts, axis=0)
    return found


def _match_groups(matching: Matching, left: Vector, right: Vector) -> tuple[Ints, Ints, int]:
    """The match group of each row of both sides, and how many groups there are."""
    table = concat(left.labels, right.labels)
    ids, first = group_rows(table, _matching_names(matching, table))
    return ids[: left.size], ids[left.size :], len(first)


def _matching_names(matching: Matching, table: LabelTable) -> list[str]:
    if matching.on:
        return list(matching.labels)
    gone = {*matching.labels, METRIC_NAME}
    return [name for name in table.columns if name not in gone]


_AMBIGUOUS = "multiple matches for labels: grouping labels must ensure unique matches"


@dataclass(frozen=True, slots=True)
class _Met:
    """Rows that met each other, and bool[N, S] which values a comparison leaves; None when it is none."""

    vector: Vector
    stays: Bools | None


@dataclass(frozen=True, slots=True)
class _Sides:
    """The operands by role: ``many`` may have several rows in a match group, ``one`` may not."""

    many: Vector
    one: Vector
    many_ids: Ints
    one_ids: Ints
    many_fill: float | None
    one_fill: float | None
    swapped: bool
    """Whether the many side stands on the right."""


def vector_vector(node: Binary, left: Vector, right: Vector, context: Context) -> Vector:
    """An arithmetic or comparison operator between two vectors."""
    matching = node.matching
    fills = matching.fill_left is not None or matching.fill_right is not None
    if not fills and (not left.size or not right.size):
        return empty_vector(left.values.shape[1])
    left_ids, right_ids, _ = _match_groups(matching, left, right)
    if matching.cardinality is Cardinality.ONE_TO_MANY:
        # Prometheus gives the left value to the many side and the right one to the one side, whichever side that is.
        sides = _Sides(right, left, right_ids, left_ids, matching.fill_left, matching.fill_right, swapped=True)
    else:
        sides = _Sides(left, right, left_ids, right_ids, matching.fill_left, matching.fill_right, swapped=False)
    _check_one_side(node, sides, fills=fills)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        _check_many_side(sides)
    many_rows, one_rows = _pairs(sides.many_ids, sides.one_ids, left.values.shape[1], context)
    parts = [_join(node, sides, many_rows, one_rows)]
    if sides.one_fill is not None:
        parts.append(_filled_one(node, sides))
    if sides.many_fill is not None:
        parts.append(_filled_many(node, sides))
    merged = merge_equal(_filtered(node, parts).pruned())
    if merged is None:
        raise ExecutionError(_AMBIGUOUS)
    return merged


def _filtered(node: Binary, parts: Sequence[_Met]) -> Vector:
    """All that met, without what a comparison takes out. What is taken out must have been unambiguous too."""
    joined = stack(part.vector for part in parts)
    if parts[0].stays is None:
        return joined
    if node.matching.include and merge_equal(joined) is None:
        raise ExecutionError(_AMBIGUOUS)
    stays = np.concatenate([part.stays for part in parts if part.stays is not None])
    return joined.with_values(joined.values, joined.present & stays)


def _check_one_side(node: Binary, sides: _Sides, *, fills: bool) -> None:
    """Refuse two rows of the one side in a match group at the same step, if the other side has anything there."""
    one = sides.one
    asked = np.ones(one.values.shape[1], np.bool_) if fills else sides.many.present.any(axis=0)
    crowd = _crowd(sides.one_ids, one.present & asked)
    if crowd is None:
        return
    members, step = crowd
    rows = members[one.present[members, step]][:2]
    first, second = sorted(labels_at(one.labels, rows.tolist()), key=_braced)
    names = _matching_names(node.matching, one.labels)
    side = "right" if not sides.swapped else "left"
    raise ExecutionError(
        f"found duplicate series for the match group {_braced(first.only(names))} on the {side} hand-side of the "
        f"operation: [{_braced(first)}, {_braced(second)}];many-to-many matching not allowed: matching labels must "
        "be unique on one side"
    )


def _check_many_side(sides: _Sides) -> None:
    """Refuse two rows of the left side that meet something at the same step, when each may meet only one."""
    count = int(max(sides.many_ids.max(initial=-1), sides.one_ids.max(initial=-1))) + 1
    if np.bincount(sides.many_ids, minlength=1).max() < 2:
        return
    present = sides.many.present
    if sides.one_fill is None:
        present = present & _present_by_group(sides.one, sides.one_ids, count)[sides.many_ids]
    if _crowd(sides.many_ids, present) is not None:
        raise ExecutionError(
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        )


def _crowd(group_ids: Ints, present: Bools) -> tuple[Ints, int] | None:
    """The rows of a match group of which several are present at a step, and that step; None when there is none."""
    order = np.argsort(group_ids, kind="stable")
    ids = group_ids[order]
    if not len(ids) or not (ids[1:] == ids[:-1]).any():
        return None
    starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
    count = np.add.reduceat(present[order].astype(np.int32), starts, axis=0)
    if not (count > 1).any():
        return None
    group, step = (int(where[0]) for where in np.nonzero(count > 1))
    return order[ids == ids[starts[group]]], step


def _braced(labels: Labels) -> str:
    """Labels with the name among them, as Prometheus' errors print label sets."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"


def _pairs(many_ids: Ints, one_ids: Ints, steps: int, context: Context) -> tuple[Ints, Ints]:
    """All pairs of rows of the same group, ordered by the many side.

    Rows of the one side that take turns all pair up with all of the many side; raises TooManySamplesError when that
    is too much.
    """
    order = np.argsort(one_ids, kind="stable")
    ranked = one_ids[order]
    first = np.searchsorted(ranked, many_ids, side="left")
    count = np.searchsorted(ranked, many_ids, side="right") - first
    context.fits(int(count.sum()) * steps)
    many_rows = np.repeat(np.arange(len(many_ids)), count)
    within = np.arange(len(many_rows)) - np.repeat(np.cumsum(count) - count, count)
    return many_rows, order[np.repeat(first, count) + within]


def _join(node: Binary, sides: _Sides, many_rows: Ints, one_rows: Ints) -> _Met:
    """Operate on pairs of rows."""
    many, one = sides.many.take(many_rows), sides.one.take(one_rows)
    present = many.present & one.present
    table = _result_labels(node, many.labels, one.labels)
    return _operate(node, sides, table, many.values, one.values, present, many.drop_name)


def _operate(
    node: Binary, sides: _Sides, table: LabelTable, many: Floats, one: Floats, present: Bools, drop: Bools
) -> _Met:
    left, right = (one, many) if sides.swapped else (many, one)
    values, stays = apply(node.op, left, right, return_bool=node.return_bool)
    dropped = drop | node.return_bool
    return _Met(Vector(table, values, present, dropped), stays)


def _result_labels(node: Binary, many: LabelTable, one: LabelTable | None) -> LabelTable:
    """The labels of each pair: those of the many side, fewer when both sides are single, more when asked for."""
    matching = node.matching
    table = many if node.op in COMPARISON_OPS else many.without(NAME_LIKE)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        return table.only(matching.labels) if matching.on else table.without(matching.labels)
    for name in matching.include:
        column = one.columns.get(name) if one is not None else None
        empty = LabelColumn(np.zeros(table.size, np.int32), LabelColumn.of([]).dictionary)
        table = with_column(table, name, column or empty)
    return table


def _filled_one(node: Binary, sides: _Sides) -> _Met:
    """Rows of the many side that meet nobody, with the fill value for the one side."""
    assert sides.one_fill is not None
    many = sides.many
    count = int(max(sides.many_ids.max(initial=-1), sides.one_ids.max(initial=-1))) + 1
    met = _present_by_group(sides.one, sides.one_ids, count)[sides.many_ids]
    table = _result_labels(node, many.labels, None)
    one = np.full(many.values.shape, sides.one_fill)
    return _operate(node, sides, table, many.values, one, many.present & ~met, many.drop_name)


def _filled_many(node: Binary, sides: _Sides) -> _Met:
    """Rows of the one side that meet nobody, with the fill value for the many side, under the matching labels."""
    assert sides.many_fill is not None
    one = sides.one
    count = int(max(sides.many_ids.max(initial=-1), sides.one_ids.max(initial=-1))) + 1
    met = _present_by_group(sides.many, sides.many_ids, count)[sides.one_ids]
    matched = one.labels.only(_matching_names(node.matching, one.labels))
    table = _result_labels(node, matched, one.labels)
    many = np.full(one.values.shape, sides.many_fill)
    return _operate(node, sides, table, many, one.values, one.present & ~met, one.drop_name)
