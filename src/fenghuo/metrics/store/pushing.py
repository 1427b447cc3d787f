"""Writing what senders push: many series, each known by a number that was asked for before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.base.clock import Clock
from fenghuo.metrics.store.admission import plain
from fenghuo.metrics.store.bounds import LIMIT
from fenghuo.metrics.store.journal import Scrape
from fenghuo.metrics.store.loose import Run
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.pushed_cohorts import NOBODY, PushedCohorts
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.writing import REF_BITS, Writer, beside
from fenghuo.model.sample import REFUSED, AppendResult, Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push."""

    result: AppendResult
    gone: Bools | None = None
    """bool[n]: references to series that the store has forgotten; then nothing of the push was stored."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Samples of one cohort at one time: where they stand in the push, and their rows."""

    code: int
    time_ms: int
    places: Ints
    rows: Ints


class Pusher:
    """Takes samples by reference. Thread-safe."""

    def __init__(self, parts: Parts, writer: Writer, settings: StoreSettings, clock: Clock) -> None:
        self._parts = parts
        self._head = parts.head
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._cohorts = PushedCohorts(parts.head, parts.index)

    def push(self, refs: Ints, times_ms: Ints, values: Floats) -> PushResult:
        """Store samples; see :meth:`Store.push`."""
        given = refs != REFUSED
        if not given.all():
            pushed = self.push(refs[given], times_ms[given], values[given])
            return self._beside_refused(pushed, given)
        own = plain(values)
        sids = refs & (1 << REF_BITS) - 1
        with self._parts.lock:
            self._parts.refuse_when_closed()
            gone = self._parts.index.generations.all[sids] != refs >> REF_BITS
            if gone.any():
                return PushResult(AppendResult(), gone)
            columns, rest = self._columns(sids, times_ms)
            verdict, loose = self._writer.judged(sids[rest], times_ms[rest], own[rest])
            for columns_at_once in _rounds(columns) or [[]]:
                self._write(columns_at_once, own, loose)
                loose = None
            whole = sum(len(each.places) for each in columns)
            return PushResult(self._writer.counted(AppendResult(whole + verdict.accepted, verdict.rejected)))

    def _beside_refused(self, pushed: PushResult, given: Bools) -> PushResult:
        """The result of a push of which only what is ``given`` was tried."""
        if pushed.gone is not None:
            gone = np.zeros(len(given), dtype=np.bool_)
            gone[given] = pushed.gone
            return PushResult(pushed.result, gone)
        refused = int(np.count_nonzero(~given))
        with self._parts.lock:
            self._writer.counted(AppendResult(0, {LIMIT: refused}))
        return PushResult(beside(pushed.result, refused))

    def _write(self, columns: list[_Column], own: Floats, loose: Run | None) -> None:
        """Record and store columns of different cohorts, and loose samples with them."""
        scrapes = []
        for each in columns:
            state = self._head.cohorts[each.code]
            scrapes.append(Scrape(state, each.time_ms, state.lay_out(each.rows), own[each.places]))
        if scrapes or loose is not None:
            self._parts.journal.scrapes(scrapes, loose)
        for scrape in scrapes:
            self._head.write(scrape.state, scrape.time_ms, scrape.layout, scrape.values)
        if loose is not None:
            self._head.write_loose(loose)

    def _columns(self, sids: Ints, times_ms: Ints) -> tuple[list[_Column], Ints]:
        """The samples that go to cohorts, in order of time, and the places of the others."""
        codes, rows = self._cohorts.place(sids, times_ms, self._plain_ones(sids, times_ms))
        order = np.lexsort((sids, times_ms, codes))
        homes, times = codes[order], times_ms[order]
        starts = np.flatnonzero(np.r_[True, (homes[1:] != homes[:-1]) | (times[1:] != times[:-1])])
        columns, rest = [], []
        for places in np.split(order, starts[1:]):
            if len(places):
                code, time_ms = int(codes[places[0]]), int(times_ms[places[0]])
                if code == NOBODY or (np.diff(sids[places]) == 0).any():
                    rest.append(places)
                else:
                    columns.append(_Column(code, time_ms, places, rows[places]))
        return columns, np.concatenate([np.empty(0, dtype=np.int64), *rest])

    def _plain_ones(self, sids: Ints, times_ms: Ints) -> Bools:
        """bool[n]: newer than what the series has, and within the bounds of time."""
        now_ms, settings = self._clock.now_ms(), self._settings
        wanted: Bools = self._head.last_ms.all[sids] < times_ms
        if settings.future_window_ms:
            wanted &= times_ms <= now_ms + settings.future_window_ms
        if settings.retention_ms:
            wanted &= times_ms >= now_ms - settings.retention_ms
        return wanted


def _rounds(columns: list[_Column]) -> list[list[_Column]]:
    """The columns, ordered by cohort and time, in rounds that have one of each cohort at most."""
    rounds: list[list[_Column]] = []
    code, number = NOBODY, 0
    for each in columns:
        number = number + 1 if each.code == code else 0
        code = each.code
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(each)
    return rounds
