"""Replay: brings the head back from the WAL, and sets apart what is damaged.

What a segment holds was admitted when it was written, so replay writes without judging. Samples that a block has
already (its :class:`Cuts` say which) are left out.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

import numpy as np

from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.memory import give_back
from fenghuo.metrics.store import records
from fenghuo.metrics.store.arrays import Growing
from fenghuo.metrics.store.block_format import Cuts
from fenghuo.metrics.store.cohort_state import CohortState, Layout
from fenghuo.metrics.store.erasing import erase, strike
from fenghuo.metrics.store.exemplars import ExemplarRing
from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.loose import Run
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.records import Kind
from fenghuo.metrics.store.wal import NEVER_MS, VERSION, Damage, Segment, SegmentReader
from fenghuo.model.sample import Floats, Ints

log = logging.getLogger(__name__)

LOOK_SAMPLES = 2_000_000
"""Samples between two looks at what can be packed: 16 MiB that are not, and some 0.1 s."""
TOLD_EVERY_S = 2.0


@dataclass(slots=True)
class _Scrapes:
    """A cohort as one segment names it, and its last scrape there."""

    state: CohortState
    rows: Growing[np.int64]
    """By row in the segment: the row in the head."""
    last_rows: Ints
    last_values: Floats
    layout: Layout | None = None
    """Where ``last_rows`` go; None until they were written."""


class SegmentReplay:
    """Writes the records of one segment to the head."""

    def __init__(self, head: Head, index: SeriesIndex, exemplars: ExemplarRing, covered_ms: int) -> None:
        self._head = head
        self._index = index
        self._exemplars = exemplars
        self._covered_ms = covered_ms
        self._sids: Growing[np.int32] = Growing(np.int32, -1)
        self._cohorts: dict[int, _Scrapes] = {}
        self.samples = 0
        self.last_ms = NEVER_MS

    def apply(self, kind: int, payload: memoryview) -> None:
        """Carry out one record. Raises OperatingError for a kind that this version does not know."""
        match kind:
            case Kind.SCRAPE | Kind.SCRAPE_SAME_ROWS | Kind.SCRAPE_CHANGES:
                self._scrape(kind, payload)
            case Kind.SERIES:
                self._series(records.decode_series(payload))
            case Kind.COHORT:
                self._cohort(records.decode_cohort(payload))
            case Kind.LOOSE:
                self._loose(records.decode_loose(payload))
            case Kind.DELETE:
                self._delete(records.decode_delete(payload))
            case Kind.EXEMPLARS:
                for series, exemplar in records.decode_exemplars(payload):
                    self._exemplars.add(series, exemplar)
            case _:
                raise OperatingError(
                    f"WAL record kind {kind} is not known to this version",
                    retryable=False,
                    remedy="start the newer version that wrote it",
                )

    def _series(self, record: records.SeriesRecord) -> None:
        self._sids.grow(int(record.sids.max(initial=-1)) + 1)
        self._sids.all[record.sids] = self._index.register(record.pairs)
        self._head.reserve(self._index.bound)

    def _cohort(self, record: records.CohortRecord) -> None:
        if record.first_row == 0:
            state = self._head.cohort(record.key)
            none = np.empty(0, dtype=np.int64)
            self._cohorts[record.cohort] = _Scrapes(state, Growing(np.int64, -1), none, np.empty(0))
        scrapes = self._cohorts[record.cohort]
        scrapes.rows.append(scrapes.state.join(self._sids.all[record.sids].astype(np.int64)))

    def _scrape(self, kind: int, payload: memoryview) -> None:
        code, time_ms, count = records.decode_scrape_head(payload)
        scrapes = self._cohorts[code]
        if kind == Kind.SCRAPE:
            rows, values = records.decode_scrape(payload, count)
            scrapes.last_rows = scrapes.rows.all[rows]
            scrapes.layout = None
        elif kind == Kind.SCRAPE_CHANGES:
            values = records.decode_scrape_changes(payload, scrapes.last_values)
        else:
            values = records.decode_scrape_values(payload, count)
        scrapes.last_values = values
        self.last_ms = max(self.last_ms, time_ms)
        if time_ms < self._covered_ms or not count:
            return
        self.samples += count
        state = scrapes.state
        if scrapes.layout is None or scrapes.layout.row_map is not state.row_map:
            state.lay_out(scrapes.last_rows)
        else:
            state.layout = scrapes.layout
        layout = state.layout
        if time_ms >= state.last_ms:
            self._head.write(state, time_ms, layout, values)
            scrapes.layout = state.layout
        else:
            self._put_loose(Run(layout.sids.astype(np.int32), np.full(count, time_ms, dtype=np.int64), values))

    def _loose(self, record: records.LooseRecord) -> None:
        if not len(record.sids):
            return
        self.last_ms = max(self.last_ms, int(record.times_ms.max()))
        run = Run(self._sids.all[record.sids], record.times_ms, record.values)
        if self._covered_ms > NEVER_MS:
            run = run.kept(record.times_ms >= self._covered_ms)
        if len(run):
            self.samples += len(run)
            self._put_loose(run)

    def _delete(self, record: records.DeleteRecord) -> None:
        self.last_ms = max(self.last_ms, record.end_ms)
        sids = self._sids.all[record.sids].astype(np.int64)
        for page, rows in strike(self._head, sids, record.start_ms, record.end_ms):
            erase(page, rows, record.start_ms, record.end_ms)

    def _put_loose(self, run: Run) -> None:
        order = np.lexsort((run.times_ms, run.sids))
        self._head.write_loose(Run(run.sids[order], run.times_ms[order], run.values[order]))


class _Upkeep:
    """What is done along the way: cells are packed, and a replay that takes its time says how far it is."""

    def __init__(self, head: Head, clock: Clock, size_bytes: int) -> None:
        self._head = head
        self._clock = clock
        self._size_bytes = size_bytes
        self._done_bytes = 0
        self._told_s = clock.monotonic_s()
        self.next_samples = LOOK_SAMPLES
        """The count of the segment's samples from which to look again."""

    def look(self, samples: int, offset: int) -> None:
        """``offset`` says how far the segment is read."""
        self.next_samples = samples + LOOK_SAMPLES
        for packing in self._head.pool.packings():
            packing.adopt(packing.packed())
        now_s = self._clock.monotonic_s()
        if now_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = now_s
            share = (self._done_bytes + offset) / max(self._size_bytes, 1)
            log.info("replaying the WAL: %.0f %% of %.0f MiB", 100 * share, self._size_bytes / (1 << 20))

    def end_segment(self, offset: int) -> None:
        """Go on with the next segment; this one had so many bytes."""
        self._done_bytes += offset
        self.next_samples = LOOK_SAMPLES


