"""The set of blocks on disk: opening, publishing, deleting, setting apart."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np

from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store.block import Block, NewerFormatError, ReadBlock, read_block
from fenghuo.metrics.store.block_format import SUFFIX, Cuts, DamagedError
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.source import Source
from fenghuo.metrics.store.tombstones import SUFFIX as TOMBSTONES
from fenghuo.metrics.store.tombstones import Tombstones, tombstone_path
from fenghuo.model.label_table import Dictionary
from fenghuo.model.sample import Bools

log = logging.getLogger(__name__)


class BlockSet:
    """All blocks, in order of their first time. Called under the store's lock."""

    def __init__(self, directory: Path, metrics: StoreMetrics) -> None:
        self.directory = directory
        self._metrics = metrics
        self.blocks: list[Block] = []
        self.cuts = Cuts()
        self.changes = 0
        """Grows when a block comes or goes."""
        self._next_number = 1

    @classmethod
    def open(cls, directory: Path, index: SeriesIndex, cohort_codes: Dictionary, metrics: StoreMetrics) -> Self:
        """Open every block of the directory; damaged ones are set apart.

        Raises OperatingError when a block was written by a newer version, or cannot be opened.
        """
        found = cls(directory, metrics)
        for leftover in directory.glob("*.tmp"):
            with contextlib.suppress(OSError):
                leftover.unlink()
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            found._next_number = max(found._next_number, int(path.stem) + 1 if path.stem.isdecimal() else 0)
            try:
                ready = found._read(path)
                sids = ready.register(index, contextlib.nullcontext(), lambda _: None)  # Nobody else is there yet.
                found._take(ready.enter(sids, cohort_codes))
            except DamagedError as damage:
                found.set_apart(damage)
            except (NewerFormatError, OSError) as error:
                raise OperatingError(
                    f"block {path} cannot be used: {error}",
                    retryable=False,
                    remedy="mend its permissions, start the newer version that wrote it, or move it away",
                ) from error
        for orphan in directory.glob(f"*{TOMBSTONES}"):
            if not orphan.with_suffix(SUFFIX).exists():
                orphan.unlink(missing_ok=True)
        found._settle()
        replaced = {name for block in found.blocks for name in block.meta.replaces}
        found.delete([block for block in found.blocks if block.name in replaced], "merged")
        return found

    def _read(self, path: Path) -> ReadBlock:
        """The block at ``path``; without its tombstones when they are damaged."""
        try:
            return read_block(path)
        except DamagedError as damage:
            if damage.path == path:
                raise
            aside = damage.path.with_name(f"{damage.path.name}-damaged")
            damage.path.replace(aside)
            self._metrics.blocks_damaged.inc()
            log.error("%s; what was deleted of that block is back; the file is kept as %s", damage, aside.name)
            return read_block(path)

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def size_bytes(self) -> int:
        return sum(block.size_bytes for block in self.blocks)

    def next_path(self) -> Path:
        """The path of a new block. Numbers only grow, so that a name never comes back beside what replaced it."""
        path = self.directory / f"{self._next_number:010d}{SUFFIX}"
        self._next_number += 1
        return path

    def add(self, block: Block) -> None:
        """Publish a block; with it go the blocks that it replaces."""
        self._take(block)
        self._metrics.cuts.labels(block.meta.origin).inc()
        replaced = set(block.meta.replaces)
        self.delete([each for each in self.blocks if each.name in replaced], "merged")

    def _take(self, block: Block) -> None:
        block.file.on_flaw = self._metrics.blocks_damaged.inc
        self.blocks.append(block)

    def delete(self, blocks: list[Block], reason: str) -> None:
        """Delete blocks; who reads one still reads it to the end. One that is damaged is kept under another name."""
        for block in blocks:
            try:
                if block.file.flaws:
                    block.path.replace(block.path.with_suffix(".damaged"))
                block.path.unlink(missing_ok=True)
                tombstone_path(block.path).unlink(missing_ok=True)
            except OSError as error:
                log.error(
                    "block %s could not be deleted: %s; it comes back at the next start", block.path, error.strerror
                )
            self._metrics.blocks_deleted.labels(reason).inc()
        self.blocks = [block for block in self.blocks if block not in blocks]
        self._settle()

    def set_apart(self, damage: DamagedError) -> None:
        """Take a damaged block out of use and keep its file under another name."""
        aside = damage.path.with_suffix(".damaged")
        self.blocks = [block for block in self.blocks if block.path != damage.path]
        self._metrics.blocks_damaged.inc()
        try:
            damage.path.replace(aside)
            log.error("block damaged, its samples are missing from answers: %s; kept as %s", damage, aside.name)
        except OSError as error:
            log.error(
                "block damaged, its samples are missing from answers: %s; not renamed: %s", damage, error.strerror
            )
        self._settle()

    def _settle(self) -> None:
        self.blocks.sort(key=lambda block: (block.meta.first_ms, block.meta.last_ms))
        self.cuts = Cuts.of([*self.cuts.pairs, *(pair for block in self.blocks for pair in block.meta.cuts)])
        self.changes += 1
        self._metrics.blocks.set(len(self.blocks))
        self._metrics.block_bytes.set(self.size_bytes)
        self._metrics.tombstones.set(sum(block.tombstones.series for block in self.blocks))

    def bury(self, block: Block, tombstones: Tombstones) -> None:
        """Let a block have these tombstones, which are on the disk."""
        block.bury(tombstones)
        self._settle()

    def needed(self, block: Block, segments: Iterable[int]) -> bool:
        """Whether replay needs the block to know what of these WAL segments it must leave out."""
        others = Cuts.of(pair for each in self.blocks if each is not block for pair in each.meta.cuts)
        own = Cuts.of(block.meta.cuts)
        return any(own.covered_ms(segment) > others.covered_ms(segment) for segment in segments)

    def between(self, start_ms: int, end_ms: int) -> list[Source]:
        """The blocks that may have samples between the times, in order of time."""
        return [block for block in self.blocks if block.overlaps(start_ms, end_ms)]

    def mark(self, series: Bools) -> None:
        """Set bool[series number] for every series of a block."""
        for block in self.blocks:
            series[block.sids] = True

    def mark_cohorts(self, codes: Bools) -> None:
        """Set bool[code] for every cohort of a block."""
        for block in self.blocks:
            codes[block.cohort_codes] = True

    def close(self) -> None:
        """Let go of the files."""
        self.blocks = []


def merge_ranges_ms(shortest_ms: int, longest_ms: int) -> list[int]:
    """The lengths that blocks are merged to, shortest first: the longest, and quarters of it down to two blocks."""
    ranges = []
    each = longest_ms
    while each >= 2 * shortest_ms:
        ranges.append(each)
        each //= 4
    return ranges[::-1]


def to_merge(blocks: list[Block], ranges_ms: list[int], now_ms: int) -> list[Block]:
    """Some blocks that lie in one window that is over; empty when there are none.

    Windows are multiples of the ranges since the epoch, as Prometheus cuts them.
    """
    for range_ms in ranges_ms:
        windows: dict[int, list[Block]] = {}
        for block in (each for each in blocks if not each.is_empty):
            number = block.meta.first_ms // range_ms
            if block.meta.last_ms // range_ms == number and (number + 1) * range_ms <= now_ms:
                windows.setdefault(number, []).append(block)
        for group in windows.values():
            if len(group) > 1:
                return group
    return []


def series_of(blocks: list[Block]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The numbers of all series that any of the blocks has, sorted."""
    return np.unique(np.concatenate([block.sids for block in blocks]))
