"""Writing what a rule yields, and saying so when one of its series ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.sample import REFUSED, STALE_NAN, Ints, RowsReleasedError
from fenghuo.rules.ports import Cohort, Store


class RuleOutput:
    """The series of one rule. A series that was there last time and is not now gets a staleness marker."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self._previous: set[Labels] = set()
        self._cohort: Cohort | None = None
        self._series: list[Labels] = []
        self._rows: Ints = np.zeros(0, dtype=np.int64)
        self._refused = False
        """Whether a limit of the store stands against some of the series; it may have room next time."""

    def write(self, time_ms: int, samples: Mapping[Labels, float]) -> dict[str, int]:
        """Append one sample for each series at ``time_ms``; returns the counts of those rejected, by reason.

        Raises OperatingError when the store cannot write; then nothing is remembered of this call either.
        """
        ended = self._previous - samples.keys()
        rejected = self._append(time_ms, samples, list(ended))
        self._previous = set(samples)
        return rejected

    def end(self, time_ms: int) -> None:
        """Mark every series as ended. Raises OperatingError."""
        self.write(time_ms, {})

    def adopt(self, older: RuleOutput) -> None:
        """Go on where ``older``, the same rule before a reload, stopped."""
        self._previous = older._previous

    def _append(self, time_ms: int, samples: Mapping[Labels, float], ended: Sequence[Labels]) -> dict[str, int]:
        if not samples and not ended:
            return {}
        values = np.full(len(samples) + len(ended), STALE_NAN, dtype=np.float64)
        values[: len(samples)] = list(samples.values())
        series = [*samples, *ended]
        if self._cohort is None or series != self._series or self._refused:
            self._find_rows(series)
        assert self._cohort is not None
        try:
            return dict(self._cohort.append(time_ms, self._rows, values).rejected)
        except RowsReleasedError:  # The store has looked for idle rows since they were found.
            self._find_rows(series)
            return dict(self._cohort.append(time_ms, self._rows, values).rejected)

    def _find_rows(self, series: list[Labels]) -> None:
        """Most evaluations yield the series of the one before, so their rows are kept, and the cohort with them."""
        cohort = self._store.cohort(self._key)
        self._cohort, self._series, self._rows = cohort, series, cohort.rows(series)
        self._refused = bool((self._rows == REFUSED).any())
