"""Loose samples: those with a timestamp of their own (remote write, late arrivals), as sorted runs.

A run is three parallel arrays ordered by series, then time. Each batch becomes a run, and runs of similar size are
merged, so that a query visits few of them and each sample is moved a few times in its life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.arrays import spread
from fenghuo.model.sample import Bools, Floats, Ints
from fenghuo.model.selection import RaggedBlock

FAN_IN = 8
"""Runs of one size class that are merged into one of the next."""

Sids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Run:
    """Samples ordered by series, then time; never written again."""

    sids: Sids
    times_ms: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.sids)

    def kept(self, mask: Bools) -> Run:
        return Run(self.sids[mask], self.times_ms[mask], self.values[mask])


@dataclass(frozen=True, slots=True)
class Flat:
    """Samples of selected series: ``rows[i]`` says which, ordered by row, then time."""

    rows: Ints
    times_ms: Ints
    values: Floats

    @staticmethod
    def empty() -> Flat:
        return Flat(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))


def merged(flats: list[Flat]) -> Flat:
    """All samples in order of row and time, one for each; of several at one time the earliest listed stays.

    Parts listed in the order of their times cost one merge; others a sort.
    """
    parts = [flat for flat in flats if len(flat.rows)]
    if not parts:
        return Flat.empty()
    joined = parts[0]
    if len(parts) > 1:
        joined = Flat(
            np.concatenate([flat.rows for flat in parts]),
            np.concatenate([flat.times_ms for flat in parts]),
            np.concatenate([flat.values for flat in parts]),
        )
    # A single part may be out of order, too: rows of a cohort stand in the order in which they joined it.
    if (joined.rows[1:] < joined.rows[:-1]).any():
        joined = _taken(joined, np.argsort(joined.rows, kind="stable"))
    same = joined.rows[1:] == joined.rows[:-1]
    steps = joined.times_ms[1:] - joined.times_ms[:-1]
    if not (same & (steps <= 0)).any():
        return joined
    joined = _taken(joined, np.lexsort((joined.times_ms, joined.rows)))
    repeated = (joined.rows[1:] == joined.rows[:-1]) & (joined.times_ms[1:] == joined.times_ms[:-1])
    return _taken(joined, np.flatnonzero(np.r_[True, ~repeated])) if repeated.any() else joined


def joined(parts: Sequence[RaggedBlock]) -> RaggedBlock:
    """The same of ragged blocks, in each of which a series stands once, in order of time; ordered by series."""
    parts = [part for part in parts if len(part.series)]
    if len(parts) == 1 and (parts[0].series[1:] > parts[0].series[:-1]).all():
        return parts[0]
    return ragged(merged([flat_of(part) for part in parts]))


def flat_of(block: RaggedBlock) -> Flat:
    """The samples of a block, with the row of each."""
    return Flat(np.repeat(block.series, np.diff(block.offsets)), block.times_ms, block.values)


def ragged(flat: Flat) -> RaggedBlock:
    """Samples that are in order, as a block."""
    if not len(flat.rows):
        return RaggedBlock(flat.rows, np.zeros(1, dtype=np.int64), flat.times_ms, flat.values)
    starts = np.flatnonzero(np.r_[True, flat.rows[1:] != flat.rows[:-1]])
    return RaggedBlock(flat.rows[starts], np.r_[starts, len(flat.rows)], flat.times_ms, flat.values)


def without_empty(block: RaggedBlock) -> RaggedBlock:
    """The same without series that have no sample."""
    kept = block.offsets[1:] > block.offsets[:-1]
    if kept.all():
        return block
    return RaggedBlock(
        block.series[kept], np.r_[block.offsets[:-1][kept], block.offsets[-1]], block.times_ms, block.values
    )


def _taken(flat: Flat, order: Ints) -> Flat:
    return Flat(flat.rows[order], flat.times_ms[order], flat.values[order])


class LooseLog:
    """The runs. Not locked; :meth:`snapshot` may be read without a lock."""

    def __init__(self) -> None:
        self._tiers: list[list[Run]] = []
        self.size = 0
        self.first_ms = np.iinfo(np.int64).max
        self.last_ms = np.iinfo(np.int64).min

    def add(self, run: Run) -> None:
        """Take a batch, ordered by series and time, in which no sample stands twice."""
        if not len(run):
            return
        self.size += len(run)
        self.first_ms = min(self.first_ms, int(run.times_ms.min()))
        self.last_ms = max(self.last_ms, int(run.times_ms.max()))
        self._put(run, 0)

    def _put(self, run: Run, tier: int) -> None:
        if tier == len(self._tiers):
            self._tiers.append([])
        runs = self._tiers[tier]
        runs.append(run)
        if len(runs) == FAN_IN:
            self._tiers[tier] = []
            self._put(joined_runs(runs), tier + 1)

    def erase(self, wanted: Bools, start_ms: int, end_ms: int) -> None:
        """Leave no sample between the times, both included, of the series that ``wanted``, bool[series], marks."""
        tiers = [[_without(run, wanted, start_ms, end_ms) for run in runs] for runs in self._tiers]
        self._tiers = [[run for run in runs if len(run)] for runs in tiers]
        left = [run for runs in self._tiers for run in runs]
        self.size = sum(len(run) for run in left)
        self.first_ms = min((int(run.times_ms.min()) for run in left), default=np.iinfo(np.int64).max)
        self.last_ms = max((int(run.times_ms.max()) for run in left), default=np.iinfo(np.int64).min)

    def snapshot(self) -> list[Run]:
        """The runs, oldest first."""
        return [run for tier in reversed(self._tiers) for run in tier]


def _without(run: Run, wanted: Bools, start_ms: int, end_ms: int) -> Run:
    hit = wanted[run.sids] & (run.times_ms >= start_ms) & (run.times_ms <= end_ms)
    return run.kept(~hit) if hit.any() else run


def joined_runs(runs: list[Run]) -> Run:
    """One run of several; each sample may stand in one only, or in the earliest listed."""
    flat = merged([Flat(run.sids.astype(np.int64), run.times_ms, run.values) for run in runs])
    return Run(flat.rows.astype(np.int32), flat.times_ms, flat.values)


def gather(runs: list[Run], sids: Ints, start_ms: int, end_ms: int) -> list[Flat]:
    """From each run the samples of ``sids`` (any order, distinct) with ``start_ms <= time <= end_ms``.

    The rows of the answer are positions in ``sids``.
    """
    flats = [_gather_run(run, sids, start_ms, end_ms) for run in runs]
    return [flat for flat in flats if len(flat.rows)]


def _gather_run(run: Run, sids: Ints, start_ms: int, end_ms: int) -> Flat:
    wanted = sids.astype(np.int32)
    starts = np.searchsorted(run.sids, wanted, side="left")
    counts = np.searchsorted(run.sids, wanted, side="right") - starts
    if not counts.any():
        return Flat.empty()
    picked = spread(starts, counts)
    rows = np.repeat(np.arange(len(sids), dtype=np.int64), counts)
    times = run.times_ms[picked]
    inside = (times >= start_ms) & (times <= end_ms)
    if inside.all():
        return Flat(rows, times, run.values[picked])
    return Flat(rows[inside], times[inside], run.values[picked[inside]])
