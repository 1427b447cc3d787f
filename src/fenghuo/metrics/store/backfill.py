"""Old samples, in any order, written straight into blocks.

Samples are gathered until there are many, put in order, and cut at the bounds of the longest blocks; each part becomes
a block that appears whole or not at all. Blocks may overlap those that are there: reading brings them together, and
the keeper merges them in time. Of two samples of one series at one time either may stay.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.limits import Policy, declare
from fenghuo.metrics.store.admission import TOO_OLD, plain
from fenghuo.metrics.store.block import read_block
from fenghuo.metrics.store.block_format import Cuts
from fenghuo.metrics.store.block_write import write_block
from fenghuo.metrics.store.bounds import LIMIT, Bounds
from fenghuo.metrics.store.loose import Flat, merged, ragged
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.selecting import SelectPlan
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.source import Plan, Span
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.sample import REFUSED, AppendResult, Floats, Ints
from fenghuo.model.selection import RaggedBlock

GATHERED = declare(
    "backfill_samples",
    2_000_000,
    Policy.WAIT,
    "Old samples of one import gathered in memory before they are written into blocks.",
)
RETENTION_SHARE = 10
"""No block is longer than this part of the retention, as the keeper merges them."""
ROWS_MIN = 4
"""Series with the same timestamps that are kept as a cohort."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A stretch of series that have the same timestamps."""

    times_ms: Ints
    values: Floats

    def fill(self, out: Floats) -> None:
        out[:] = self.values


@dataclass(frozen=True, slots=True)
class _Ready:
    """Samples in order."""

    flat: Flat

    def read(self) -> list[RaggedBlock]:
        return [ragged(self.flat)]


