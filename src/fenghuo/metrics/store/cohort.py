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
        """int64[n]: the number of each series' row, new ones registered.

        :data:`~fenghuo.model.sample.REFUSED` stands for a series beyond a limit; a later call may find room for it.
        A series keeps its row for as long as the memory has a sample of it, some hours. Then the row is released, and
        its number never comes back. Raises InputError for labels that are not valid UTF-8 text.
        """
        return self._rows(self.key, series)

    def append(self, time_ms: int, rows: Ints, values: Floats) -> AppendResult:
        """Store one scrape: ``values[i]`` (float64) is the sample of row ``rows[i]`` at ``time_ms``.

        Rows are distinct, but for refused ones, whose samples are refused with the reason ``limit``. A row that is not
        named has no sample at that time, so that a second call with the same time and other rows completes the first.
        When it returns, the operating system has the samples. Raises OperatingError (retryable) when the disk refuses,
        and of it RowsReleasedError when one of the rows was released, so that the caller asks for rows anew; nothing
        of the call is kept then.
        """
        return self._append(self.key, time_ms, rows, values)
