"""Deletion: samples of some series between two times, in the head and in the blocks."""

from __future__ import annotations

from collections.abc import Sequence

from fenghuo.base.errors import OperatingError
from fenghuo.metrics.store.block import Block
from fenghuo.metrics.store.erasing import bounds, erase, in_head, strike
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.tombstones import write_tombstones
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Ints


class Deleter:
    """Deletes. Thread-safe."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def delete(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> None:
        """Delete what is there now; see :meth:`Store.delete`."""
        parts = self._parts
        with parts.upkeep:
            with parts.lock:
                parts.refuse_when_closed()
                sids = parts.index.match(matchers)
                hit = [(block, block.held(sids)) for block in parts.blocks.blocks if block.overlaps(start_ms, end_ms)]
            try:
                for block, series in hit:
                    self._bury(block, series, start_ms, end_ms)
            except OSError as error:
                raise OperatingError(
                    f"the deletion cannot be written to {parts.blocks.directory}: {error.strerror or error}",
                    retryable=True,
                    remedy="see to that disk and delete again; a part of it may be done",
                ) from error
            self._erase(sids, start_ms, end_ms)
            parts.metrics.deletions.inc()

    def _bury(self, block: Block, series: Ints, start_ms: int, end_ms: int) -> None:
        # Deletions that mean the whole block are one, whatever their bounds.
        first_ms, last_ms = max(start_ms, block.meta.first_ms), min(end_ms, block.meta.last_ms)
        tombstones = block.tombstones.add(first_ms, last_ms, series)
        if tombstones is not block.tombstones:
            write_tombstones(block.path, tombstones)
            with self._parts.lock:
                self._parts.blocks.bury(block, tombstones)

    def _erase(self, sids: Ints, start_ms: int, end_ms: int) -> None:
        parts = self._parts
        with parts.lock:
            parts.refuse_when_closed()
            held = in_head(parts.head, sids, start_ms, end_ms)
            if not len(held):
                return
            start_ms, end_ms = bounds(parts.head, held, start_ms, end_ms)
            parts.journal.delete(start_ms, end_ms, held)
            struck = strike(parts.head, held, start_ms, end_ms)
            for block in parts.blocks.blocks:
                parts.head.recall(*block.newest())
        for page, rows in struck:
            with parts.lock:
                erase(page, rows, start_ms, end_ms)
