"""Counts over the head, for whoever asks what fills the store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.store.head import EVER_MS, NEVER_MS, NOWHERE
from fenghuo.metrics.store.parts import Parts


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """What ``/api/v1/status/tsdb`` tells. Counts by name are sorted, largest first."""

    head_series: int
    label_pairs: int
    """Distinct pairs of label name and value."""
    head_pages: int
    head_first_ms: int | None
    head_last_ms: int | None
    series_by_metric: list[tuple[str, int]]
    values_by_label: list[tuple[str, int]]
    value_bytes_by_label: list[tuple[str, int]]
    series_by_label_pair: list[tuple[str, int]]
    blocks: int
    wal_bytes: int


def statistics(parts: Parts, top: int) -> StoreStatistics:
    """Counts over the head, the ``top`` largest of each kind."""
    head = parts.head
    with parts.lock:
        sids = np.flatnonzero(head.last_ms.view > NEVER_MS)
        firsts, lasts = head.first_ms.all[sids], head.last_ms.all[sids]
        present = head.place(sids, NEVER_MS, EVER_MS) != NOWHERE
        table = parts.index.label_table(sids[present])
        pages, blocks, wal_bytes = head.pool.pages, len(parts.blocks), parts.wal.size_bytes
        firsts, lasts = firsts[present], lasts[present]
    counts = {name: np.bincount(column.codes) for name, column in table.columns.items()}
    used = {name: np.flatnonzero(count[1:]) + 1 for name, count in counts.items()}
    texts = {name: table.columns[name].dictionary.values for name in counts}
    metric = counts.get("__name__", np.empty(0))

    def largest(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
        return sorted(rows, key=lambda row: (-row[1], row[0]))[:top]

    return StoreStatistics(
        head_series=table.size,
        label_pairs=sum(len(codes) for codes in used.values()),
        head_pages=pages,
        head_first_ms=int(firsts.min()) if len(firsts) else None,
        head_last_ms=int(lasts.max()) if len(lasts) else None,
        series_by_metric=largest([(texts["__name__"][code], int(metric[code])) for code in used.get("__name__", ())]),
        values_by_label=largest([(name, len(codes)) for name, codes in used.items() if len(codes)]),
        value_bytes_by_label=largest(
            [(name, sum(len(texts[name][code].encode()) for code in codes)) for name, codes in used.items()]
        ),
        series_by_label_pair=largest(
            [(f"{name}={texts[name][code]}", int(counts[name][code])) for name, codes in used.items() for code in codes]
        ),
        blocks=blocks,
        wal_bytes=wal_bytes,
    )
