"""What a query needs of a part of the store: the head, or a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.head import Head
from fenghuo.metrics.store.head_read import cohort_spans, flat_plan
from fenghuo.model.sample import Floats, Ints
from fenghuo.model.selection import RaggedBlock


class Span(Protocol):
    """A stretch of one cohort's time for some of its series."""

    @property
    def times_ms(self) -> Ints:
        """int64[T], strictly increasing."""
        ...

    def fill(self, out: Floats) -> None:
        """Write the values to ``out``, float64[rows, T], ABSENT_NAN where there is none. Needs no lock."""
        ...


class Plan(Protocol):
    """A way to read series sample by sample."""

    def read(self) -> list[RaggedBlock]:
        """The samples, in parts; the series of each are positions among those of the plan. Needs no lock."""
        ...


class Source(Protocol):
    """A part of the store. All methods are called under the store's lock; what they return is read without."""

    def place(self, sids: Ints, start_ms: int, end_ms: int) -> npt.NDArray[np.int32]:
        """Where each series' samples between the times are: a cohort's code, MIXED, or NOWHERE."""
        ...

    def spans(self, cohort: int, sids: Ints, start_ms: int, end_ms: int) -> Sequence[Span]:
        """The cohort's samples of these series, all placed there or nowhere, in order of time."""
        ...

    def plan(self, sids: Ints, start_ms: int, end_ms: int) -> Plan:
        """How to read these series sample by sample, wherever they are."""
        ...


class HeadSource:
    """The head as a source."""

    def __init__(self, head: Head) -> None:
        self._head = head

    def place(self, sids: Ints, start_ms: int, end_ms: int) -> npt.NDArray[np.int32]:
        return self._head.place(sids, start_ms, end_ms)

    def spans(self, cohort: int, sids: Ints, start_ms: int, end_ms: int) -> Sequence[Span]:
        state = self._head.cohorts.get(cohort)
        return [] if state is None else cohort_spans(state, sids, start_ms, end_ms)

    def plan(self, sids: Ints, start_ms: int, end_ms: int) -> Plan:
        return flat_plan(self._head, sids, start_ms, end_ms)
