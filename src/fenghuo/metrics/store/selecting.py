"""Select: from matched series to a :class:`Selection`, over the head and the blocks.

A cohort of which a query wants many series comes as a dense block, gathered from its spans in order of time. All
other series come together in one ragged block.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.head import MIXED, NOWHERE
from fenghuo.metrics.store.head_read import flattened
from fenghuo.metrics.store.loose import joined
from fenghuo.metrics.store.source import Plan, Source, Span
from fenghuo.model.label_table import LabelTable
from fenghuo.model.sample import Floats, Ints
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection

DENSE_ROWS_MIN = 32
"""Fewer series of one cohort go to the ragged block: a dense block costs a query some 0.1 ms whatever its size."""
DENSE_COHORTS_MAX = 48
"""Unless there are no more cohorts than this."""


@dataclass(frozen=True, slots=True)
class SelectPlan:
    """What to read. Made under the store's lock, read without it."""

    labels: LabelTable
    dense: list[tuple[int, Ints, list[Span]]]
    """For each cohort: its code, rows of the label table, and its spans in order of time."""
    flat_rows: Ints
    """The rows of the label table that the flat plans' rows stand for."""
    flats: list[Plan]


def plan_select(
    sources: Sequence[Source],
    sids: Ints,
    labels: LabelTable,
    start_ms: int,
    end_ms: int,
    dense_rows_min: int = DENSE_ROWS_MIN,
) -> SelectPlan:
    """Plan to read ``sids``, whose labels are the rows of ``labels``. ``sources`` are in order of time.

    A cohort with ``dense_rows_min`` wanted series or more is planned as a whole.
    """
    homes = _homes(sources, sids, start_ms, end_ms)
    groups, flat_rows = _grouped(homes, dense_rows_min)
    dense = []
    for cohort, rows in groups:
        picked = sids[rows]
        spans = [span for source in sources for span in source.spans(cohort, picked, start_ms, end_ms)]
        if spans:
            dense.append((cohort, rows, spans))
    flats = [source.plan(sids[flat_rows], start_ms, end_ms) for source in sources] if len(flat_rows) else []
    return SelectPlan(labels, dense, flat_rows, flats)


def _homes(sources: Sequence[Source], sids: Ints, start_ms: int, end_ms: int) -> npt.NDArray[np.int32]:
    homes: npt.NDArray[np.int32] | None = None
    for source in sources:
        here = source.place(sids, start_ms, end_ms)
        if homes is None:
            homes = here
            continue
        differs = (homes != here) & (homes != NOWHERE) & (here != NOWHERE)
        homes = np.where(differs, np.int32(MIXED), np.where(homes == NOWHERE, here, homes))
    return np.full(len(sids), NOWHERE, dtype=np.int32) if homes is None else homes


