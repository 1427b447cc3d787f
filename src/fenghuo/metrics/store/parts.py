"""The parts of an open store, which the store and its keeper share under one lock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store.blocks import BlockSet
from fenghuo.metrics.store.exemplars import ExemplarRing
from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.journal import Journal
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.wal import Wal


@dataclass(slots=True)
class Parts:
    """Everything here is read and written with ``lock`` held, except what says otherwise."""

    metrics: StoreMetrics
    index: SeriesIndex
    head: Head
    wal: Wal
    blocks: BlockSet
    journal: Journal
    exemplars: ExemplarRing
    lock: threading.Lock = field(default_factory=threading.Lock)
    upkeep: threading.Lock = field(default_factory=threading.Lock)
    """Held, for as long as it takes and before ``lock``, by who changes the set of blocks or what is deleted of it:
    cutting, merging, retention, deletion, snapshots, backfill. Appending and reading never wait for it."""
    closed: bool = False

    def refuse_when_closed(self) -> None:
        """Raises OperatingError once the store is closed."""
        if self.closed:
            raise OperatingError("the metric store is closed", retryable=False)
