"""What scraping asks of the store that it writes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fenghuo.model.labels import Labels
from fenghuo.model.sample import AppendResult, Exemplar, Floats, Ints


class Cohort(Protocol):
    """The series of one target: they share their timestamps."""

    def rows(self, series: Sequence[Labels]) -> Ints:
        """int64[n]: the row of each series, registered when new. A series keeps it while it has samples."""
        ...

    def append(self, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        """Add one sample to each of ``rows`` (distinct). Raises OperatingError when nothing could be written,
        RowsReleasedError when rows were released that had no sample for hours."""
        ...


class SampleSink(Protocol):
    """Where samples go. Every method is synchronous and may be called from any thread."""

    def cohort(self, key: str) -> Cohort: ...

    def append_samples(self, series: Sequence[Labels], times_ms: Ints, values: Floats) -> AppendResult:
        """Add samples with timestamps of their own; the three are parallel."""
        ...

    def append_exemplars(self, exemplars: Sequence[tuple[Labels, Exemplar]]) -> None: ...
