"""Where vectors come from: selectors, ranges and subqueries, cut into windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.promql.context import Context
from fenghuo.metrics.promql.functions import RangeKernel
from fenghuo.metrics.promql.grid import Grid
from fenghuo.metrics.promql.kernels.extremes import last_over_time
from fenghuo.metrics.promql.syntax.ast import AtTime, Duration, MatrixSelector, RangeMode, Subquery, VectorSelector
from fenghuo.metrics.promql.syntax.durations import not_positive, resolve_ms
from fenghuo.metrics.promql.vector import Slab, Vector
from fenghuo.metrics.promql.windows import Windows, gather, windows_of
from fenghuo.model.sample import ABSENT_NAN, Bools, Floats, Ints, is_stale
from fenghuo.model.selection import DenseBlock, Selection


@dataclass(frozen=True, slots=True)
class RangeArgument:
    """Samples and the windows to cut from them.

    ``grid`` is where the windows end: the evaluation's grid moved by ``offset``, or the one moment of ``@``.
    """

    selection: Selection
    grid: Grid
    range_ms: int
    drop_name: Bools
    """bool[N]: rows whose name goes in the end."""
    mode: RangeMode = RangeMode.PLAIN
    """Other modes hold samples beyond the windows, as far as the lookback reaches."""

    def windows(self, context: Context, *, keep_stale: bool = False) -> Iterator[Windows]:
        """The tiles; ends the query when nobody waits for it any more."""
        return windows_of(self.selection, self.grid, self.range_ms, keep_stale=keep_stale, check=context.check)


def resolve(duration: Duration, context: Context) -> int:
    """Milliseconds of a duration in this query."""
    range_ms = context.grid.end_ms - context.grid.start_ms
    return resolve_ms(duration, context.text, step_ms=context.step_ms, range_ms=range_ms)


def _positive(duration: Duration, context: Context) -> int:
    length_ms = resolve(duration, context)
    if length_ms <= 0:
        raise not_positive(duration, context.text)
    return length_ms


def reference_grid(grid: Grid, at: AtTime | None, offset: Duration | None, context: Context) -> Grid:
    """The moments that a selector looks at when it is evaluated over ``grid``."""
    if at is not None:
        bounds = {"start": context.grid.start_ms, "end": context.grid.end_ms}
        grid = Grid.instant(bounds[at.at] if isinstance(at.at, str) else at.at)
    return grid.shifted(-resolve(offset, context)) if offset is not None else grid


def select_instant(node: VectorSelector, grid: Grid, context: Context) -> RangeArgument:
    """The windows in which an instant selector looks for its newest sample."""
    moments = reference_grid(grid, node.at, node.offset, context)
    return _select(node, moments, context.lookback_ms, context)


def select_range(node: MatrixSelector, grid: Grid, context: Context) -> RangeArgument:
    moments = reference_grid(grid, node.vector.at, node.vector.offset, context)
    return _select(node.vector, moments, _positive(node.range, context), context)


def _select(node: VectorSelector, moments: Grid, range_ms: int, context: Context) -> RangeArgument:
    earlier_ms = 0 if node.mode is RangeMode.PLAIN else context.lookback_ms
    later_ms = context.lookback_ms if node.mode is RangeMode.SMOOTHED else 0
    first_ms = moments.start_ms - range_ms - earlier_ms + 1
    selection = context.select(node.matchers, first_ms, moments.end_ms + later_ms)
    context.allows(selection.labels.size * moments.size)
    drop = np.zeros(selection.labels.size, np.bool_)
    return RangeArgument(selection, moments, range_ms, drop, node.mode)


def subquery_grid(node: Subquery, moments: Grid, context: Context) -> Grid | None:
    """Where the inner expression is evaluated: multiples of the step within the windows; None when there are none."""
    step_ms = context.subquery_step_ms if node.step is None else _positive(node.step, context)
    start_ms = ((moments.start_ms - _positive(node.range, context)) // step_ms + 1) * step_ms
    if start_ms > moments.end_ms:
        return None
    grid = Grid.between(start_ms, moments.end_ms, step_ms)
    context.fits(grid.size)
    return grid


def subquery_range(node: Subquery, moments: Grid, inner: Vector, inner_grid: Grid, context: Context) -> RangeArgument:
    """The windows over an inner vector that was evaluated over ``inner_grid``."""
    values = np.where(inner.present, inner.values, ABSENT_NAN)
    series: Ints = np.arange(inner.size, dtype=np.int64)
    selection = Selection(inner.labels, (DenseBlock(series, inner_grid.times_ms, values),))
    context.fits(inner.size * (moments.size + inner_grid.size))
    return RangeArgument(selection, moments, _positive(node.range, context), inner.drop_name)


def kernel_slabs(
    argument: RangeArgument, kernel: RangeKernel, context: Context, *, keep_stale: bool = False
) -> Iterator[Slab]:
    """Run a kernel over all tiles."""
    for windows in argument.windows(context, keep_stale=keep_stale):
        yield Slab(_as_slice(windows.rows), *kernel(windows))


def apply_kernel(argument: RangeArgument, kernel: RangeKernel, context: Context, *, keep_stale: bool = False) -> Vector:
    """Run a kernel over all tiles and put the rows together; rows without any value are left out."""
    shape = (argument.selection.labels.size, argument.grid.size)
    values, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    for slab in kernel_slabs(argument, kernel, context, keep_stale=keep_stale):
        values[slab.rows] = slab.values
        present[slab.rows] = slab.present
    return Vector(argument.selection.labels, values, present, argument.drop_name).pruned()


def _as_slice(rows: Ints) -> slice | Ints:
    """Rows one after another as a slice, which NumPy copies faster."""
    first = int(rows[0])
    if int(rows[-1]) - first == len(rows) - 1 and (len(rows) == 1 or (np.diff(rows) == 1).all()):
        return slice(first, first + len(rows))
    return rows


def newest(windows: Windows) -> tuple[Floats, Bools]:
    """The kernel of instant selectors: the newest sample, unless it says that the series has ended."""
    values, present = last_over_time(windows)
    values = np.ascontiguousarray(values)
    return values, _alive(values, present)


def newest_time(windows: Windows) -> tuple[Floats, Bools]:
    """The kernel of ``timestamp``: when the newest sample was taken, in seconds."""
    values, present = newest(windows)
    return np.broadcast_to(windows.time_at(windows.hi - 1) / 1000, values.shape), present


def newest_start(windows: Windows) -> tuple[Floats, Bools]:
    """The kernel of ``start_timestamp``: since when the newest sample counts, in seconds; 0 where that is not known.

    Where nobody keeps start timestamps there is no answer.
    """
    values, present = newest(windows)
    if windows.starts_ms is None:
        return values, np.zeros_like(present)
    return gather(windows.starts_ms, windows.hi - 1) / 1000, present


def _alive(values: Floats, present: Bools) -> Bools:
    if not np.isnan(values).any():
        return present
    return present & ~is_stale(values)
