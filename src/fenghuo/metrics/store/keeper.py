"""The keeper: the store's own thread. It forces the WAL to the disk, cuts blocks, merges them and keeps retention."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import numpy as np

from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.base.memory import give_back
from fenghuo.metrics.store.block import read_block
from fenghuo.metrics.store.block_format import Cuts, DamagedError
from fenghuo.metrics.store.block_write import write_block
from fenghuo.metrics.store.blocks import merge_ranges_ms, to_merge
from fenghuo.metrics.store.forgetting import Forgetter
from fenghuo.metrics.store.head import EVER_MS, NEVER_MS
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.rewriting import clean, drop_emptied, rewrite
from fenghuo.metrics.store.selecting import SelectPlan, plan_select
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.source import HeadSource

log = logging.getLogger(__name__)

ROUND_INTERVAL_S = 60.0
"""How often the keeper looks whether a block is due. Prometheus does it each minute as well."""
STEP_MIN_S = 0.01
RETENTION_SHARE = 10
"""No block is longer than this part of the retention; Prometheus' own rule."""


class Keeper:
    """Runs beside the store. The public methods may be called without the thread, as tests do."""

    def __init__(
        self, parts: Parts, settings: StoreSettings, clock: Clock, held: Callable[[str], bool], guard: Guard | None
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._clock = clock
        self._guard = guard
        self._forgetter = Forgetter(parts, held)
        self._seen_changes = 0
        """The state of the blocks at the last look for what can be forgotten."""
        self._lock = parts.lock
        self._metrics = parts.metrics
        self.trouble = ""
        """Why the last round of :meth:`maintain` ended early; empty when it did not."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fenghuo-store-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a block that is being written is finished first."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        step_s = max(self._settings.fsync_interval_ms / 1000, STEP_MIN_S)
        waited_s = 0.0
        while not self._stop.wait(step_s):
            self._call("store fsync", self.sync)
            self._call("store packing", self.pack)
            waited_s += step_s
            if waited_s >= ROUND_INTERVAL_S:
                waited_s = 0.0
                self._call("store maintenance", self.maintain)

    def _call(self, part: str, work: Callable[[], object]) -> None:
        if self._guard is None:
            work()
        else:
            self._guard.call(part, work)

    def sync(self) -> None:
        """Force the WAL to the disk; a refusal is counted, logged when it is news, and tried again."""
        wal = self._parts.wal
        before = wal.sync_trouble
        try:
            wal.sync()
        except OSError:
            self._metrics.wal_failures.labels("fsync").inc()
            if wal.sync_trouble != before:
                log.error("%s", wal.sync_trouble)

    def pack(self) -> None:
        """Pack the cells of the head that nobody writes to any more. Writers and readers go on meanwhile."""
        with self._parts.upkeep:
            with self._lock:
                packings = self._parts.head.pool.packings()
            for packing in packings:
                packed = packing.packed()
                with self._lock:
                    packing.adopt(packed)

    def maintain(self) -> None:
        """Cut the blocks that are due, delete what is beyond retention, merge neighbours; failures are retried."""
        with self._parts.upkeep:
            try:
                while self._cut():
                    pass
                self._retain()
                drop_emptied(self._parts)
                while self._merge():
                    pass
                self._forget()
                self.trouble = ""
            except (OSError, DamagedError) as error:
                self._metrics.cut_failures.inc()
                self.trouble = f"a block could not be written: {error}; it is tried again in a minute"
                log.error("%s", self.trouble)
            self._measure()
        give_back()

    def _cut(self) -> bool:
        """Write the oldest slice of the head to a block when its time is up by half a slice. True when it was."""
        duration_ms = self._settings.block_duration_ms
        parts = self._parts
        with self._lock:
            oldest_ms = parts.head.oldest_ms
            if oldest_ms == EVER_MS:
                return False
            until_ms = (oldest_ms // duration_ms + 1) * duration_ms
            if self._clock.now_ms() < until_ms + duration_ms // 2:
                return False
            segment = parts.wal.roll()
            pages = parts.head.freeze(until_ms)
            plan = self._plan_head(until_ms)
            path = parts.blocks.next_path()
        try:
            meta = write_block(path, plan, parts.head.cohort_codes.values, [], Cuts(((segment, until_ms),)))
            ready = None if meta is None else read_block(path)
        except BaseException:
            with self._lock:
                parts.head.thaw()
            raise
        sids = None if ready is None else ready.register(parts.index, self._lock, parts.head.reserve)
        with self._lock:
            if ready is not None and sids is not None:
                parts.blocks.add(ready.enter(sids, parts.head.cohort_codes))
            parts.head.drop(pages, until_ms)
            cuts, segments = parts.blocks.cuts, parts.wal.segments.values()
            parts.wal.drop([each.number for each in segments if each.last_ms < cuts.covered_ms(each.number)])
        return True

    def _plan_head(self, until_ms: int) -> SelectPlan:
        parts = self._parts
        sids = np.flatnonzero(parts.head.first_ms.view < until_ms)
        labels = parts.index.label_table(sids)
        return plan_select([HeadSource(parts.head)], sids, labels, NEVER_MS, until_ms - 1, dense_rows_min=1)

    def _forget(self) -> None:
        """Forget what is not needed any more when samples have left the memory or the disk."""
        changes = self._parts.blocks.changes
        if changes != self._seen_changes:
            self._forgetter.forget()
            self._seen_changes = changes

    def _retain(self) -> None:
        """Delete the blocks that are too old, then the oldest while there is too much."""
        settings = self._settings
        with self._lock:
            blocks = self._parts.blocks
            if settings.retention_ms:
                oldest_ms = self._clock.now_ms() - settings.retention_ms
                blocks.delete([block for block in blocks.blocks if block.meta.last_ms < oldest_ms], "age")
            while settings.retention_size_bytes and blocks.size_bytes > settings.retention_size_bytes:
                # Without a block that the WAL still speaks of, its samples would come back at the next start.
                free = [block for block in blocks.blocks if not blocks.needed(block, self._parts.wal.segments)]
                if not free:
                    break
                # Imports may overlap: the oldest is the one that ends first.
                blocks.delete([min(free, key=lambda block: block.meta.last_ms)], "size")

    def clean(self) -> None:
        """Take deleted samples off the disk. Raises OSError when it refuses."""
        with self._parts.upkeep:
            clean(self._parts)

    def _merge(self) -> bool:
        """Merge one group of neighbouring blocks; True when there was one."""
        settings, parts = self._settings, self._parts
        longest_ms = settings.block_duration_max_ms
        if settings.retention_ms:  # A block goes when its last sample is too old, so that it may not be too long.
            longest_ms = min(longest_ms, settings.retention_ms // RETENTION_SHARE)
        ranges = merge_ranges_ms(settings.block_duration_ms, longest_ms)
        with self._lock:
            group = to_merge(parts.blocks.blocks, ranges, self._clock.now_ms())
            if not group:
                return False
        rewrite(parts, group)
        return True

    def _measure(self) -> None:
        with self._lock:
            head, metrics = self._parts.head, self._metrics
            metrics.series.set(len(self._parts.index))
            metrics.head_series.set(int(np.count_nonzero(head.first_ms.view < EVER_MS)))
            metrics.head_pages.set(head.pool.pages)
            metrics.head_bytes.set(head.pool.size_bytes)
