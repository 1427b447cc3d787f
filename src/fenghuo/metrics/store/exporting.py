"""Export: everything that some series have, in pieces of bounded size.

Pieces come series by series and, for the same series, in order of time, so that a file of them can be read back by
whoever wants a series' samples in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.head import NOWHERE
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.reading import Reader
from fenghuo.metrics.store.selecting import plan_select, read_select
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Ints
from fenghuo.model.selection import DenseBlock, Selection

SERIES_AT_ONCE = 2000
SAMPLES_AT_ONCE = 1 << 20
"""Pieces are about this large: 16 MiB."""
WINDOW_FIRST_MS = 3_600_000
Generations = npt.NDArray[np.int32]


class Exporter:
    """Reads what a store has, in pieces. Thread-safe."""

    def __init__(self, parts: Parts, reader: Reader) -> None:
        self._parts = parts
        self._reader = reader

    def export(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> Iterator[Selection]:
        """See :meth:`Store.export`. What is to be read is settled before the first piece is asked for."""
        parts = self._parts
        with parts.lock:
            sources = self._reader.sources(start_ms, end_ms)
            found = [parts.index.match(matchers) for matchers in matcher_sets]
            sids = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
            present = np.zeros(len(sids), dtype=np.bool_)
            for source in sources:
                present |= source.place(sids, start_ms, end_ms) != NOWHERE
            sids = sids[present]
            generations = parts.index.generations.all[sids].copy()
            oldest_ms = min((parts.head.oldest_ms, *(block.meta.first_ms for block in parts.blocks.blocks)))
            newest_ms = max((parts.head.newest_ms, *(block.meta.last_ms for block in parts.blocks.blocks)))
        return self._pieces(sids, generations, max(start_ms, oldest_ms), min(end_ms, newest_ms))

    def _pieces(self, sids: Ints, generations: Generations, start_ms: int, end_ms: int) -> Iterator[Selection]:
        window_ms = WINDOW_FIRST_MS
        for first in range(0, len(sids), SERIES_AT_ONCE):
            part = slice(first, first + SERIES_AT_ONCE)
            from_ms = start_ms
            while from_ms <= end_ms:
                until_ms = min(from_ms + window_ms - 1, end_ms)
                piece = self._piece(sids[part], generations[part], from_ms, until_ms)
                samples = _size(piece)
                if samples:
                    yield piece
                from_ms = until_ms + 1
                if samples > SAMPLES_AT_ONCE:
                    window_ms = max(window_ms // 2, 1000)
                elif samples < SAMPLES_AT_ONCE // 4:
                    window_ms *= 2

    def _piece(self, sids: Ints, generations: Generations, start_ms: int, end_ms: int) -> Selection:
        index = self._parts.index
        with self._parts.lock:
            # Numbers of series that ended meanwhile may name others by now.
            sids = sids[index.generations.all[sids] == generations]
            labels = index.label_table(sids)
            plan = plan_select(self._reader.sources(start_ms, end_ms), sids, labels, start_ms, end_ms)
        return read_select(plan)


def _size(piece: Selection) -> int:
    return sum(each.values.size if isinstance(each, DenseBlock) else len(each.values) for each in piece.blocks)
