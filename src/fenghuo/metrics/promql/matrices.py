"""Samples as matrices: the blocks of a selection become few matrices without holes, whatever their shape was.

A large cohort is a matrix as it is, cohorts of like length are stacked, and series with timestamps of their own are
padded to a common length. What is left out, absent samples and staleness markers, is left out here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fenghuo.model.sample import ABSENT_NAN_BITS, STALE_NAN_BITS, Bools, Floats, Ints
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection
from fenghuo.model.stretches import stretches

T = TypeVar("T", bound=np.generic)

DENSE_ELEMENTS_MIN = 1 << 12
"""Blocks with fewer samples, and fewer values to make of them, are stacked with their like: a tile costs some 100 µs
however small it is."""
ROWS_MIN = 8
"""Fewer rows with something in common are not worth a matrix of their own."""
PATTERNS_MAX = 8
"""Rows of a block with holes are kept together by the pattern of their holes, when there are no more than these."""
PADDED_ELEMENTS = 1 << 19
"""Elements of a padded matrix: 4 MiB of float64, of which tiles are cut."""
PAD_MS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Matrix:
    """n series of at most T samples."""

    rows: Ints
    """int64[n]: rows of the label table."""
    times_ms: Ints
    """int64[n, T], or [1, T] when all series share them; padded at the end with the largest int64."""
    values: Floats
    """float64[n, T]."""
    starts_ms: Ints | None = None
    """int64[n, T]: since when each sample counts, 0 where that is not known; None where it is known of none."""

    def take(self, rows: Ints | slice) -> Matrix:
        """Some of the series."""
        times = self.times_ms if len(self.times_ms) == 1 else self.times_ms[rows]
        starts = None if self.starts_ms is None else self.starts_ms[rows]
        return Matrix(self.rows[rows], times, self.values[rows], starts)


def matrices_of(selection: Selection, steps: int, *, keep_stale: bool) -> Iterator[Matrix]:
    """Every sample of the selection, in one matrix each.

    ``steps`` is how many values will be made of each series. With ``keep_stale`` staleness markers stay in as
    samples; else they are left out as if they were no samples.
    """
    loose: list[RaggedBlock] = []
    small: list[DenseBlock] = []
    for block in selection.blocks:
        if not len(block.series) or not len(block.times_ms):
            continue
        if isinstance(block, RaggedBlock):
            loose.append(_without_stale(block, keep_stale))
        elif len(block.series) * max(steps, len(block.times_ms)) < DENSE_ELEMENTS_MIN:
            small.append(block)
        else:
            whole, rest = _split_by_holes(block, keep_stale)
            loose.extend(rest)
            yield from (Matrix(part.series, part.times_ms[None, :], part.values) for part in whole)
    for matrix in _stacks(small):
        holes = _holes(matrix.values, keep_stale)
        if holes is None:
            yield matrix
        else:
            loose.append(_scattered(matrix, holes))
    yield from _padded(loose)


def _stacks(blocks: list[DenseBlock]) -> Iterator[Matrix]:
    """Blocks of like length, one upon the other; at most half of a matrix is padding."""
    blocks = sorted(blocks, key=lambda block: len(block.times_ms))
    at = 0
    while at < len(blocks):
        stop, rows, longest_max = at, 0, 2 * len(blocks[at].times_ms)
        while stop < len(blocks) and len(blocks[stop].times_ms) <= longest_max and rows * longest_max < PADDED_ELEMENTS:
            rows += len(blocks[stop].series)
            stop += 1
        yield _stacked(blocks[at:stop], rows)
        at = stop


def _stacked(blocks: Sequence[DenseBlock], rows: int) -> Matrix:
    if len(blocks) == 1:
        return Matrix(blocks[0].series, blocks[0].times_ms[None, :], blocks[0].values)
    shape = (rows, len(blocks[-1].times_ms))
    times, values = np.full(shape, PAD_MS), np.zeros(shape)
    top = 0
    for block in blocks:
        end, length = top + len(block.series), len(block.times_ms)
        times[top:end, :length] = block.times_ms
        values[top:end, :length] = block.values
        top = end
    return Matrix(np.concatenate([block.series for block in blocks]), times, values)


def _holes(values: Floats, keep_stale: bool) -> Bools | None:
    """Where there is no sample; None when there is one everywhere."""
    if not np.isnan(values.min(initial=0.0)):  # Which is NaN if any value is.
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
    if not len(rest):
        return dense, []
    return dense, [_scattered(Matrix(block.series[rest], block.times_ms[None, :], block.values[rest]), holes[rest])]


def _scattered(matrix: Matrix, holes: Bools) -> RaggedBlock:
    """Series with timestamps of their own, holes and padding left out."""
    times = np.broadcast_to(matrix.times_ms, matrix.values.shape)
    kept = ~holes & (times != PAD_MS)
    offsets = np.concatenate(([0], np.cumsum(kept.sum(axis=1)))).astype(np.int64)
    return RaggedBlock(matrix.rows, offsets, times[kept], matrix.values[kept])


def _without_stale(block: RaggedBlock, keep_stale: bool) -> RaggedBlock:
    holes = None if keep_stale else _holes(block.values, keep_stale)
    if holes is None:
        return block
    kept = ~holes
    before = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
    starts = None if block.starts_ms is None else block.starts_ms[kept]
    return RaggedBlock(block.series, before[block.offsets], block.times_ms[kept], block.values[kept], starts)


def _padded(blocks: Sequence[RaggedBlock]) -> Iterator[Matrix]:
    """Series of like length, padded to the longest of them."""
    if not blocks:
        return
    loose = _joined(blocks)
    sizes = np.diff(loose.offsets)
    if sizes[0] and (sizes == sizes[0]).all() and loose.offsets[0] == 0:
        yield _of_one_length(loose, len(sizes), int(sizes[0]))
        return
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    ordered = sizes[order]
    at = 0
    while at < len(order):
        # Up to twice the shortest: at most half of a matrix is padding.
        shortest = int(ordered[at])
        stop = int(np.searchsorted(ordered, 2 * shortest, side="right"))
        stop = min(stop, at + max(ROWS_MIN, PADDED_ELEMENTS // (2 * shortest)))
        yield _one_padded(loose, order[at:stop], sizes[order[at:stop]])
        at = stop


def _of_one_length(loose: RaggedBlock, rows: int, length: int) -> Matrix:
    """Series that all have as many samples, which stand as in a matrix already."""
    end = rows * length
    starts = None if loose.starts_ms is None else loose.starts_ms[:end].reshape(rows, length)
    times, values = loose.times_ms[:end].reshape(rows, length), loose.values[:end].reshape(rows, length)
    return Matrix(loose.series, times, values, starts)


def _one_padded(loose: RaggedBlock, chosen: Ints, sizes: Ints) -> Matrix:
    longest = int(sizes[-1])
    begins = loose.offsets[chosen]
    times, values = _runs(loose.times_ms, begins, longest), _runs(loose.values, begins, longest)
    starts = None if loose.starts_ms is None else _runs(loose.starts_ms, begins, longest)
    if sizes[0] < longest:
        padding = np.arange(longest) >= sizes[:, None]
        times[padding], values[padding] = PAD_MS, 0.0
        if starts is not None:
            starts[padding] = 0
    return Matrix(loose.series[chosen], times, values, starts)


def _runs(array: npt.NDArray[T], begins: Ints, length: int) -> npt.NDArray[T]:
    """Stretches of an array, [len(begins), length]; what would lie beyond its end may be anything."""
    last = len(array) - length
    found: npt.NDArray[T] = stretches(np.ascontiguousarray(array), length)[np.minimum(begins, last)]
    for row in np.flatnonzero(begins > last).tolist():
        rest = array[begins[row] :]
        found[row, : len(rest)] = rest
    return found


def _joined(blocks: Sequence[RaggedBlock]) -> RaggedBlock:
    if len(blocks) == 1:
        return blocks[0]
    sizes = np.concatenate([np.diff(block.offsets) for block in blocks])
    parts = [slice(int(block.offsets[0]), int(block.offsets[-1])) for block in blocks]
    starts = None
    if any(block.starts_ms is not None for block in blocks):
        starts = np.concatenate([_starts(block)[part] for block, part in zip(blocks, parts, strict=True)])
    return RaggedBlock(
        np.concatenate([block.series for block in blocks]),
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        np.concatenate([block.times_ms[part] for block, part in zip(blocks, parts, strict=True)]),
        np.concatenate([block.values[part] for block, part in zip(blocks, parts, strict=True)]),
        starts,
    )


def _starts(block: RaggedBlock) -> Ints:
    return np.zeros(len(block.times_ms), np.int64) if block.starts_ms is None else block.starts_ms