def _grouped(homes: npt.NDArray[np.int32], dense_rows_min: int) -> tuple[list[tuple[int, Ints]], Ints]:
    """The cohorts worth a dense block with their rows, and the rows for the ragged one."""
    if not len(homes):
        return [], np.empty(0, dtype=np.int64)
    if len(homes) <= DENSE_COHORTS_MAX:
        return _grouped_few(homes.tolist())
    if (homes == homes[0]).all() and homes[0] >= 0:
        return [(int(homes[0]), np.arange(len(homes), dtype=np.int64))], np.empty(0, dtype=np.int64)
    counts = np.bincount(homes[homes >= 0], minlength=1)
    dense = counts > 0 if np.count_nonzero(counts) <= DENSE_COHORTS_MAX else counts >= dense_rows_min
    is_dense = (homes >= 0) & dense[np.maximum(homes, 0)]
    rows = np.flatnonzero(is_dense)
    order = rows[np.argsort(homes[rows], kind="stable")]
    groups = []
    if len(order):
        ordered = homes[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        groups = list(zip(ordered[starts].tolist(), np.split(order, starts[1:]), strict=True))
    return groups, np.flatnonzero(~is_dense & (homes != NOWHERE))


def _grouped_few(homes: Sequence[int]) -> tuple[list[tuple[int, Ints]], Ints]:
    """The same for a few rows, which cannot have too many cohorts."""
    members: dict[int, list[int]] = {}
    for row, home in enumerate(homes):
        members.setdefault(home, []).append(row)
    flat = np.array(members.pop(MIXED, []), dtype=np.int64)
    members.pop(NOWHERE, None)
    return [(cohort, np.array(rows, dtype=np.int64)) for cohort, rows in sorted(members.items())], flat


def read_select(plan: SelectPlan) -> Selection:
    """Carry out the plan."""
    whole: list[tuple[Ints, list[Span]]] = []
    flats: list[RaggedBlock] = []
    for _, rows, planned in plan.dense:
        spans = [span for span in planned if len(span.times_ms)]
        if in_order(spans):
            whole.append((rows, spans))
        else:
            flats.extend(flat_span(rows, span) for span in spans)
    blocks: list[DenseBlock | RaggedBlock] = [*_dense(whole)]
    flats.extend(read_flats(plan))
    if flats and len((ragged := joined(flats)).series):
        blocks.append(ragged)
    return _without_empty_rows(plan.labels, blocks)


def read_flats(plan: SelectPlan) -> list[RaggedBlock]:
    """The parts of the flat plans, their series rows of the plan's label table."""
    parts = [part for each in plan.flats for part in each.read()]
    return [RaggedBlock(plan.flat_rows[part.series], part.offsets, part.times_ms, part.values) for part in parts]


def in_order(spans: Sequence[Span]) -> bool:
    """Whether each span begins after the one before has ended."""
    return all(before.times_ms[-1] < after.times_ms[0] for before, after in itertools.pairwise(spans))


def filled(rows: int, spans: Sequence[Span]) -> tuple[Ints, Floats]:
    """Times int64[T] and values float64[rows, T] of all spans, one after another."""
    times = np.concatenate([span.times_ms for span in spans])
    values = np.empty((rows, len(times)), dtype=np.float64)
    _fill(values, spans)
    return times, values


def _fill(values: Floats, spans: Sequence[Span]) -> None:
    start = 0
    for span in spans:
        end = start + len(span.times_ms)
        span.fill(values[:, start:end])
        start = end


def _dense(whole: Sequence[tuple[Ints, list[Span]]]) -> Iterator[DenseBlock]:
    """A block for each cohort. All values stand in one array: the system hands out memory faster in large pieces."""
    sizes = [len(rows) * sum(len(span.times_ms) for span in spans) for rows, spans in whole]
    memory = np.empty(sum(sizes), dtype=np.float64)
    at = 0
    for (rows, spans), size in zip(whole, sizes, strict=True):
        if not size:
            continue
        values = memory[at : at + size].reshape(len(rows), -1)
        _fill(values, spans)
        times = spans[0].times_ms if len(spans) == 1 else np.concatenate([span.times_ms for span in spans])
        yield DenseBlock(rows, times, values)
        at += size


def flat_span(rows: Ints, span: Span) -> RaggedBlock:
    """The samples of one span; ``rows`` are the rows to give its series."""
    out = np.empty((len(rows), len(span.times_ms)), dtype=np.float64)
    span.fill(out)
    return flattened(rows, span.times_ms, out)


def _without_empty_rows(labels: LabelTable, blocks: list[DenseBlock | RaggedBlock]) -> Selection:
    """The selection with label rows only for series that a block holds."""
    held = sum(len(block.series) for block in blocks)
    if held == labels.size:
        return Selection(labels, tuple(blocks))
    kept = np.zeros(labels.size, dtype=np.bool_)
    for block in blocks:
        kept[block.series] = True
    renumbered = np.cumsum(kept) - 1
    moved: list[DenseBlock | RaggedBlock] = []
    for block in blocks:
        rows = renumbered[block.series]
        if isinstance(block, DenseBlock):
            moved.append(DenseBlock(rows, block.times_ms, block.values))
        else:
            moved.append(RaggedBlock(rows, block.offsets, block.times_ms, block.values))
    return Selection(labels.take(np.flatnonzero(kept)), tuple(moved))