def replay(
    segments: list[Segment],
    cuts: Cuts,
    head: Head,
    index: SeriesIndex,
    exemplars: ExemplarRing,
    metrics: StoreMetrics,
    clock: Clock,
) -> int:
    """Replay the segments, oldest first, and return how many samples that brought.

    A damaged segment is replayed up to the damage; the rest of it is moved to a file beside it. One of which nothing
    is left has the size 0 then, and has no file when that was all it ever was. Raises
    OperatingError when a segment cannot be read or was written by a newer version.
    """
    samples = 0
    upkeep = _Upkeep(head, clock, sum(segment.size_bytes for segment in segments))
    for segment in segments:
        try:
            data = segment.path.read_bytes()
        except OSError as error:
            raise OperatingError(
                f"WAL segment {segment.path} cannot be read: {error.strerror}",
                retryable=False,
                remedy="check the disk and the file's permissions, or move the file away to start without it",
            ) from error
        reader = SegmentReader(data, segment.number)
        work = SegmentReplay(head, index, exemplars, cuts.covered_ms(segment.number))
        for kind, payload in reader:
            work.apply(kind, payload)
            if work.samples >= upkeep.next_samples:
                upkeep.look(work.samples, reader.offset)
        upkeep.end_segment(reader.offset)
        segment.last_ms = work.last_ms
        samples += work.samples
        if reader.damage is not None:
            _set_apart(segment, data, reader.damage, metrics)
    give_back()
    return samples


def _set_apart(segment: Segment, data: bytes, damage: Damage, metrics: StoreMetrics) -> None:
    """Cut the segment at the damage. A torn tail was never acknowledged and goes; anything else is kept aside."""
    rest = len(data) - damage.offset
    if len(data) > 5 and data[:5] == b"FHWAL" and data[5] > VERSION:
        raise OperatingError(
            f"{segment.path}: {damage.reason}", retryable=False, remedy="start the newer version that wrote it"
        )
    metrics.wal_corruptions.labels("torn_tail_cut" if damage.torn else "rest_set_apart").inc()
    try:
        if damage.torn:
            log.warning("%s ends in %s at byte %d; %d bytes cut", segment.path, damage.reason, damage.offset, rest)
        else:
            aside = segment.path.with_suffix(f".corrupt-at-{damage.offset}")
            aside.write_bytes(data[damage.offset :])
            log.error(
                "%s holds %s at byte %d; the %d bytes from there on are not replayed and kept in %s",
                segment.path,
                damage.reason,
                damage.offset,
                rest,
                aside,
            )
        if damage.torn and damage.offset == 0:
            segment.path.unlink()  # Its writer was killed before it wrote anything.
        else:
            os.truncate(segment.path, damage.offset)
    except OSError as error:
        log.error(
            "%s could not be cut at byte %d: %s; it is read up to there at every start",
            segment.path,
            damage.offset,
            error.strerror,
        )
    segment.size_bytes = damage.offset
