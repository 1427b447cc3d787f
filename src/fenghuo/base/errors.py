"""The error tree.

    FenghuoError
    ├── InputError       the caller can mend it: bad query, bad file, bad flag (HTTP 4xx, exit code 2)
    ├── OperatingError   the world refused: disk, network, another process (HTTP 5xx); says whether to try again
    └── BugError         our own invariant broke

A message holds the offending value and where to look. ``remedy`` says what to do, in one sentence.
"""

from __future__ import annotations


class FenghuoError(Exception):
    """The root. Never raised itself."""


class InputError(FenghuoError):
    """Something the caller handed in is wrong and the caller can mend it.

    ``place`` names where (``fenghuo.yml:12 scrape_configs[0].scrape_interval``), ``remedy`` how.
    """

    def __init__(self, message: str, *, place: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text} ({self.remedy})" if self.remedy else text


class OperatingError(FenghuoError):
    """The world around us refused. ``retryable`` is true when the same call may succeed later."""

    def __init__(self, message: str, *, retryable: bool, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class BugError(FenghuoError):
    """An invariant of our own code does not hold."""
