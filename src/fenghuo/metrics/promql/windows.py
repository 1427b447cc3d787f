"""Samples under windows: the one form in which kernels see the data.

A :class:`Windows` is a tile of series and, for each moment of the grid, the slice of samples that lie in the
window of that moment. Series that share their timestamps share the slices too: they are computed once. Series
with timestamps of their own are padded to a common length and have slices of their own. Kernels do not need to
know which: arrays of one row broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.promql.grid import Grid
from fenghuo.model.sample import ABSENT_NAN_BITS, STALE_NAN_BITS, Bools, Floats, Ints
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection

TILE_ELEMENTS = 1 << 15
"""Elements of one array of a tile. 256 KB of float64: several such arrays stay in a core's L2 cache. Found by
running the benchmark with 2^13 to 2^20; a factor of two either way costs under 10 %."""
DENSE_ELEMENTS_MIN = 1 << 12
"""Blocks with fewer samples, and fewer values to make of them, join the padded batch: a tile costs some 200 µs
however small it is."""
ROWS_MIN = 8
"""A tile has at least so many rows, however long they are."""
PATTERNS_MAX = 8
"""Rows of a block with holes are kept together by the pattern of their holes, when there are no more than these."""
_PAD_MS = np.iinfo(np.int64).max


T = TypeVar("T", bound=np.generic)


def _go_on() -> None:
    """Nobody can end this work."""


@dataclass(frozen=True, slots=True)
class Windows:
    """n series, T samples each at most, S windows; ``W`` and ``w`` below are n, or 1 when all rows share."""

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
        if flat[0] >= 0 and flat[-1] <= last and flat[-1] - flat[0] == len(flat) - 1 and (np.diff(flat) == 1).all():
            return array[:, int(flat[0]) : int(flat[-1]) + 1]
        across: npt.NDArray[T] = array.take(np.clip(flat, 0, last), axis=1)
        return across
    if array.shape[0] == 1:
        shared: npt.NDArray[T] = array[0].take(np.clip(index, 0, last))
        return shared
    return np.take_along_axis(array, np.clip(index, 0, last), axis=1)


def windows_of(selection: Selection, grid: Grid, range_ms: int, *, keep_stale: bool) -> Iterator[Windows]:
    """Cut a selection into tiles with the windows ``(t - range, t]`` for each moment t of ``grid``.

    With ``keep_stale`` staleness markers stay in as samples; else they are left out as if they were no samples.
    """
    loose: list[RaggedBlock] = []
    for block in selection.blocks:
        if not len(block.series) or not len(block.times_ms):
            continue
        if isinstance(block, RaggedBlock):
            loose.append(_without_stale(block, keep_stale))
        elif len(block.series) * max(grid.size, len(block.times_ms)) < DENSE_ELEMENTS_MIN:
            loose.append(_scattered(block, keep_stale))
        else:
            whole, rest = _split_by_holes(block, keep_stale)
            loose.extend(rest)
            for part in whole:
                yield from _dense_tiles(part, grid, range_ms)
    yield from _padded_tiles(loose, grid, range_ms)


def _holes(values: Floats, keep_stale: bool) -> Bools | None:
    """Where there is no sample; None when there is one everywhere."""
    if not np.isnan(values).any():
        return None
    bits = values.view(np.int64)
    holes: Bools = bits == ABSENT_NAN_BITS
    if not keep_stale:
        holes |= bits == STALE_NAN_BITS
    return holes if holes.any() else None


def _split_by_holes(block: DenseBlock, keep_stale: bool) -> tuple[list[DenseBlock], list[RaggedBlock]]:
    """Dense blocks without holes, and what does not fit into few of them."""
    holes = _holes(block.values, keep_stale)
    if holes is None:
        return [block], []
    packed = np.packbits(holes, axis=1)
    keys = np.ascontiguousarray(packed).view([("", packed.dtype)] * packed.shape[1]).reshape(-1)
    _, first, pattern, count = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    pattern = pattern.reshape(-1)
    big = np.flatnonzero(count >= ROWS_MIN)
    big = big[np.argsort(-count[big], kind="stable")][:PATTERNS_MAX]
    dense = []
    for number in big.tolist():
        rows = np.flatnonzero(pattern == number)
        columns = np.flatnonzero(~holes[first[number]])
        if len(columns):
            values = np.ascontiguousarray(block.values[np.ix_(rows, columns)])
            dense.append(DenseBlock(block.series[rows], block.times_ms[columns], values))
    rest = np.flatnonzero(~np.isin(pattern, big))
    loose = [_scattered(DenseBlock(block.series[rest], block.times_ms, block.values[rest]), keep_stale)]
    return dense, loose if len(rest) else []


def _scattered(block: DenseBlock, keep_stale: bool) -> RaggedBlock:
    """A dense block as series with timestamps of their own, holes left out."""
    rows, steps = block.values.shape
    holes = _holes(np.ascontiguousarray(block.values), keep_stale)
    times = np.broadcast_to(block.times_ms, (rows, steps))
    if holes is None:
        offsets = np.arange(rows + 1, dtype=np.int64) * steps
        return RaggedBlock(block.series, offsets, times.reshape(-1), block.values.reshape(-1))
    kept = ~holes
    offsets = np.concatenate(([0], np.cumsum(kept.sum(axis=1)))).astype(np.int64)
    return RaggedBlock(block.series, offsets, times[kept], block.values[kept])


def _without_stale(block: RaggedBlock, keep_stale: bool) -> RaggedBlock:
    holes = None if keep_stale else _holes(block.values, keep_stale)
    if holes is None:
        return block
    kept = ~holes
    before = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
    starts = None if block.starts_ms is None else block.starts_ms[kept]
    return RaggedBlock(block.series, before[block.offsets], block.times_ms[kept], block.values[kept], starts)


def _tile_rows(steps: int, samples: int) -> int:
    return max(ROWS_MIN, TILE_ELEMENTS // max(steps, samples, 1))


def _dense_tiles(block: DenseBlock, grid: Grid, range_ms: int) -> Iterator[Windows]:
    ends = grid.times_ms
    lo = np.searchsorted(block.times_ms, ends - range_ms, side="right")[None, :]
    hi = np.searchsorted(block.times_ms, ends, side="right")[None, :]
    times = block.times_ms[None, :]
    height = _tile_rows(grid.size, len(block.times_ms))
    for start in range(0, len(block.series), height):
        part = slice(start, start + height)
        yield Windows(block.series[part], times, block.values[part], lo, hi, ends[None, :], range_ms)


def _padded_tiles(blocks: Sequence[RaggedBlock], grid: Grid, range_ms: int) -> Iterator[Windows]:
    """Series of like length, padded to the longest of them."""
    if not blocks:
        return
    series = np.concatenate([block.series for block in blocks])
    sizes = np.concatenate([np.diff(block.offsets) for block in blocks])
    times = np.concatenate([block.times_ms[block.offsets[0] : block.offsets[-1]] for block in blocks])
    values = np.concatenate([block.values[block.offsets[0] : block.offsets[-1]] for block in blocks])
    began = _starts(blocks)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    ends = grid.times_ms[None, :]
    at = 0
    while at < len(order):
        shortest = int(sizes[order[at]])
        # Up to twice the shortest: at most half of a tile is padding.
        stop = int(np.searchsorted(sizes[order], 2 * shortest, side="right"))
        stop = min(stop, at + _tile_rows(grid.size, 2 * shortest))
        chosen = order[at:stop]
        at = stop
        longest = int(sizes[chosen[-1]])
        column = np.arange(longest)
        held = column < sizes[chosen, None]
        index = np.minimum(starts[chosen, None] + column, len(times) - 1)
        padded_times = np.where(held, times[index], _PAD_MS)
        lo = _count_until(padded_times, held, grid.shifted(-range_ms))
        hi = _count_until(padded_times, held, grid)
        own_began = None if began is None else np.where(held, began[index], 0)
        padded = np.where(held, values[index], 0.0)
        yield Windows(series[chosen], padded_times, padded, lo, hi, ends, range_ms, own_began)


def _starts(blocks: Sequence[RaggedBlock]) -> Ints | None:
    """The start timestamps of all samples; None when there is none."""
    if all(block.starts_ms is None for block in blocks):
        return None
    return np.concatenate(
        [
            (np.zeros(len(block.times_ms), np.int64) if block.starts_ms is None else block.starts_ms)[
                block.offsets[0] : block.offsets[-1]
            ]
            for block in blocks
        ]
    )


def _count_until(times_ms: Ints, held: Bools, grid: Grid) -> Ints:
    """int64[n, S]: how many samples of each row are not later than each moment of the grid.

    Each sample is sorted into the first moment that sees it, then the counts are summed up: linear in samples and
    moments, where a binary search for each window would pay a logarithm.
    """
    rows, steps = times_ms.shape[0], grid.size
    first = np.where(held, -((grid.start_ms - np.where(held, times_ms, grid.start_ms)) // grid.step_ms), steps)
    slot = np.clip(first, 0, steps) + np.arange(rows)[:, None] * (steps + 1)
    counts = np.bincount(slot.reshape(-1), minlength=rows * (steps + 1)).reshape(rows, steps + 1)
    return np.cumsum(counts[:, :steps], axis=1)
