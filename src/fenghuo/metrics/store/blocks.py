"""The blocks on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.replay import Cut
from fenghuo.metrics.store.source import Source
from fenghuo.model.label_table import Dictionary


class BlockSet:
    """All blocks, oldest first."""

    def __init__(self) -> None:
        self.cut = Cut()

    @classmethod
    def open(cls, directory: Path, index: SeriesIndex, cohort_codes: Dictionary, metrics: StoreMetrics) -> Self:
        return cls()

    def __len__(self) -> int:
        return 0

    def between(self, start_ms: int, end_ms: int) -> list[Source]:
        return []

    def close(self) -> None:
        pass
