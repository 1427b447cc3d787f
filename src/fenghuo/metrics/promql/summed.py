"""Sums of rates without the rates: an aggregation pushed below ``rate`` and ``increase``.

A rate is linear in the samples, but for two things. With the increments d[t] = x[t + 1] - x[t] of one counter that
never falls, its increase over a window is the sum of those d that lie between the window's first and last sample, times
a factor that makes up for the edges (:class:`~fenghuo.metrics.promql.kernels.rates.Reach`). The factor depends on the
timestamps alone, so the series of a cohort share it, and

    sum over i of rate(x_i)  =  factor * sum over the window of (sum over i of d_i).

The inner sum is made first, once for each group of each cohort, and windows are cut from a handful of rows where there
were thousands of series. Increments are not negative, so nothing cancels: a sum of n of them is off by n roundings at
most, and windows over the sums are added up with compensation.

The two things are counters that begin anew, and young ones: a series is not taken to have gone on before it was zero,
which depends on its own value. A counter that never falls is young in no window when ``first * share >= grown``.
``first`` is the first of all samples looked at: a window's own is not smaller. ``share`` is the least of
:meth:`~fenghuo.metrics.promql.kernels.rates.Reach.share` over the windows. ``grown`` is at least what the counter
grows by in any window: all its growth, or, where that says too little, its largest increment times the increments of
the fullest window. Series for which that does not hold, or that fall, or have a sample missing or one that is no
number, are set aside and go the usual way, row by row; their values are added to the others'.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.promql.context import Context
from fenghuo.metrics.promql.functions import RangeKernel
from fenghuo.metrics.promql.kernels.rates import Reach
from fenghuo.metrics.promql.kernels.sums import sums_between
from fenghuo.metrics.promql.matrices import Matrix
from fenghuo.metrics.promql.ranges import RangeArgument, kernel_slabs
from fenghuo.metrics.promql.vector import Slab
from fenghuo.metrics.promql.windows import TILE_ELEMENTS, Windows, windows_over
from fenghuo.model.sample import Bools, Floats, Ints
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection

T = TypeVar("T", bound=np.generic)

ROWS_A_GROUP_MIN = 4
"""With fewer series to a group and cohort, adding them up first saves little."""
COHORT_ROWS_MIN = 8
ELEMENTS_MIN = 1 << 12
"""Smaller cohorts, and cohorts of one length that have fewer samples together, go the usual way, which costs less."""
_MATMUL_GROUPS_MAX = 24
_MATMUL_ROWS_MAX = 512
"""Up to so many groups and rows in a tile, a product with a matrix of ones and zeros adds up quicker (measured with 126
rows of 260: 4 us for one group, 21 for 20, where ``reduceat`` takes 11 and 45; with 1,600 rows of 20 it loses)."""
_HUGE = 1e290
"""Counters beyond this are set aside: their sums could overflow where their rates do not."""


def summed_slabs(
    argument: RangeArgument, kernel: RangeKernel, ids: Ints, per_s: float, context: Context
) -> Iterator[Slab]:
    """Slabs of which a row stands for one series or for several of one group, as its ``members`` says.

    ``ids`` int64[N] are the groups of the selection's rows. ``kernel`` is that of the function, ``per_s`` what it
    divides the increase by.
    """
    cohorts, rest = _sorted_out(argument.selection)
    for alike in cohorts:
        times = np.stack([block.times_ms for block in alike])
        matrix = Matrix(np.arange(len(alike)), times, np.broadcast_to(0.0, times.shape))
        for windows in windows_over(matrix, argument.grid, argument.range_ms, context.check):
            blocks = [alike[number] for number in windows.rows.tolist()]
            sums = _Increments(blocks, ids)
            if not sums.worth_it:
                rest.extend(blocks)
                continue
            reach = Reach.of(windows)
            rest.extend(sums.added_up(_Bounds.of(windows, reach), context))
            yield from _rates(sums, windows, reach.factor / per_s)
    if rest:
        left = replace(argument, selection=Selection(argument.selection.labels, tuple(rest)))
        yield from kernel_slabs(left, kernel, context)


def _sorted_out(selection: Selection) -> tuple[list[list[DenseBlock]], list[DenseBlock | RaggedBlock]]:
    """Cohorts perhaps worth adding up, those of one length together, and everything else."""
    by_length: defaultdict[int, list[DenseBlock]] = defaultdict(list)
    rest: list[DenseBlock | RaggedBlock] = []
    for block in selection.blocks:
        if isinstance(block, DenseBlock) and len(block.series) >= COHORT_ROWS_MIN and len(block.times_ms) > 1:
            by_length[len(block.times_ms)].append(block)
        else:
            rest.append(block)
    found = []
    for alike in by_length.values():
        if sum(block.values.size for block in alike) >= ELEMENTS_MIN:
            found.append(alike)
        else:
            rest.extend(alike)
    return found, rest


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What the windows of cohorts tell of young counters; float64[C], or [1] for all cohorts."""

    share: Floats
    """The least time between the samples of a window as a multiple of that before the first."""
    increments: Floats
    """The most increments of a window."""

    @staticmethod
    def of(windows: Windows, reach: Reach) -> _Bounds:
        count = windows.count
        share = np.fmin.reduce(reach.share(count), axis=1)
        return _Bounds(share, np.broadcast_to(count.max(axis=1) - 1.0, share.shape))

    def each(self, sizes: Ints) -> _Bounds:
        """The same for each series of cohorts of so many."""
        return _Bounds(*(np.broadcast_to(each, len(sizes)).repeat(sizes) for each in (self.share, self.increments)))

    def at(self, rows: slice | Ints) -> _Bounds:
        return _Bounds(self.share[rows], self.increments[rows])

    def hold(self, values: Floats, increments: Floats) -> Bools:
        """bool[n]: counters that never fall, are young in no window, and have all samples; see the module."""
        before, after = values[:, 0], values[:, -1]
        # Comparisons with NaN are false.
        rises: Bools = after < _HUGE
        if not increments.min() >= 0:
            rises &= np.minimum.reduce(increments, axis=1) >= 0
        reached = before * self.share
        steady: Bools = rises & (reached >= after - before)
        unsure = np.flatnonzero(rises & ~steady)
        if len(unsure):
            most = np.maximum.reduce(increments[unsure], axis=1) * self.increments[unsure]
            steady[unsure] = reached[unsure] >= most
        return steady


