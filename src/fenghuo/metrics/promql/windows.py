"""Samples under windows: the one form in which kernels see the data.

A :class:`Windows` is a tile of series and, for each moment of the grid, the slice of samples that lie in the
window of that moment. Series that share their timestamps share the slices too: they are computed once. So do series
whose timestamps differ, but whose windows begin and end at samples of the same numbers. Others have slices of their
own. Kernels do not need to know which: arrays of one row broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.promql.grid import Grid
from fenghuo.metrics.promql.matrices import PAD_MS, ROWS_MIN, Matrix, matrices_of
from fenghuo.model.sample import Bools, Floats, Ints
from fenghuo.model.selection import Selection

TILE_ELEMENTS = 1 << 15
"""Elements of one array of a tile. 256 KB of float64: several such arrays stay in a core's L2 cache. Found by
running the benchmark with 2^13 to 2^20; a factor of two either way costs under 10 %."""
BOUNDS_MAX = 8
"""Sets of windows that are looked for among series with times of their own, before each gets windows of its own."""


T = TypeVar("T", bound=np.generic)


def _go_on() -> None:
    """Nobody can end this work."""


@dataclass(frozen=True, slots=True)
class Windows:
    """n series, T samples each at most, S windows; ``W`` and ``w`` below are n, or 1 when all rows share.

    When ``W`` is 1, so is ``w``.
    """

    rows: Ints
    """int64[n]: rows of the label table."""
    times_ms: Ints
    """int64[W, T]; padded at the end with the largest int64."""
    values: Floats
    """float64[n, T]."""
    lo: Ints
    """int64[w, S]: the first sample of each window."""
    hi: Ints
    """int64[w, S]: one past its last sample."""
    ends_ms: Ints
    """int64[1, S]: the end of each window, inclusive."""
    range_ms: int
    """The length of a window; its start is exclusive."""
    starts_ms: Ints | None = None
    """int64[n, T]: since when each sample counts, 0 where that is not known; None where it is known of none."""
    check: Callable[[], None] = _go_on
    """Raises when nobody waits for the answer any more. Kernels that take long over one tile call it in between."""

    @property
    def count(self) -> Ints:
        """int64[w, S]: samples in each window."""
        return self.hi - self.lo

    def value_at(self, index: Ints) -> Floats:
        """float64[n, S]: the values at sample numbers int64[w, S], which are clipped to what there is."""
        return gather(self.values, index)

    def time_at(self, index: Ints) -> Ints:
        """int64[w, S]: the timestamps at sample numbers int64[w, S]."""
        return gather(self.times_ms, index)


def gather(array: npt.NDArray[T], index: Ints) -> npt.NDArray[T]:
    """``array[i, index[i, s]]``, for all rows at once when ``index`` has one row; clipped to the array."""
    last = array.shape[1] - 1
    if index.shape[0] == 1:
        flat = index[0]
        first, end = int(flat[0]), int(flat[-1]) + 1
        if first >= 0 and end <= last + 1 and end - first == len(flat) and (flat[1:] - flat[:-1] == 1).all():
            return array[:, first:end]
        across: npt.NDArray[T] = array.take(np.minimum(np.maximum(flat, 0), last), axis=1)
        return across
    index = np.minimum(np.maximum(index, 0), last)
    if array.shape[0] == 1:
        shared: npt.NDArray[T] = array[0].take(index)
        return shared
    return array[np.arange(len(array))[:, None], index]


def neighbours(ufunc: np.ufunc, array: Floats, by: int, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """``ufunc(array[:, t + by], array[:, t])``, [n, T], of which the last ``by`` columns mean nothing.

    All rows are worked off in one run, across their ends: NumPy takes three times as long when it stops at each.
    """
    flat = array.reshape(-1)
    result = np.empty(array.shape, dtype)
    end = max(len(flat) - by, 0)
    ufunc(flat[by:], flat[:end], out=result.reshape(-1)[:end])
    return result


def across(function: Callable[..., Floats], arrays: Sequence[Floats], later: Ints, earlier: Ints) -> Floats:
    """float64[n, S]: ``function`` of the arrays, float64[n, T] each, at ``later``, then of all of them at ``earlier``.

    ``function`` works element by element. Where windows move on by a sample a step, it sees whole arrays, in one run
    as with :func:`neighbours`.
    """
    size = arrays[0].shape[1]
    start, by = int(earlier[0, 0]), int(later[0, 0] - earlier[0, 0])
    steps = np.arange(start, start + earlier.shape[1])
    if (
        len(earlier) == len(later) == 1
        and 0 <= start <= start + by + len(steps) - 1 < size
        and by >= 0
        and (earlier[0] == steps).all()
        and (later[0] == steps + by).all()
    ):
        flats = [array.reshape(-1) for array in arrays]
        found = function(*(flat[by:] for flat in flats), *(flat[: len(flat) - by] for flat in flats))
        shape, strides = (len(arrays[0]), len(steps)), (size * found.itemsize, found.itemsize)
        return np.ndarray(shape, found.dtype, found, start * found.itemsize, strides)
    return function(*(gather(array, later) for array in arrays), *(gather(array, earlier) for array in arrays))


def windows_of(
    selection: Selection, grid: Grid, range_ms: int, *, keep_stale: bool, check: Callable[[], None] = _go_on
) -> Iterator[Windows]:
    """Cut a selection into tiles with the windows ``(t - range, t]`` for each moment t of ``grid``.

    With ``keep_stale`` staleness markers stay in as samples; else they are left out as if they were no samples.
    ``check`` is called before each tile.
    """
    for matrix in matrices_of(selection, grid.size, keep_stale=keep_stale):
        yield from windows_over(matrix, grid, range_ms, check)


def windows_over(matrix: Matrix, grid: Grid, range_ms: int, check: Callable[[], None] = _go_on) -> Iterator[Windows]:
    """Tiles of one matrix with their windows; as :func:`windows_of`."""
    ends = grid.times_ms[None, :]
    for part, lo, hi in _cut(matrix, grid, range_ms):
        check()
        yield Windows(part.rows, part.times_ms, part.values, lo, hi, ends, range_ms, part.starts_ms, check)


def _cut(matrix: Matrix, grid: Grid, range_ms: int) -> Iterator[tuple[Matrix, Ints, Ints]]:
    """Tiles and their windows, int64[n or 1, S] each."""
    if len(matrix.times_ms) == 1:
        yield from _tiles(matrix, *_bounds(matrix.times_ms[0], grid, range_ms), grid)
    elif grid.size > 1 and len(matrix.times_ms) >= ROWS_MIN:
        yield from _tiles_by_bounds(matrix, grid, range_ms)
    else:
        yield from _own_tiles(matrix, grid, range_ms)


def _bounds(times_ms: Ints, grid: Grid, range_ms: int) -> tuple[Ints, Ints]:
    """The windows of one series, int64[1, S] each."""
    ends = grid.times_ms
    lo = times_ms.searchsorted(ends - range_ms, side="right")
    return lo[None, :], times_ms.searchsorted(ends, side="right")[None, :]


def _tiles(matrix: Matrix, lo: Ints, hi: Ints, grid: Grid) -> Iterator[tuple[Matrix, Ints, Ints]]:
    """Tiles of series that all have the same windows."""
    height = _tile_rows(matrix, grid)
    if height >= len(matrix.rows):
        yield matrix, lo, hi
        return
    for top in range(0, len(matrix.rows), height):
        yield matrix.take(slice(top, top + height)), lo, hi


def _tile_rows(matrix: Matrix, grid: Grid) -> int:
    widest = max(grid.size, int(matrix.values.shape[1]), 1)
    return max(ROWS_MIN, TILE_ELEMENTS // widest)


def _tiles_by_bounds(matrix: Matrix, grid: Grid, range_ms: int) -> Iterator[tuple[Matrix, Ints, Ints]]:
    """Series with times of their own, those together whose windows begin and end at samples of the same numbers.

    Scrapes of one interval differ in their offset only, so that few sets of bounds serve thousands of targets.
    """
    left = np.arange(len(matrix.rows))
    unlike: list[Ints] = []
    for _ in range(BOUNDS_MAX):
        if not len(left):
            break
        lo, hi = _bounds(matrix.times_ms[left[0]], grid, range_ms)
        alike = _with_bounds(matrix.times_ms, left, lo, hi, grid, range_ms)
        same = left[alike]
        left = left[~alike]
        if len(same) < ROWS_MIN and len(left):
            unlike.append(same)
            continue
        yield from _tiles(matrix if len(same) == len(matrix.rows) else matrix.take(same), lo, hi, grid)
    rest = np.concatenate([*unlike, left])
    if len(rest):
        yield from _own_tiles(matrix.take(rest), grid, range_ms)


def _with_bounds(times_ms: Ints, rows: Ints, lo: Ints, hi: Ints, grid: Grid, range_ms: int) -> Bools:
    """bool[len(rows)]: which rows have the windows ``lo`` to ``hi``; the edges of the grid are looked at first."""
    alike = np.ones(len(rows), dtype=np.bool_)
    edges = np.array([0, grid.size - 1])
    for steps in (edges, np.arange(grid.size)) if grid.size > 2 else (edges,):
        among = np.flatnonzero(alike)
        times = times_ms if len(among) == len(times_ms) else times_ms[rows[among]]
        ends = grid.start_ms + steps * grid.step_ms
        fits = _counts_are(times, hi[:, steps], ends) & _counts_are(times, lo[:, steps], ends - range_ms)
        alike[among] = fits
    return alike


def _counts_are(times_ms: Ints, count: Ints, moments_ms: Ints) -> Bools:
    """bool[n]: whether each row of int64[n, T] has ``count`` int64[1, S] samples not later than each moment."""
    before = (gather(times_ms, count - 1) <= moments_ms) | (count == 0)
    after = (gather(times_ms, count) > moments_ms) | (count == times_ms.shape[1])
    fits: Bools = (before & after).all(axis=1)
    return fits


def _own_tiles(matrix: Matrix, grid: Grid, range_ms: int) -> Iterator[tuple[Matrix, Ints, Ints]]:
    """Tiles of series that each have windows of their own, unless they turn out to be the same."""
    height = _tile_rows(matrix, grid)
    for top in range(0, len(matrix.rows), height):
        part = (
            matrix if height >= len(matrix.rows) else matrix.take(np.arange(top, min(top + height, len(matrix.rows))))
        )
        times = part.times_ms
        lo, hi = _count_until(times, grid.shifted(-range_ms)), _count_until(times, grid)
        if grid.size == 1 and (lo == lo[0]).all() and (hi == hi[0]).all():
            lo, hi = lo[:1], hi[:1]
        yield part, lo, hi


def _count_until(times_ms: Ints, grid: Grid) -> Ints:
    """int64[n, S]: how many samples of each row are not later than each moment of the grid.

    Each sample is sorted into the first moment that sees it, then the counts are summed up: linear in samples and
    moments, where a binary search for each window would pay a logarithm.
    """
    rows, steps = times_ms.shape[0], grid.size
    if steps == 1:
        counts: Ints = np.add.reduce(times_ms <= grid.start_ms, axis=1, dtype=np.int64, keepdims=True)
        return counts
    if rows < ROWS_MIN:
        moments = grid.times_ms
        return np.stack([row.searchsorted(moments, side="right") for row in times_ms])
    held = times_ms != PAD_MS
    first = np.where(held, -((grid.start_ms - np.where(held, times_ms, grid.start_ms)) // grid.step_ms), steps)
    slot = np.clip(first, 0, steps) + np.arange(rows)[:, None] * (steps + 1)
    counts = np.bincount(slot.reshape(-1), minlength=rows * (steps + 1)).reshape(rows, steps + 1)
    return np.cumsum(counts[:, :steps], axis=1)
