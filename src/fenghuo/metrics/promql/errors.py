"""How a query fails: the branches of the error tree that the HTTP API tells apart.

InputError
├── ParseError          the text is no query               (API: bad_data)
└── ExecutionError      it is one, but the data do not fit (API: execution)
    └── TooManySamplesError
OperatingError
├── QueryTimeoutError                                      (API: timeout)
└── QueryCancelledError                                    (API: canceled)
"""

from __future__ import annotations

from fenghuo.base.errors import InputError, OperatingError


class ParseError(InputError):
    """The text is not a PromQL expression. The message reads ``line:column: parse error: reason``."""


class ExecutionError(InputError):
    """The expression cannot be evaluated over the data that it selects."""


class TooManySamplesError(ExecutionError):
    """The query would touch more samples than its limit allows."""

    def __init__(self) -> None:
        super().__init__("query processing would load too many samples into memory in query execution")


class QueryTimeoutError(OperatingError):
    """The deadline passed before the answer was there."""

    def __init__(self) -> None:
        super().__init__("query timed out in expression evaluation", retryable=True)


class QueryCancelledError(OperatingError):
    """Whoever asked is not waiting any more."""

    def __init__(self) -> None:
        super().__init__("query was canceled in expression evaluation", retryable=True)
