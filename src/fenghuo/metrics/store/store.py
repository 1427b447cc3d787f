"""The store: one lock, an index, a head in memory, a WAL, and blocks on disk.

What it does stands elsewhere: writing in ``writing.py``, reading in ``reading.py``, upkeep in ``keeper.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

from prometheus_client import CollectorRegistry

from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.metrics.store.backfill import Backfill
from fenghuo.metrics.store.blocks import BlockSet
from fenghuo.metrics.store.cohort import Cohort
from fenghuo.metrics.store.deleting import Deleter
from fenghuo.metrics.store.exemplars import ExemplarRing
from fenghuo.metrics.store.exporting import Exporter
from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.health import StoreHealth
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.metrics.store.journal import Journal
from fenghuo.metrics.store.keeper import Keeper
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.pushing import Pusher, PushResult
from fenghuo.metrics.store.reading import Reader
from fenghuo.metrics.store.replay import replay
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.snapshot import take_snapshot
from fenghuo.metrics.store.statistics import StoreStatistics, statistics
from fenghuo.metrics.store.tail import WalTail
from fenghuo.metrics.store.wal import Wal, segments_in
from fenghuo.metrics.store.writing import Writer
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import AppendResult, Exemplar, Floats, Ints
from fenghuo.model.selection import Selection

log = logging.getLogger(__name__)


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
        self._parts = parts
        self._reader = Reader(parts)
        self._writer = Writer(parts, self._reader, settings, clock)
        self._pusher = Pusher(parts, self._writer, settings, clock)
        self._deleter = Deleter(parts)
        self._exporter = Exporter(parts, self._reader)
        self._clock = clock
        self._settings = settings
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
            head.recall(*block.newest())
        segments = segments_in(wal_directory)
        start_s = clock.monotonic_s()
        metrics.replayed.set(replay(segments, blocks.cuts, head, index, exemplars, metrics, clock))
        metrics.replay_s.set(clock.monotonic_s() - start_s)
        number = max(segments[-1].number + 1 if segments else 1, blocks.cuts.next_segment)
        wal = Wal(wal_directory, number, settings.wal_segment_bytes, metrics)
        wal.segments = {segment.number: segment for segment in segments if segment.size_bytes}
        store = cls(Parts(metrics, index, head, wal, blocks, Journal(wal, index), exemplars), settings, clock, guard)
        store.keeper.start()
        return store

    def close(self) -> None:
        """Stop the keeper and force the WAL to the disk. Every other call afterwards raises OperatingError."""
        parts = self._parts
        with parts.lock:
            if parts.closed:
                return
            parts.closed = True
        self.keeper.stop()
        with parts.lock:
            try:
                parts.wal.close()
            except OSError as error:
                log.error("the WAL could not be forced to the disk on closing: %s", error.strerror)
            parts.blocks.close()

    def cohort(self, key: str) -> Cohort:
        """The cohort of that key: one scrape target, one rule group.

        Keep the handle for as long as you keep numbers of its rows: a cohort that nobody holds is forgotten when its
        last sample has left the memory, and one of the same key numbers its rows anew.
        """
        with self._parts.lock:
            handle = self._cohorts.get(key)
            if handle is None:
                handle = self._cohorts[key] = Cohort(key, self._writer.rows, self._writer.append)
            return handle

    def append_samples(self, series: Sequence[Labels], times_ms: Ints, values: Floats) -> AppendResult:
        """Store samples with timestamps of their own: three parallel sequences, a series any number of times.

        Returns what became of them. Raises OperatingError (retryable) when the disk refuses; nothing of the call is
        kept then.
        """
        return self._writer.append_samples(series, times_ms, values)

    def refs(self, series: Sequence[Labels]) -> Ints:
        """int64[n]: references to series for :meth:`push`, new ones registered.

        A reference holds until the store forgets the series, some hours after its last sample. Raises InputError for
        labels that are not valid UTF-8 text.
        """
        return self._writer.refs(series)

    def push(self, refs: Ints, times_ms: Ints, values: Floats) -> PushResult:
        """Store samples of series known by reference: three parallel arrays, a series any number of times.

        Series that share timestamps are kept as cohorts, which is found out here. When it returns, the operating
        system has the samples; unless ``gone`` is set, and then nothing was stored. Raises OperatingError (retryable)
        when the disk refuses; a part of the samples may be stored then, and pushing all again is harmless.
        """
        return self._pusher.push(refs, times_ms, values)

    def backfill(self) -> Backfill:
        """An import of old samples, which go straight into blocks."""
        return Backfill(self._parts, self._settings, self._clock, self._writer.bounds)

    def append_exemplars(self, exemplars: Sequence[tuple[Labels, Exemplar]]) -> None:
        """Keep exemplars; one without a time is of now. Those not newer than their series' last are left out."""
        self._writer.append_exemplars(exemplars)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """All samples with ``start_ms <= time <= end_ms`` of the series that every matcher accepts.

        What of a block turns out to be damaged is told and counted, and the answer comes without it.
        """
        return self._reader.select(matchers, start_ms, end_ms)

    def series(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[Labels]:
        """The label sets of the series that any of the matcher sets accepts, sorted; no sets means all series."""
        return self._reader.series(matcher_sets, start_ms, end_ms)

    def label_names(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """The names of the labels that those series have, sorted."""
        return self._reader.label_names(matcher_sets, start_ms, end_ms)

    def label_values(
        self, name: str, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """The values that those series have for one label, sorted."""
        return self._reader.label_values(name, matcher_sets, start_ms, end_ms)

    def exemplars(
        self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[Labels, list[Exemplar]]]:
        """The exemplars between the times of the series that any of the matcher sets accepts, sorted by series."""
        return self._reader.exemplars(matcher_sets, start_ms, end_ms)

    def export(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> Iterator[Selection]:
        """All samples with ``start_ms <= time <= end_ms`` of the series that any of the matcher sets accepts.

        They come in pieces of some million samples, which are read when they are asked for: some series and some time
        each, the same series in order of time. Series that begin meanwhile are left out.
        """
        return self._exporter.export(matcher_sets, start_ms, end_ms)

    def delete(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> None:
        """Delete the samples with ``start_ms <= time <= end_ms`` of the series that every matcher accepts.

        It hits what is there at this moment; a sample that is written later is kept, whatever its time. Waits for a
        block that is being written. Raises OperatingError when the disk refuses; a part may be deleted then, and
        deleting again deletes the rest.
        """
        self._deleter.delete(matchers, start_ms, end_ms)

    def clean_tombstones(self) -> None:
        """Take deleted samples off the disk. Raises OperatingError when it refuses."""
        with self._parts.lock:
            self._parts.refuse_when_closed()
        try:
            self.keeper.clean()
        except OSError as error:
            raise OperatingError(
                f"a block could not be written anew: {error.strerror or error}",
                retryable=True,
                remedy="deleted samples stay on the disk until it is; nobody sees them",
            ) from error

    def snapshot(self, directory: Path, *, skip_head: bool = False) -> str:
        """Make a directory below ``directory`` that holds all samples of this moment; returns its name.

        In it is a directory that is named and laid out as the store's own, and that a store can be opened in. It
        appears whole or not at all. Its files are the store's own under a second name: copy it before a store is
        opened in it. With ``skip_head`` the samples that are not in blocks yet are left out. Waits for a block that is
        being written. Raises OperatingError when the disk refuses.
        """
        return take_snapshot(self._parts, directory, self._clock.now_ms(), skip_head)

    def tail(self) -> WalTail:
        """What was appended, in the order in which it was, for whoever passes it on."""
        return WalTail(self._parts.wal, self._parts.lock)

    def health(self) -> StoreHealth:
        """How the store is doing. Waits for nobody."""
        wal = self._parts.wal
        troubles = (wal.write_trouble, wal.sync_trouble, self.keeper.trouble, *self._writer.bounds.troubles())
        return StoreHealth(tuple(filter(None, troubles)), self._writer.last_append_ms, self._parts.metrics.corruptions)

    def statistics(self, top: int = 10) -> StoreStatistics:
        """Counts over the head, the ``top`` largest of each kind."""
        return statistics(self._parts, top)
