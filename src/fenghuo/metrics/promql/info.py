"""``info()``: series with the labels of the info series that describe their target.

An info series, such as ``target_info``, describes the series that share its ``instance`` and ``job``. At each step
the newest sample of each info metric counts, seen at the moment that ``@`` and ``offset`` of the argument name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.promql.context import Context
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.grid import Grid
from fenghuo.metrics.promql.label_arrays import concat, distinct_values, group_rows, texts, with_column
from fenghuo.metrics.promql.ranges import apply_kernel, newest_time, reference_grid, resolve, select_instant
from fenghuo.metrics.promql.relabel import checked_unique
from fenghuo.metrics.promql.syntax.ast import AtTime, Call, Duration, Expr, Subquery, VectorSelector, children, unwrap
from fenghuo.metrics.promql.vector import Vector, stack
from fenghuo.model.label_table import LabelColumn
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Bools, Floats, Ints

IDENTIFYING = ("instance", "job")
_TARGET_INFO = Matcher(METRIC_NAME, MatchOp.EQUAL, "target_info")
_ANY_INFO = Matcher(METRIC_NAME, MatchOp.REGEX, ".+_info")


def with_info(node: Call, base: Vector, grid: Grid, context: Context) -> Vector:
    """``base``, the value of the call's first argument, with labels of info series."""
    wanted = _Wanted.by(node)
    names, which = distinct_values(base.labels, METRIC_NAME)
    is_info = np.array([all(each.matches(name) for each in wanted.names) for name in names], np.bool_)[which]
    plain = np.flatnonzero(~is_info)
    passed_over = base.take(np.flatnonzero(is_info))
    described = base.take(plain)
    info = _info_series(node, wanted, described, grid, context)
    pieces = list(_pieces(described, info, wanted, context))
    return checked_unique(stack((passed_over, _assembled(described, pieces))).pruned())


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the second argument asks for."""

    names: tuple[Matcher, ...]
    """Which metrics are info metrics."""
    data: tuple[Matcher, ...]
    """What their other labels must be; when there is any, only those labels are taken over."""

    @staticmethod
    def by(node: Call) -> _Wanted:
        matchers: Sequence[Matcher] = ()
        if len(node.args) > 1:
            selector = unwrap(node.args[1])
            assert isinstance(selector, VectorSelector)
            matchers = selector.matchers
        names = tuple(each for each in matchers if each.name == METRIC_NAME)
        if not names:
            names = (_TARGET_INFO,)
        elif all(each.op in (MatchOp.NOT_EQUAL, MatchOp.NOT_REGEX) for each in names):
            names = (_ANY_INFO, *names)
        return _Wanted(names, tuple(each for each in matchers if each.name != METRIC_NAME))

    @property
    def needs_info(self) -> bool:
        """Whether series go that no info series describes."""
        return not all(each.matches("") for each in self.data)

    def takes(self, label: str) -> bool:
        return label != METRIC_NAME and (not self.data or any(each.name == label for each in self.data))


def _info_series(node: Call, wanted: _Wanted, described: Vector, grid: Grid, context: Context) -> Vector:
    """The info series of the targets of ``described``; their values are the times of their samples in seconds."""
    at, offset_ms = _moment(node.args[0], context)
    moments = reference_grid(grid, at, None, context).shifted(-offset_ms)
    selector = VectorSelector(node.start, node.end, "", wanted.names + wanted.data)
    found = apply_kernel(select_instant(selector, moments, context), newest_time, context, keep_stale=True)
    kept = np.ones(found.size, np.bool_)
    known = False
    for label in IDENTIFYING:
        here = {value for value in distinct_values(described.labels, label)[0] if value} if described.size else set()
        known = known or bool(here)
        if here:
            values, which = distinct_values(found.labels, label)
            kept &= np.array([value in here for value in values], np.bool_)[which]
    return found.take(np.flatnonzero(kept & known))


def _moment(expr: Expr, context: Context) -> tuple[AtTime | None, int]:
    """The ``@`` and the sum of the offsets that the first selector of ``expr`` is seen at.

    Subqueries around it shift it too, up to the innermost ``@``.
    """
    at: AtTime | None = None
    offset_ms = 0
    for node in reversed(_path_to_selector(expr) or []):
        if at is None and isinstance(node, VectorSelector | Subquery):
            at = node.at
            offset_ms += _resolved(node.offset, context)
    return at, offset_ms


def _resolved(offset: Duration | None, context: Context) -> int:
    return 0 if offset is None else resolve(offset, context)


def _path_to_selector(expr: Expr) -> list[Expr] | None:
    """From ``expr`` down to the first selector in it; None when there is none."""
    if isinstance(expr, VectorSelector):
        return [expr]
    for child in children(expr):
        if (path := _path_to_selector(child)) is not None:
            return [expr, *path]
    return None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Described series at the steps at which they meet the same info series."""

    rows: Ints
    here: Bools
    """bool[S]"""
    added: dict[str, str]


