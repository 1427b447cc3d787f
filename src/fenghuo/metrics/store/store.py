"""The store: one lock, an index, a head in memory, a WAL, and blocks on disk."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

import numpy as np
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.metrics.store.admission import judge, outside, plain
from fenghuo.metrics.store.block_format import DamagedError
from fenghuo.metrics.store.blocks import BlockSet
from fenghuo.metrics.store.cohort import Cohort
from fenghuo.metrics.store.exemplars import ExemplarRing
from fenghuo.metrics.store.head import EVER_MS, NEVER_MS, NOWHERE, Head
from fenghuo.metrics.store.health import StoreHealth
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.journal import Journal
from fenghuo.metrics.store.keeper import Keeper
from fenghuo.metrics.store.loose import Flat, Run, merged
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.replay import replay
from fenghuo.metrics.store.selecting import plan_select, read_select
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.source import HeadSource, Source
from fenghuo.metrics.store.wal import Wal, segments_in
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import AppendResult, Exemplar, Floats, Ints
from fenghuo.model.selection import Selection

log = logging.getLogger(__name__)

REGISTERED_AT_ONCE = 1000
"""Series registered under the lock before others get it."""


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


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatingError(
            f"the metric store cannot use {path}: {error.strerror}",
            retryable=False,
            remedy="give a directory that this user may write",
        ) from error


class Store:
    """Keeps samples and finds them again. Thread-safe; every method is synchronous."""

    def __init__(self, parts: Parts, settings: StoreSettings, clock: Clock, guard: Guard | None) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = parts.metrics
        self._index = parts.index
        self._head = parts.head
        self._wal = parts.wal
        self._blocks = parts.blocks
        self._exemplars = parts.exemplars
        self._journal = parts.journal
        self._lock = parts.lock
        self._closed = False
        self._last_append_ms: int | None = None
        self._cohorts: WeakValueDictionary[str, Cohort] = WeakValueDictionary()
        self.keeper = Keeper(parts, settings, clock, self._cohorts.__contains__, guard)
        """Cuts blocks, keeps retention, and forces the WAL to the disk."""

    @classmethod
    def open(
        cls,
        directory: Path,
        settings: StoreSettings,
        clock: Clock,
        registry: CollectorRegistry,
        guard: Guard | None = None,
    ) -> Self:
        """Open the store in ``directory``, made if need be, and replay its WAL.

        Damaged parts are set apart with a message. ``guard`` keeps the store's thread alive over faults that nobody
        foresaw. Raises OperatingError when the directory cannot be used. The directory must belong to this process
        alone (``base.files.exclusive_directory``).
        """
        metrics = StoreMetrics(registry)
        wal_directory, block_directory = directory / "wal", directory / "blocks"
        for each in (wal_directory, block_directory):
            _make_directory(each)
        index, head = SeriesIndex(), Head(settings.block_duration_ms)
        exemplars = ExemplarRing(settings.exemplars_max)
        blocks = BlockSet.open(block_directory, index, head.cohort_codes, metrics)
        head.reserve(index.bound)
        for block in blocks.blocks:
            head.recall(block.sids, block.last_ms, block.last_values)
        segments = segments_in(wal_directory)
        start_s = clock.monotonic_s()
        metrics.replayed.set(replay(segments, blocks.cuts, head, index, exemplars, metrics))
        metrics.replay_s.set(clock.monotonic_s() - start_s)
        number = max(segments[-1].number + 1 if segments else 1, blocks.cuts.next_segment)
        wal = Wal(wal_directory, number, settings.wal_segment_bytes, metrics)
        wal.segments = {segment.number: segment for segment in segments}
        store = cls(Parts(metrics, index, head, wal, blocks, Journal(wal, index), exemplars), settings, clock, guard)
        store.keeper.start()
        return store

    def close(self) -> None:
        """Stop the keeper and force the WAL to the disk. Every other call afterwards raises OperatingError."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.keeper.stop()
        with self._lock:
            try:
                self._wal.close()
            except OSError as error:
                log.error("the WAL could not be forced to the disk on closing: %s", error.strerror)
            self._blocks.close()

    def cohort(self, key: str) -> Cohort:
        """The cohort of that key: one scrape target, one rule group.

        Keep the handle for as long as you keep its rows: a cohort that nobody holds is forgotten, rows and all, when
        its last sample has left the memory.
        """
        with self._lock:
            handle = self._cohorts.get(key)
            if handle is None:
                handle = self._cohorts[key] = Cohort(key, self._rows, self._append)
            return handle

    def _rows(self, key: str, series: Sequence[Labels]) -> Ints:
        rows = np.empty(len(series), dtype=np.int64)
        for start in range(0, len(series), REGISTERED_AT_ONCE):
            part = series[start : start + REGISTERED_AT_ONCE]
            with self._lock:  # Others get their turn between: a target of 20,000 new series takes half a second.
                state = self._head.cohort(key)
                rows[start : start + len(part)] = [state.row(sid) for sid in self._register(part)]
        return rows

    def _register(self, series: Sequence[Labels]) -> list[int]:
        sids = [self._index.register(labels)[0] for labels in series]
        self._head.reserve(self._index.bound)
        return sids

    def _append(self, key: str, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        own = plain(values)
        rows = np.asarray(rows, dtype=np.int64)
        with self._lock:
            self._refuse_when_closed()
            if (reason := outside(time_ms, self._clock.now_ms(), self._settings)) is not None:
                return self._counted(AppendResult(0, {reason: len(rows)}))
            state = self._head.cohort(key)
            layout = state.lay_out(rows)
            if time_ms >= state.last_ms and (self._head.last_ms.all[layout.sids] < time_ms).all():
                if len(rows):
                    self._journal.scrape(state, time_ms, layout, own, None)
                    self._head.write(state, time_ms, layout, own)
                return self._counted(AppendResult(len(rows)))
            return self._counted(self._append_disordered(key, time_ms, rows, own))

    def _append_disordered(self, key: str, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        """A scrape of which some samples, or all, are not newer than what their series have."""
        state = self._head.cohort(key)
        sids = state.sids.all[rows]
        order = np.argsort(sids, kind="stable")
        batch = Run(sids[order], np.full(len(sids), time_ms, dtype=np.int64), values[order])
        verdict = judge(self._head, batch, self._clock.now_ms(), self._settings, self._stored)
        if time_ms < state.last_ms:
            self._write_loose(batch.kept(verdict.fresh | verdict.late))
            return verdict.result()
        late = batch.kept(verdict.late)
        fresh = np.sort(order[verdict.fresh])
        if len(fresh):
            layout = state.lay_out(rows[fresh])
            self._journal.scrape(state, time_ms, layout, values[fresh], late if len(late) else None)
            self._head.write(state, time_ms, layout, values[fresh])
            if len(late):
                self._head.write_loose(late)
        else:
            self._write_loose(late)
        return verdict.result()

    def append_samples(self, series: Sequence[Labels], times_ms: Ints, values: Floats) -> AppendResult:
        """Store samples with timestamps of their own: three parallel sequences, a series any number of times.

        Returns what became of them. Raises OperatingError (retryable) when the disk refuses; nothing of the call is
        kept then.
        """
        if not len(series):
            return AppendResult()
        own = plain(values)
        with self._lock:
            self._refuse_when_closed()
            sids = np.array(self._register(series), dtype=np.int32)
            order = np.lexsort((times_ms, sids))
            batch = Run(sids[order], np.asarray(times_ms, dtype=np.int64)[order], own[order])
            verdict = judge(self._head, batch, self._clock.now_ms(), self._settings, self._stored)
            self._write_loose(batch.kept(verdict.fresh | verdict.late))
            return self._counted(verdict.result())

    def _stored(self, sids: Ints, start_ms: int, end_ms: int) -> Flat:
        while True:
            try:
                sources = self._sources(start_ms, end_ms)
                return merged([flat for each in sources for flat in each.plan(sids, start_ms, end_ms).read()])
            except DamagedError as damage:
                self._blocks.set_apart(damage)

    def _write_loose(self, run: Run) -> None:
        if len(run):
            self._journal.loose(run)
            self._head.write_loose(run)

    def _counted(self, result: AppendResult) -> AppendResult:
        if result.accepted:
            self._metrics.appended.inc(result.accepted)
            self._last_append_ms = self._clock.now_ms()
            self._metrics.last_append.set(self._last_append_ms / 1000)
        for reason, count in result.rejected.items():
            self._metrics.rejected.labels(reason).inc(count)
        return result

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise OperatingError("the metric store is closed", retryable=False)

    def append_exemplars(self, exemplars: Sequence[tuple[Labels, Exemplar]]) -> None:
        """Keep exemplars; one without a time is of now. Those not newer than their series' last are left out."""
        now_ms = self._clock.now_ms()
        with self._lock:
            self._refuse_when_closed()
            timed = [
                (series, each if each.time_ms is not None else Exemplar(each.labels, each.value, now_ms))
                for series, each in exemplars
            ]
            if timed and self._settings.exemplars_max:
                self._journal.exemplars(timed)
                kept = sum(self._exemplars.add(series, each) for series, each in timed)
                self._metrics.exemplars.inc(kept)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """All samples with ``start_ms <= time <= end_ms`` of the series that every matcher accepts.

        A block that turns out to be damaged is set apart, and the answer comes without it.
        """
        while True:
            with self._lock:
                sids = self._index.match(matchers)
                labels = self._index.label_table(sids)
                plan = plan_select(self._sources(start_ms, end_ms), sids, labels, start_ms, end_ms)
            try:
                return read_select(plan)
            except DamagedError as damage:
                with self._lock:
                    self._blocks.set_apart(damage)

    def _sources(self, start_ms: int, end_ms: int) -> list[Source]:
        self._refuse_when_closed()
        return [*self._blocks.between(start_ms, end_ms), HeadSource(self._head)]

    def _present(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> Ints:
        """The series that any set accepts and that some part of the store has between the times."""
        sources = self._sources(start_ms, end_ms)
        sets = [self._index.match(matchers) for matchers in matcher_sets] or [self._index.all_sids()]
        sids = sets[0] if len(sets) == 1 else np.unique(np.concatenate(sets))
        present = np.zeros(len(sids), dtype=np.bool_)
        for source in sources:
            present |= source.place(sids, start_ms, end_ms) != NOWHERE
        return sids[present]

    def series(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[Labels]:
        """The label sets of the series that any of the matcher sets accepts, sorted; no sets means all series."""
        with self._lock:
            table = self._index.label_table(self._present(matcher_sets, start_ms, end_ms))
        return sorted(table.rows())

    def label_names(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """The names of the labels that those series have, sorted."""
        with self._lock:
            table = self._index.label_table(self._present(matcher_sets, start_ms, end_ms))
        return sorted(name for name, column in table.columns.items() if column.codes.any())

    def label_values(
        self, name: str, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """The values that those series have for one label, sorted."""
        with self._lock:
            table = self._index.label_table(self._present(matcher_sets, start_ms, end_ms))
        column = table.columns.get(name)
        if column is None:
            return []
        return sorted(column.dictionary.values[code] for code in np.unique(column.codes).tolist() if code)

    def exemplars(
        self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[Labels, list[Exemplar]]]:
        """The exemplars between the times of the series that any of the matcher sets accepts, sorted by series."""
        with self._lock:
            return self._exemplars.select(matcher_sets, start_ms, end_ms)

    def health(self) -> StoreHealth:
        """How the store is doing. Waits for nobody."""
        troubles = (self._wal.write_trouble, self._wal.sync_trouble, self.keeper.trouble)
        return StoreHealth(tuple(filter(None, troubles)), self._last_append_ms, self._metrics.corruptions)

    def statistics(self, top: int = 10) -> StoreStatistics:
        """Counts over the head, the ``top`` largest of each kind."""
        with self._lock:
            sids = np.flatnonzero(self._head.last_ms.view > NEVER_MS)
            firsts, lasts = self._head.first_ms.all[sids], self._head.last_ms.all[sids]
            present = self._head.place(sids, NEVER_MS, EVER_MS) != NOWHERE
            table = self._index.label_table(sids[present])
            pages, blocks, wal_bytes = self._head.pool.pages, len(self._blocks), self._wal.size_bytes
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
            series_by_metric=largest(
                [(texts["__name__"][code], int(metric[code])) for code in used.get("__name__", ())]
            ),
            values_by_label=largest([(name, len(codes)) for name, codes in used.items() if len(codes)]),
            value_bytes_by_label=largest(
                [(name, sum(len(texts[name][code].encode()) for code in codes)) for name, codes in used.items()]
            ),
            series_by_label_pair=largest(
                [
                    (f"{name}={texts[name][code]}", int(counts[name][code]))
                    for name, codes in used.items()
                    for code in codes
                ]
            ),
            blocks=blocks,
            wal_bytes=wal_bytes,
        )
