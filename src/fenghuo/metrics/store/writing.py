"""Writing: what comes in is judged, recorded in the WAL, and put into the head, in that order and under the lock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fenghuo.base.clock import Clock
from fenghuo.metrics.store.admission import judge, outside, plain
from fenghuo.metrics.store.bounds import LIMIT, Bounds
from fenghuo.metrics.store.cohort_state import CohortState
from fenghuo.metrics.store.loose import Run
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.reading import Reader
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.sample import REFUSED, AppendResult, Exemplar, Floats, Ints

REGISTERED_AT_ONCE = 1000
"""Series registered under the lock before others get it."""
REF_BITS = 32
"""A reference to a series is its number, and above these bits how many series had that number before."""


class Writer:
    """Takes samples and exemplars. Thread-safe."""

    def __init__(self, parts: Parts, reader: Reader, settings: StoreSettings, clock: Clock) -> None:
        self._parts = parts
        self._head = parts.head
        self._journal = parts.journal
        self._metrics = parts.metrics
        self._lock = parts.lock
        self._reader = reader
        self._settings = settings
        self._clock = clock
        self.bounds = Bounds(settings, clock)
        self.last_append_ms: int | None = None
        """When samples were last accepted, by the clock."""

    def rows(self, key: str, series: Sequence[Labels]) -> Ints:
        """int64[n]: the rows of the series in the cohort ``key``, new ones registered."""
        rows = np.empty(len(series), dtype=np.int64)
        for start in range(0, len(series), REGISTERED_AT_ONCE):
            part = series[start : start + REGISTERED_AT_ONCE]
            with self._lock:  # Others get their turn between: a target of 20,000 new series takes half a second.
                rows[start : start + len(part)] = self._joined(self._head.cohort(key), part)
        return rows

    def refs(self, series: Sequence[Labels]) -> Ints:
        """int64[n]: references to the series, new ones registered; see :meth:`Store.refs`."""
        refs = np.empty(len(series), dtype=np.int64)
        for start in range(0, len(series), REGISTERED_AT_ONCE):
            part = series[start : start + REGISTERED_AT_ONCE]
            with self._lock:
                sids = self._register(part)
                generations = self._parts.index.generations.all[sids].astype(np.int64)
                refs[start : start + len(part)] = np.where(sids < 0, REFUSED, generations << REF_BITS | sids)
        return refs

    def _joined(self, state: CohortState, series: Sequence[Labels]) -> Ints:
        """The numbers of the rows of series in a cohort; REFUSED where a limit stands against it."""
        rows = np.full(len(series), REFUSED, dtype=np.int64)
        sids = self._parts.index.find(labels.pairs for labels in series)
        outside = np.flatnonzero((sids < 0) | (state.places_of(np.maximum(sids, 0)) < 0))
        room = self.bounds.target_room(state.key, len(outside), len(state))
        taken = np.delete(np.arange(len(series)), outside[room:])
        sids = self._register([series[place] for place in taken.tolist()], sids[taken])
        rows[taken[sids >= 0]] = state.join(sids[sids >= 0])
        return rows

    def _register(self, series: Sequence[Labels], sids: Ints | None = None) -> Ints:
        """int64[n]: the numbers of the series, new ones entered; REFUSED where a limit stands against it.

        ``sids`` is what the index finds of them, when that is known.
        """
        index = self._parts.index
        if sids is None:
            sids = index.find(labels.pairs for labels in series)
        if not (unknown := sids < 0).any():
            return sids
        fresh = [series[place] for place in np.flatnonzero(unknown).tolist()]
        admitted = self.bounds.admitted(list(dict.fromkeys(fresh)), len(index))
        entered = index.register(labels.pairs for labels in admitted)
        if len(entered) != len(fresh):
            numbers = dict(zip(admitted, entered.tolist(), strict=True))
            entered = np.array([numbers.get(labels, REFUSED) for labels in fresh], dtype=np.int64)
        self._head.reserve(index.bound)
        sids[unknown] = entered
        return sids

    def append(self, key: str, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        """Store one scrape of the cohort ``key``; see :meth:`Cohort.append`."""
        own = plain(values)
        rows = np.asarray(rows, dtype=np.int64)
        with self._lock:
            self._parts.refuse_when_closed()
            if (reason := outside(time_ms, self._clock.now_ms(), self._settings)) is not None:
                return self.counted(AppendResult(0, {reason: len(rows)}))
            state = self._head.cohort(key)
            refused = 0
            if state.layout.rows_bytes != rows.tobytes() and not (given := rows != REFUSED).all():
                refused = int(np.count_nonzero(~given))
                rows, own = rows[given], own[given]
            return self.counted(beside(self._append(state, time_ms, rows, own), refused))

    def _append(self, state: CohortState, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        layout = state.lay_out(rows)
        if time_ms < state.last_ms or (self._head.last_ms.all[layout.sids] >= time_ms).any():
            return self._append_disordered(state, time_ms, rows, values)
        if len(rows):
            self._journal.scrape(state, time_ms, layout, values, None)
            self._head.write(state, time_ms, layout, values)
        return AppendResult(len(rows))

    def _append_disordered(self, state: CohortState, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        """A scrape of which some samples, or all, are not newer than what their series have."""
        sids = state.lay_out(rows).sids.astype(np.int32)
        order = np.argsort(sids, kind="stable")
        batch = Run(sids[order], np.full(len(sids), time_ms, dtype=np.int64), values[order])
        verdict = judge(self._head, batch, self._clock.now_ms(), self._settings, self._reader.stored)
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
        """Store samples with timestamps of their own; see :meth:`Store.append_samples`."""
        if not len(series):
            return AppendResult()
        own = plain(values)
        with self._lock:
            self._parts.refuse_when_closed()
            sids, times = self._register(series), np.asarray(times_ms, dtype=np.int64)
            given = sids != REFUSED
            result, loose = self.judged(sids[given], times[given], own[given])
            if loose is not None:
                self._write_loose(loose)
            return self.counted(beside(result, int(np.count_nonzero(~given))))

    def judged(self, sids: Ints, times_ms: Ints, values: Floats) -> tuple[AppendResult, Run | None]:
        """What becomes of samples, in any order, and those of them that are to be stored. The lock is held."""
        if not len(sids):
            return AppendResult(), None
        order = np.lexsort((times_ms, sids))
        batch = Run(sids[order].astype(np.int32), times_ms[order], values[order])
        verdict = judge(self._head, batch, self._clock.now_ms(), self._settings, self._reader.stored)
        kept = batch.kept(verdict.fresh | verdict.late)
        return verdict.result(), kept if len(kept) else None

    def _write_loose(self, run: Run) -> None:
        if len(run):
            self._journal.loose(run)
            self._head.write_loose(run)

    def counted(self, result: AppendResult) -> AppendResult:
        """The same result, counted. The lock is held."""
        if result.accepted:
            self._metrics.appended.inc(result.accepted)
            self.last_append_ms = self._clock.now_ms()
            self._metrics.last_append.set(self.last_append_ms / 1000)
        for reason, count in result.rejected.items():
            self._metrics.rejected.labels(reason).inc(count)
        return result

    def append_exemplars(self, exemplars: Sequence[tuple[Labels, Exemplar]]) -> None:
        """Keep exemplars; see :meth:`Store.append_exemplars`."""
        now_ms = self._clock.now_ms()
        with self._lock:
            self._parts.refuse_when_closed()
            if not self._settings.exemplars_max:
                return
            ring = self._parts.exemplars
            fresh = [
                (series, timed) for series, each in exemplars if (timed := ring.timed(series, each, now_ms)) is not None
            ]
            if fresh:
                self._journal.exemplars(fresh)
                self._metrics.exemplars.inc(sum(ring.add(series, each) for series, each in fresh))


def beside(result: AppendResult, refused: int) -> AppendResult:
    """The same with samples of refused series."""
    return AppendResult(result.accepted, {**result.rejected, LIMIT: refused}) if refused else result