def _pieces(described: Vector, info: Vector, wanted: _Wanted, context: Context) -> Iterator[_Piece]:
    ids, first = group_rows(concat(described.labels, info.labels), IDENTIFYING)
    of_described, of_info = ids[: described.size], ids[described.size :]
    members, describing = _rows_by_group(of_described, len(first)), _rows_by_group(of_info, len(first))
    steps = described.values.shape[1]
    for rows, info_rows in zip(members, describing, strict=True):
        if not len(rows):
            continue
        context.check()
        chosen = _newest_of_each_metric(info, info_rows)
        patterns, which = np.unique(chosen, axis=1, return_inverse=True)
        for number, pattern in enumerate(patterns.T):
            met = pattern[pattern >= 0]
            if len(met) or not wanted.needs_info:
                here = np.broadcast_to(which.reshape(-1) == number, (steps,))
                yield _Piece(rows, here, _added_labels(info, met, wanted))


def _rows_by_group(ids: Ints, count: int) -> list[Ints]:
    order = np.argsort(ids, kind="stable").astype(np.int64)
    return np.split(order, np.searchsorted(ids[order], np.arange(1, count)))


def _newest_of_each_metric(info: Vector, rows: Ints) -> Ints:
    """int64[M, S]: of each metric among ``rows`` the row with the newest sample at each step, -1 where none is.

    Raises ExecutionError when two are equally new.
    """
    names, which = distinct_values(info.labels.take(rows), METRIC_NAME)
    chosen = np.full((len(names) if len(rows) else 0, info.values.shape[1]), -1, dtype=np.int64)
    for metric in range(len(chosen)):
        own = rows[which == metric]
        times: Floats = np.where(info.present[own], info.values[own], -np.inf)
        best = times.max(axis=0)
        is_best: Bools = (times == best) & (best > -np.inf)
        if (is_best.sum(axis=0) > 1).any():
            step = int(np.argmax(is_best.sum(axis=0) > 1))
            first, second = (info.labels.row(int(row)) for row in own[is_best[:, step]][:2])
            at = round(float(best[step]) * 1000)
            raise ExecutionError(
                f"found duplicate series for info metric: existing {first} @ {at}, new {second} @ {at}"
            )
        chosen[metric] = np.where(is_best.any(axis=0), own[np.argmax(is_best, axis=0)], -1)
    return chosen


def _added_labels(info: Vector, rows: Ints, wanted: _Wanted) -> dict[str, str]:
    """What the info series ``rows`` say together. Raises ExecutionError when they contradict each other."""
    added: dict[str, str] = {}
    for row in rows.tolist():
        labels: Labels = info.labels.row(row)
        for name, value in labels.pairs:
            if not wanted.takes(name):
                continue
            if added.setdefault(name, value) != value:
                raise ExecutionError(f"conflicting label: {name}")
    return added


def _assembled(described: Vector, pieces: Sequence[_Piece]) -> Vector:
    """The pieces as one vector; labels are added where a series has none of that name."""
    if not pieces:
        return described.take(np.zeros(0, np.int64))
    piece_of = np.repeat(np.arange(len(pieces)), [len(piece.rows) for piece in pieces])
    vector = described.take(np.concatenate([piece.rows for piece in pieces]))
    here = np.stack([piece.here for piece in pieces])[piece_of]
    table = vector.labels
    for name in sorted({name for piece in pieces for name in piece.added}):
        added = [piece.added.get(name, "") for piece in pieces]
        own = zip(texts(vector.labels, name), piece_of.tolist(), strict=True)
        table = with_column(table, name, LabelColumn.of(text or added[piece] for text, piece in own))
    return Vector(table, vector.values, vector.present & here, vector.drop_name)
