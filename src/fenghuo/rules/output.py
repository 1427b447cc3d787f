"""Writing what a rule yields, and saying so when one of its series ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN, RowsReleasedError
from fenghuo.rules.ports import Store


class RuleOutput:
    """The series of one rule. A series that was there last time and is not now gets a staleness marker."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self._previous: set[Labels] = set()

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
        cohort = self._store.cohort(self._key)
        values = np.full(len(samples) + len(ended), STALE_NAN, dtype=np.float64)
        values[: len(samples)] = list(samples.values())
        series = [*samples, *ended]
        try:
            return dict(cohort.append(time_ms, cohort.rows(series), values).rejected)
        except RowsReleasedError:  # The store looked for idle rows between the two calls, which is rare.
            return dict(cohort.append(time_ms, cohort.rows(series), values).rejected)
