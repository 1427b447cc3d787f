"""What rules need of the rest of the program, as small protocols: who runs them hands these in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from fenghuo.base.clock import Clock
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.reading import Watched
from fenghuo.model.sample import AppendResult, Floats, Ints
from fenghuo.model.selection import Selection
from fenghuo.rules.functions import Query
from fenghuo.trading import Market, built_in_markets


class Cohort(Protocol):
    """Series that share timestamps: the output of one rule."""

    def rows(self, series: Sequence[Labels]) -> Ints: ...

    def append(self, time_ms: int, rows: Ints, values: Floats) -> AppendResult: ...


class Store(Protocol):
    """Where recorded samples go, and where the state of alerts is found again. Synchronous."""

    def cohort(self, key: str) -> Cohort: ...

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection: ...


Notify: TypeAlias = Callable[[list[Alert]], None]
"""Hands alerts to the notification pipeline; called from worker threads."""


Watch: TypeAlias = Callable[[str], Watched | None]
"""What an expression watches; None when its value means nothing. Raises InputError for a bad expression."""


def watch_nothing(expr: str) -> None:
    """For whoever does not tell people of alerts."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that rules reach out to."""

    query: Query
    store: Store
    notify: Notify
    clock: Clock
    market: Callable[[str], Market] = field(default_factory=lambda: built_in_markets().market)
    """The market of a name; asked anew each time, since a reload may change hours."""
    watch: Watch = watch_nothing
