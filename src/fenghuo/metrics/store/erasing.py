"""Deletion from the head. The samples are taken out of memory; a record in the WAL does the same at replay.

So a deletion hits what is there at that moment, and nothing that is written later.
"""

from __future__ import annotations

import numpy as np

from fenghuo.metrics.store.head import EVER_MS, NEVER_MS, NOWHERE, Head
from fenghuo.metrics.store.pages import Page
from fenghuo.model.sample import ABSENT_NAN, Ints


def in_head(head: Head, sids: Ints, start_ms: int, end_ms: int) -> Ints:
    """Those of the series that may have samples in the head between the times."""
    found: Ints = sids[head.place(sids, start_ms, end_ms) != NOWHERE]
    return found


def bounds(head: Head, sids: Ints, start_ms: int, end_ms: int) -> tuple[int, int]:
    """The times between which samples of these series in the head are hit: no samples, no wider."""
    return max(start_ms, int(head.first_ms.all[sids].min())), min(end_ms, int(head.last_ms.all[sids].max()))


def strike(head: Head, sids: Ints, start_ms: int, end_ms: int) -> list[tuple[Page, Ints]]:
    """Delete between the times, but for what is on pages: those are returned, each with the rows to erase.

    Nothing is written to these pages any more, so that erasing may take several turns. The series are noted at once as
    what they are afterwards.
    """
    wanted = np.zeros(head.homes.size + 1, dtype=np.bool_)  # The last cell answers for rows that nobody has, sid -1.
    wanted[sids] = True
    struck: list[tuple[Page, Ints]] = []
    for state in head.cohorts.values():
        rows = np.flatnonzero(wanted[state.sids.view])
        if not len(rows):
            continue
        struck.extend((page, rows) for page in state.pages if page.first_ms <= end_ms and page.last_ms >= start_ms)
        state.close()
    head.loose.erase(wanted, start_ms, end_ms)
    _settle(head, sids, start_ms, end_ms)
    return struck


def erase(page: Page, rows: Ints, start_ms: int, end_ms: int) -> None:
    """Leave no sample of these rows of the cohort on the page between the times, both included."""
    times = page.times[: page.count]
    first, end = times.searchsorted(start_ms, side="left"), times.searchsorted(end_ms, side="right")
    positions = page.row_map.positions.view
    slots = positions[rows[rows < len(positions)]].astype(np.int64)
    slots = slots[(slots >= 0) & (slots < page.size)]
    page.erase(slots, int(first), int(end))


def _settle(head: Head, sids: Ints, start_ms: int, end_ms: int) -> None:
    firsts, lasts = head.first_ms.all[sids], head.last_ms.all[sids]
    ends = (lasts >= start_ms) & (lasts <= end_ms)
    begins = (firsts >= start_ms) & (firsts <= end_ms)
    gone, shorter, later = sids[ends & begins], sids[ends & ~begins], sids[begins & ~ends]
    # The newest that is left is not looked for: it is not newer than this.
    head.last_ms.all[shorter] = start_ms - 1
    head.last_values.all[shorter] = ABSENT_NAN
    head.first_ms.all[later] = end_ms + 1
    head.first_ms.all[gone] = EVER_MS
    head.last_ms.all[gone] = NEVER_MS
    head.last_values.all[gone] = 0.0
    head.homes.all[gone] = NOWHERE
    head.has_loose.all[gone] = False
    for sid in head.shared.keys() & set(gone.tolist()):
        del head.shared[sid]
