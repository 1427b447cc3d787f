"""Turns what was admitted into WAL records, naming series and cohorts in each segment before it mentions them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.store import records
from fenghuo.metrics.store.arrays import Growing, distinct
from fenghuo.metrics.store.cohort_state import NO_ROWS, NO_VALUES, CohortState, Layout
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.loose import Run
from fenghuo.metrics.store.wal import NEVER_MS, Wal
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Floats, Ints

NAMES_MAX = 2000
"""Series named by one record. The JSON of 20,000 in one record held the interpreter for 5 ms at once."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One scrape of a cohort: ``values`` are parallel to the rows of ``layout``, the cohort's present one."""

    state: CohortState
    time_ms: int
    layout: Layout
    values: Floats


class Journal:
    """Writes to the WAL. Every method raises OperatingError when the disk refuses, and has then changed nothing."""

    def __init__(self, wal: Wal, index: SeriesIndex) -> None:
        self._wal = wal
        self._index = index
        self._named_in: Growing[np.int32] = Growing(np.int32, -1)
        """By series: the segment that last named it."""

    def scrape(self, state: CohortState, time_ms: int, layout: Layout, values: Floats, late: Run | None) -> None:
        """Record a scrape whose rows are ``layout``'s, and with it samples that go to the loose ones."""
        self.scrapes([Scrape(state, time_ms, layout, values)], late)

    def scrapes(self, scrapes: Sequence[Scrape], loose: Run | None) -> None:
        """Record scrapes of different cohorts, and loose samples with them, in one piece."""
        number = self._segment()
        for each in scrapes:
            if each.state.logged_segment != number:
                each.state.logged_rows = 0
                each.state.last_values = NO_VALUES
        mentioned = [each.state.mentioned(each.state.logged_rows) for each in scrapes]
        if loose is not None:
            mentioned.append(loose.sids)
        names = self._unnamed(np.concatenate(mentioned)) if any(map(len, mentioned)) else NO_ROWS
        parts = self._names(names)
        last_ms = NEVER_MS
        for each in scrapes:
            parts += _scrape_records(each)
            last_ms = max(last_ms, each.time_ms)
        if loose is not None:
            parts.append(records.encode_loose(loose.sids, loose.times_ms, loose.values))
            last_ms = max(last_ms, int(loose.times_ms.max()))
        self._wal.append(b"".join(parts), last_ms)
        for each in scrapes:
            each.state.logged_segment = number
            each.state.logged_rows = each.state.sids.size
        if len(names):
            self._named_in.all[names] = number

    def loose(self, run: Run) -> None:
        """Record samples with timestamps of their own."""
        number = self._segment()
        names = self._unnamed(run.sids)
        parts = [*self._names(names), records.encode_loose(run.sids, run.times_ms, run.values)]
        self._wal.append(b"".join(parts), int(run.times_ms.max()))
        self._named_in.all[names] = number

    def exemplars(self, exemplars: Sequence[tuple[Labels, Exemplar]]) -> None:
        """Record exemplars; they name their series by its labels."""
        self._segment()
        self._wal.append(records.encode_exemplars(exemplars), NEVER_MS)

    def delete(self, start_ms: int, end_ms: int, sids: Ints) -> None:
        """Record that what the head has of these series between the times is deleted.

        The segment stays for as long as one that may hold such a sample: none of them is newer than ``end_ms``.
        """
        number = self._segment()
        names = self._unnamed(sids)
        self._wal.append(b"".join([*self._names(names), records.encode_delete(start_ms, end_ms, sids)]), end_ms)
        self._named_in.all[names] = number

    def forget(self, sids: Ints) -> None:
        """These numbers will name other series from now on."""
        self._named_in.grow(int(sids.max(initial=-1)) + 1)
        self._named_in.all[sids] = -1

    def _segment(self) -> int:
        if self._wal.full:
            self._wal.roll()
        return self._wal.number

    def _unnamed(self, sids: np.ndarray[tuple[int], np.dtype[np.int32]] | Ints) -> Ints:
        self._named_in.grow(self._index.bound)
        fresh = sids[self._named_in.all[sids] != self._wal.number]
        return distinct(fresh.astype(np.int64))

    def _names(self, sids: Ints) -> list[bytes]:
        parts = (sids[start : start + NAMES_MAX] for start in range(0, len(sids), NAMES_MAX))
        return [records.encode_series(part, self._index.texts(part)) for part in parts]


def _scrape_records(scrape: Scrape) -> list[bytes]:
    """The records of one scrape: rows that the segment does not name yet, then the values."""
    state, values = scrape.state, scrape.values
    parts = []
    unnamed = state.mentioned(state.logged_rows)
    if len(unnamed):
        parts.append(records.encode_cohort(state.code, state.logged_rows, state.key, unnamed))
    if len(state.last_values) == len(values) > 0:
        parts.append(records.encode_scrape_again(state.code, scrape.time_ms, values, state.last_values))
    else:
        parts.append(records.encode_scrape(state.code, scrape.time_ms, scrape.layout.rows, values))
    return parts
