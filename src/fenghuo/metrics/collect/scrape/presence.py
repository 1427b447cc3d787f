"""Which series of a target are there, so that those that end get a staleness marker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fenghuo.metrics.collect.scrape.plan import NO_ROWS, Plan
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Ints

UNCOUNTED_MAX = 1000
"""How many series failed scrapes may add to those known before they are forgotten, beyond a doubling; Prometheus'
own figure. Keeps a target with ever new labels and no good scrape from filling the memory."""


class Presence:
    """The rows that the last scrape wrote, and the exposed series known to belong to the target."""

    def __init__(self) -> None:
        self.rows: Ints = NO_ROWS
        """int64[n]: rows of the series that are there and would need a marker."""
        self._plan: Plan | None = None
        self._counted: Plan | None = None
        self._known: set[Labels] = set()
        self._known_good = 0

    def gone(self, rows: Ints) -> Ints:
        """The rows that are present now and would not be after a scrape of ``rows``."""
        if rows is self.rows or not self.rows.size:
            return NO_ROWS
        return np.setdiff1d(self.rows, rows, assume_unique=True)

    def stored(self, plan: Plan, rows: Ints) -> None:
        """A scrape by ``plan`` was stored; all that is not in ``rows`` has its marker."""
        self.rows = rows
        self._plan = plan
        if plan is not self._counted:
            self._counted = plan
            self._known = set(plan.exposed())
            self._known_good = len(self._known)

    def ended(self) -> None:
        """Markers were stored for everything."""
        self.rows = NO_ROWS

    def count_new(self, plan: Plan, limit: int) -> int:
        """How many series of the plan the target did not have; with a ``limit``, among the first so many."""
        if plan is self._counted:
            return 0
        exposed = plan.exposed()
        return sum(1 for labels in set(exposed[:limit] if limit else exposed) if labels not in self._known)

    def note_failed(self, series: Sequence[Labels]) -> None:
        """Series of a scrape that failed count as known too, within bounds."""
        self._known.update(series)
        self._counted = None
        if len(self._known) > 2 * self._known_good + UNCOUNTED_MAX:
            self._known = set(series)

    def labels(self) -> dict[Labels, int]:
        """The stored labels and rows of what is present."""
        if self._plan is None or not self.rows.size:
            return {}
        present = set(self.rows.tolist())
        return {labels: row for labels, row in self._plan.stored().items() if row in present}