class Backfill:
    """One import. Not thread-safe; several may run beside each other, and beside everything else."""

    def __init__(self, parts: Parts, settings: StoreSettings, clock: Clock, bounds: Bounds) -> None:
        self._parts = parts
        self._settings = settings
        self._clock = clock
        self._bounds = bounds
        self._numbers: dict[Labels, int] = {}
        self._gathered: list[Flat] = []
        self._size = 0
        self.blocks = 0
        """Blocks written so far."""

    def add(self, series: Sequence[Labels], owners: Ints, times_ms: Ints, values: Floats) -> AppendResult:
        """Take samples: ``values[i]`` is one of ``series[owners[i]]``. What was counted is stored after :meth:`finish`.

        Raises OperatingError when the disk refuses a block; what was gathered for it is lost then.
        """
        numbers = self._number(series)[owners]
        given = numbers != REFUSED
        kept = given.copy()
        if self._settings.retention_ms:
            kept &= times_ms >= self._clock.now_ms() - self._settings.retention_ms
        count = int(np.count_nonzero(kept))
        if count:
            self._gathered.append(Flat(numbers[kept], times_ms[kept], plain(values[kept])))
            self._size += count
        if self._size >= GATHERED.default:
            GATHERED.hit()
            self.finish()
        refused = int(np.count_nonzero(~given))
        rejected = {TOO_OLD: len(owners) - refused - count, LIMIT: refused}
        return AppendResult(count, {reason: lost for reason, lost in rejected.items() if lost})

    def _number(self, series: Sequence[Labels]) -> Ints:
        """int64[n]: this import's own numbers of the series; REFUSED for new ones that a limit stands against."""
        numbers = self._numbers
        fresh = [labels for labels in dict.fromkeys(series) if labels not in numbers]
        if fresh:
            with self._parts.lock:
                index = self._parts.index
                unknown = index.find(labels.pairs for labels in fresh) < 0
                new = [labels for labels, is_new in zip(fresh, unknown.tolist(), strict=True) if is_new]
                admitted = set(self._bounds.admitted(new, len(index) + len(numbers)))
            for labels, is_new in zip(fresh, unknown.tolist(), strict=True):
                if not is_new or labels in admitted:
                    numbers[labels] = len(numbers)
        return np.array([numbers.get(labels, REFUSED) for labels in series], dtype=np.int64)

    def finish(self) -> None:
        """Write what was gathered. When it returns, it is on the disk. Raises OperatingError when that refuses."""
        if not self._gathered:
            return
        labels = LabelTable.of(list(self._numbers))
        flat = merged(self._gathered)
        self._numbers, self._gathered, self._size = {}, [], 0
        try:
            for part in _windows(flat, self._window_ms()):
                self._write(labels, part)
        except OSError as error:
            raise OperatingError(
                f"a block of imported samples could not be written: {error.strerror or error}",
                retryable=True,
                remedy="import again when there is room; what was stored already does no harm",
            ) from error
        self._parts.metrics.appended.inc(len(flat.rows))

    def _window_ms(self) -> int:
        settings = self._settings
        longest_ms = settings.block_duration_max_ms
        if settings.retention_ms:
            longest_ms = min(longest_ms, settings.retention_ms // RETENTION_SHARE)
        return max(longest_ms, settings.block_duration_ms)

    def _write(self, labels: LabelTable, flat: Flat) -> None:
        parts = self._parts
        cohorts, rest = _cohorts(labels, flat)
        dense: list[tuple[int, Ints, list[Span]]] = []
        with parts.lock:
            parts.refuse_when_closed()
            path = parts.blocks.next_path()
            for key, rows, column in cohorts:
                dense.append((parts.head.cohort_codes.intern(key), rows, [column]))
            keys = list(parts.head.cohort_codes.values)
        flats: list[Plan] = [_Ready(rest)]
        every = np.arange(labels.size, dtype=np.int64)
        if write_block(path, SelectPlan(labels, dense, every, flats), keys, [], Cuts()) is None:
            return
        ready = read_block(path)
        with parts.upkeep:
            sids = ready.register(parts.index, parts.lock, parts.head.reserve)
            with parts.lock:
                block = ready.enter(sids, parts.head.cohort_codes)
                parts.blocks.add(block)
                parts.head.recall(*block.newest())
        self.blocks += 1


def _windows(flat: Flat, window_ms: int) -> Iterator[Flat]:
    """The samples by windows of time that are multiples of ``window_ms`` since the epoch, each in order."""
    windows = flat.times_ms // window_ms
    order = np.argsort(windows, kind="stable")
    bounds = np.flatnonzero(np.diff(windows[order])) + 1
    for picked in np.split(order, bounds):
        yield Flat(flat.rows[picked], flat.times_ms[picked], flat.values[picked])


def _cohorts(labels: LabelTable, flat: Flat) -> tuple[list[tuple[str, Ints, _Column]], Flat]:
    """The series of a window that have the same timestamps, with a key for them; and the samples of all others."""
    starts = np.flatnonzero(np.r_[True, flat.rows[1:] != flat.rows[:-1]])
    ends = np.r_[starts[1:], len(flat.rows)]
    alike: dict[bytes, list[int]] = {}
    for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        alike.setdefault(flat.times_ms[start:end].tobytes(), []).append(number)
    cohorts = []
    loose = np.ones(len(flat.rows), dtype=np.bool_)
    for members in alike.values():
        if len(members) < ROWS_MIN:
            continue
        first, last = int(starts[members[0]]), int(ends[members[0]])
        places = starts[members][:, None] + np.arange(last - first)
        rows = flat.rows[starts[members]]
        cohorts.append((_key(labels, rows), rows, _Column(flat.times_ms[first:last], flat.values[places])))
        loose[places] = False
    return cohorts, Flat(flat.rows[loose], flat.times_ms[loose], flat.values[loose])


def _key(labels: LabelTable, rows: Ints) -> str:
    """The same for the same series, so that they are one cohort through all blocks."""
    texts = sorted(str(each) for each in labels.take(rows).rows())
    return f"imported {len(rows)} {zlib.crc32(chr(10).join(texts).encode(errors='replace')):08x}"
