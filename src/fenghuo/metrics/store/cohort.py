"""The writing end that a scrape target or a rule group holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fenghuo.model.labels import Labels
from fenghuo.model.sample import AppendResult, Floats, Ints


class Cohort:
    """The series that share timestamps. Thread-safe; any number of handles of one key are the same cohort."""

    __slots__ = ("__weakref__", "_append", "_rows", "key")

    def __init__(
        self,
        key: str,
        rows: Callable[[str, Sequence[Labels]], Ints],
        append: Callable[[str, int, Ints, Floats], AppendResult],
    ) -> None:
        self.key = key
        self._rows = rows
        self._append = append

    def rows(self, series: Sequence[Labels]) -> Ints:
        """int64[n]: the row of each series, new ones registered. A label set keeps its row while the store is open.

        Raises InputError for labels that are not valid UTF-8 text.
        """
        return self._rows(self.key, series)

    def append(self, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        """Store one scrape: ``values[i]`` (float64) is the sample of row ``rows[i]`` at ``time_ms``.

        Rows are distinct. A row that is not named has no sample at that time, so that a second call with the same
        time and other rows completes the first. When it returns, the operating system has the samples. Raises
        OperatingError (retryable) when the disk refuses; nothing of the call is kept then.
        """
        return self._append(self.key, time_ms, rows, values)
