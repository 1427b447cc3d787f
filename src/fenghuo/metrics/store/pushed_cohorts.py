"""Which cohort a pushed series belongs to.

Senders push scrapes: the series of one target come with one timestamp, some hundred in a request. So the series of a
request that nobody pushed before and that have the same ``job``, ``instance`` and timestamp become a cohort. Later
requests may bring a column of it in several parts, which is what :meth:`Cohort.append` allows.

A sender may spread the series of a target over several connections, one of which lags behind. A series whose cohort
has gone past its sample moves to another cohort of its target that has not, or to a new one; so series part by
connection after a while, and stay together from then on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.arrays import Growing, distinct
from fenghuo.metrics.store.cohort_state import CohortState
from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.index import SeriesIndex
from fenghuo.model.label_table import LabelTable
from fenghuo.model.sample import Bools, Ints

NOBODY = 0
"""The code of no cohort."""
ROWS_MIN = 4
"""Fewer series do not begin a cohort: a scrape costs some 60 us whatever its size, a loose sample 5 us."""
KEY_PREFIX = "pushed "
_KEY_CHARS_MAX = 200
_TARGETS_MIN = 100
"""So many targets are not worth looking through for those that are gone."""

Target = tuple[str, str]


class PushedCohorts:
    """Assigns pushed series to cohorts. Called under the store's lock."""

    def __init__(self, head: Head, index: SeriesIndex) -> None:
        self._head = head
        self._index = index
        self._codes: Growing[np.int32] = Growing(np.int32, NOBODY)
        """By series: its cohort when it was last pushed. Not to be trusted before the cohort's row says the same."""
        self._rows: Growing[np.int64] = Growing(np.int64, 0)
        self._of_target: dict[Target, list[int]] = {}
        self._next_number = 1 + max(map(_number_of, head.cohort_codes.values), default=0)

    def place(self, sids: Ints, times_ms: Ints, wanted: Bools) -> tuple[npt.NDArray[np.int32], Ints]:
        """Codes and rows: where each sample goes. ``wanted`` marks those that a cohort may take.

        Samples that no cohort takes have the code :data:`NOBODY`.
        """
        self._codes.grow(self._index.bound)
        self._rows.grow(self._index.bound)
        homeless = wanted & ~self._known(sids, times_ms)
        if homeless.any():
            self._settle(sids, times_ms, np.flatnonzero(homeless))
            wanted = wanted & self._known(sids, times_ms)
        return np.where(wanted, self._codes.all[sids], np.int32(NOBODY)), self._rows.all[sids]

    def _known(self, sids: Ints, times_ms: Ints) -> Bools:
        """bool[n]: whose cohort has a row for it and has not gone past its time."""
        codes, rows = self._codes.all[sids], self._rows.all[sids]
        known = np.zeros(len(sids), dtype=np.bool_)
        for code, picked in _split(codes):
            state = self._head.cohorts.get(code)
            if state is not None:
                own = state.holds(rows[picked]) & (state.places_of(sids[picked]) >= 0)
                known[picked] = own & (times_ms[picked] >= state.last_ms)
        return known

    def _settle(self, sids: Ints, times_ms: Ints, homeless: Ints) -> None:
        """Find cohorts for the samples at ``homeless``; a series that finds none keeps what it had."""
        table = self._index.label_table(sids[homeless])
        order = np.lexsort((times_ms[homeless], *_target_codes(table)))
        jobs, instances = (codes[order] for codes in _target_codes(table))
        times = times_ms[homeless][order]
        changes = (jobs[1:] != jobs[:-1]) | (instances[1:] != instances[:-1]) | (times[1:] != times[:-1])
        for picked in np.split(order, np.flatnonzero(changes) + 1):
            target = (_text(table, "job", picked[0]), _text(table, "instance", picked[0]))
            places = homeless[picked]
            self._settle_group(target, sids[places], int(times_ms[places[0]]))

    def _settle_group(self, target: Target, sids: Ints, time_ms: int) -> None:
        """Find a cohort for series of one target that have a sample at ``time_ms``."""
        sids = distinct(sids)
        sids = self._remembered(target, sids[~self._known(sids, np.full(len(sids), time_ms))], time_ms)
        if not len(sids):
            return
        codes = self._alive(target)
        fitting = [code for code in codes if self._head.cohorts[code].last_ms <= time_ms]
        moving = bool((self._codes.all[sids] != NOBODY).any())
        if fitting and (moving or len(sids) < ROWS_MIN):
            state = self._head.cohorts[max(fitting, key=lambda code: self._head.cohorts[code].last_ms)]
        elif len(sids) >= ROWS_MIN:
            state = self._begin(target)
        else:
            return
        self._join(state, sids)

    def _remembered(self, target: Target, sids: Ints, time_ms: int) -> Ints:
        """Give series that the head knows from before a start their cohorts back; the rest is returned."""
        homes = np.where(self._codes.all[sids] == NOBODY, self._head.homes.all[sids], -1)
        left = np.ones(len(sids), dtype=np.bool_)
        for code, picked in _split(homes):
            state = self._head.cohorts.get(code)
            if state is not None and state.key.startswith(KEY_PREFIX):
                codes = self._of_target.setdefault(target, [])
                if code not in codes:
                    codes.append(code)
                if state.last_ms <= time_ms:
                    self._join(state, sids[picked])
                    left[picked] = False
        return sids[left]

    def _join(self, state: CohortState, sids: Ints) -> None:
        self._codes.all[sids] = state.code
        self._rows.all[sids] = state.join(sids)

    def _alive(self, target: Target) -> list[int]:
        codes = [code for code in self._of_target.get(target, []) if code in self._head.cohorts]
        if codes:
            self._of_target[target] = codes
        else:
            self._of_target.pop(target, None)
        return codes

    def _begin(self, target: Target) -> CohortState:
        if len(self._of_target) > 2 * len(self._head.cohorts) + _TARGETS_MIN:
            for each in list(self._of_target):  # Targets that come no more are not asked for, and would stay.
                self._alive(each)
        key = f"{KEY_PREFIX}{self._next_number} {'/'.join(target)[:_KEY_CHARS_MAX]}"
        self._next_number += 1
        state = self._head.cohort(key)
        self._of_target.setdefault(target, []).append(state.code)
        return state


def _number_of(key: str) -> int:
    """The number in the key of a pushed cohort; 0 for the keys of others."""
    number = key.removeprefix(KEY_PREFIX).partition(" ")[0] if key.startswith(KEY_PREFIX) else ""
    return int(number) if number.isdecimal() else 0


def _split(codes: npt.NDArray[np.int32] | Ints) -> Iterator[tuple[int, Ints]]:
    """Each code above :data:`NOBODY`, with the places where it stands."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    for picked in np.split(order, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1):
        if len(picked) and codes[picked[0]] > NOBODY:
            yield int(codes[picked[0]]), picked


def _target_codes(table: LabelTable) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    none = np.zeros(table.size, dtype=np.int32)
    found = [table.columns[name].codes if name in table.columns else none for name in ("job", "instance")]
    return found[0], found[1]


def _text(table: LabelTable, name: str, row: int) -> str:
    column = table.columns.get(name)
    return "" if column is None else column.dictionary.values[column.codes[row]]
