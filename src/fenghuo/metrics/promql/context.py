"""What one query carries along while it is evaluated: data, limits, annotations, and the whole query's bounds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fenghuo.base.clock import Clock
from fenghuo.metrics.promql.annotations import Annotations
from fenghuo.metrics.promql.errors import QueryCancelledError, QueryTimeoutError, TooManySamplesError
from fenghuo.metrics.promql.grid import Grid
from fenghuo.metrics.promql.limits import SAMPLES_MAX, TIMEOUT_S
from fenghuo.model.matcher import Matcher
from fenghuo.model.selection import DenseBlock, Selection


class Queryable(Protocol):
    """What the engine needs of a store."""

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """The series that match all matchers, with their samples from ``start_ms`` to ``end_ms``, both inclusive."""
        ...


@dataclass(slots=True)
class Context:
    """The state of one query. ``deadline_s`` is in the clock's monotonic seconds."""

    text: str
    queryable: Queryable
    clock: Clock
    grid: Grid
    is_range: bool
    lookback_ms: int
    subquery_step_ms: int
    samples_max: int
    deadline_s: float
    cancel: threading.Event | None
    notes: Annotations
    pinned: frozenset[int] = frozenset()
    """The ids of the tree's nodes that have one value for all steps."""
    samples: int = 0
    _selections: dict[tuple[tuple[Matcher, ...], int, int], Selection] = field(default_factory=dict)

    @property
    def step_ms(self) -> int:
        """The query's step; an instant query has none."""
        return self.grid.step_ms if self.is_range else 0

    def check(self) -> None:
        """Raise when nobody waits for the answer any more. Called between any two pieces of array work."""
        if self.cancel is not None and self.cancel.is_set():
            raise QueryCancelledError
        if self.clock.monotonic_s() > self.deadline_s:
            TIMEOUT_S.hit()
            raise QueryTimeoutError

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> Selection:
        """Ask the store, once for each question. Raises TooManySamplesError when the query has read too much."""
        key = (matchers, start_ms, end_ms)
        selection = self._selections.get(key)
        if selection is None:
            self.check()
            selection = self.queryable.select(matchers, start_ms, end_ms)
            self.samples += sum(
                block.values.size if isinstance(block, DenseBlock) else len(block.times_ms)
                for block in selection.blocks
            )
            self.fits(0)
            self._selections[key] = selection
        return selection

    def allows(self, values: int) -> None:
        """Refuse a vector of so many values. As in Prometheus, samples that are read for it are not counted with it."""
        if values > self.samples_max:
            SAMPLES_MAX.hit()
            raise TooManySamplesError

    def fits(self, values: int) -> None:
        """Refuse to make an array of ``values`` elements beside the samples, if that is over the limit."""
        self.allows(self.samples + values)