class _Increments:
    """The increments of cohorts of T samples each, added up by group.

    A row of the sums is a group of a cohort; ``P`` rows in all, those of a cohort one after another.
    """

    def __init__(self, blocks: Sequence[DenseBlock], ids: Ints) -> None:
        self._blocks = blocks
        sizes = [len(block.series) for block in blocks]
        self._tops = [0, *itertools.accumulate(sizes)]
        series = blocks[0].series if len(blocks) == 1 else np.concatenate([block.series for block in blocks])
        cohort = np.repeat(np.arange(len(blocks)), sizes)
        keys = cohort * (int(ids.max()) + 1) + ids[series]
        self._order = None if (keys[1:] >= keys[:-1]).all() else np.argsort(keys, kind="stable")
        if self._order is not None:
            keys, series = keys[self._order], series[self._order]
        self._series = series
        self._starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        self.rows = series[self._starts]
        """int64[P]: the first series of each row."""
        self.cohorts = cohort[self._starts]
        """int64[P]: the number of its cohort."""
        self.sums = np.zeros((len(self.rows), len(blocks[0].times_ms)))
        """float64[P, T]: the increments from each sample to the next, 0 from the last."""
        self.members = np.zeros(len(self.rows), dtype=np.int64)
        """int64[P]: how many series are in each row."""

    @property
    def worth_it(self) -> bool:
        """Whether there are fewer rows to come than there were series, by far."""
        return len(self.rows) * ROWS_A_GROUP_MIN <= len(self._series)

    def added_up(self, bounds: _Bounds, context: Context) -> list[DenseBlock]:
        """Fill :attr:`sums`, and return the series that are set aside."""
        steady = np.empty(len(self._series), dtype=np.bool_)
        bounds = bounds.each(np.diff(self._tops))
        for top, values in self._tiles(max(COHORT_ROWS_MIN, TILE_ELEMENTS // self.sums.shape[1])):
            context.check()
            rows = slice(top, top + len(values))
            increments = _increments(values)
            steady[rows] = bounds.at(rows).hold(values, increments)
            self._add(rows, increments, steady[rows])
        return [] if steady.all() else self._set_aside(np.flatnonzero(~steady))

    def _tiles(self, height: int) -> Iterator[tuple[int, Floats]]:
        """All series, those of a row of the sums one after another: the number of the first, and float64[n, T]."""
        at, cohorts = 0, len(self._blocks)
        while at < cohorts:
            stop, top = at + 1, self._tops[at]
            while stop < cohorts and self._tops[stop + 1] - top <= height:
                stop += 1
            blocks = self._blocks[at:stop]
            values = blocks[0].values if len(blocks) == 1 else np.concatenate([block.values for block in blocks])
            for first in range(0, len(values), height):
                end = min(first + height, len(values))
                order = self._order
                yield top + first, values[first:end] if order is None else values[order[top + first : top + end] - top]
            at = stop

    def _add(self, rows: slice, increments: Floats, steady: Bools) -> None:
        """Add some series to their rows; those that are not steady are left out."""
        if not steady.all():
            increments[~steady] = 0.0
        first = int(self._starts.searchsorted(rows.start, side="right")) - 1
        end = int(self._starts.searchsorted(rows.stop))
        if end - first == 1:
            self.sums[first] += np.add.reduce(increments, axis=0)
            self.members[first] += np.count_nonzero(steady)
            return
        starts = np.maximum(self._starts[first:end] - rows.start, 0)
        self.sums[first:end] += _sums_of_runs(increments, starts)
        self.members[first:end] += np.add.reduceat(steady, starts, dtype=np.int64)

    def _set_aside(self, rows: Ints) -> list[DenseBlock]:
        """Blocks of the series ``rows``, cohort by cohort."""
        rows = rows if self._order is None else np.sort(self._order[rows])
        cuts = rows.searchsorted(self._tops)
        blocks = []
        for number, (first, end) in enumerate(itertools.pairwise(cuts.tolist())):
            if first < end:
                block, own = self._blocks[number], rows[first:end] - self._tops[number]
                blocks.append(DenseBlock(block.series[own], block.times_ms, block.values[own]))
        return blocks


def _increments(values: Floats) -> Floats:
    """float64[n, T]: from each sample to the next, 0 from the last. Made in one run over all rows, which is quicker."""
    increments = np.empty(values.shape)
    flat = values.reshape(-1)
    np.subtract(flat[1:], flat[:-1], out=increments.reshape(-1)[:-1])
    increments[:, -1] = 0.0
    return increments


def _sums_of_runs(rows: Floats, starts: Ints) -> Floats:
    """float64[g, T]: the sums of runs of rows, of which each ends where the next begins."""
    if len(starts) > _MATMUL_GROUPS_MAX or len(rows) > _MATMUL_ROWS_MAX:
        summed: Floats = np.add.reduceat(rows, starts, axis=0)
        return summed
    chosen = np.zeros((len(starts), len(rows)))
    chosen[np.arange(len(starts)).repeat(np.diff(starts, append=len(rows))), np.arange(len(rows))] = 1.0
    return chosen @ rows


def _rates(sums: _Increments, windows: Windows, factor: Floats) -> Iterator[Slab]:
    """The sums' rates, some rows at a time. ``factor`` float64[C or 1, S]."""
    present = windows.count >= 2

    def own(shared: npt.NDArray[T], cohorts: Ints) -> npt.NDArray[T]:
        return shared if len(shared) == 1 else shared[cohorts]

    height = max(COHORT_ROWS_MIN, TILE_ELEMENTS // max(sums.sums.shape[1], factor.shape[1]))
    alive = np.flatnonzero(sums.members)
    for top in range(0, len(alive), height):
        rows = alive[top : top + height]
        cohorts = sums.cohorts[rows]
        change = sums_between(sums.sums[rows], own(windows.lo, cohorts), own(windows.hi, cohorts) - 1)
        yield Slab(sums.rows[rows], change * own(factor, cohorts), own(present, cohorts), sums.members[rows])
