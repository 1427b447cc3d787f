"""Calendar functions over Unix seconds, in UTC."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fenghuo.model.sample import Floats

_SECONDS_MAX = 2.0**55
"""Beyond this, and for NaN, there is no date; a billion years will do."""

Times = npt.NDArray[np.datetime64]


def _days(times: Times) -> Times:
    return times.astype("datetime64[D]")


def _months(times: Times) -> Times:
    return times.astype("datetime64[M]")


def _day_of_week(times: Times) -> npt.NDArray[np.int64]:
    """Sunday is 0; the epoch was a Thursday."""
    return (_days(times).astype(np.int64) + 4) % 7


def _difference(upper: Times, lower: Times) -> npt.NDArray[np.int64]:
    days: npt.NDArray[np.int64] = (_days(upper) - _days(lower)).astype(np.int64)
    return days


_PARTS: dict[str, Callable[[Times], npt.NDArray[np.int64]]] = {
    "minute": lambda times: times.astype(np.int64) // 60 % 60,
    "hour": lambda times: times.astype(np.int64) // 3600 % 24,
    "day_of_week": _day_of_week,
    "day_of_month": lambda times: _difference(times, _months(times)) + 1,
    "day_of_year": lambda times: _difference(times, times.astype("datetime64[Y]")) + 1,
    "days_in_month": lambda times: _difference(_months(times) + np.timedelta64(1, "M"), _months(times)),
    "month": lambda times: _months(times).astype(np.int64) % 12 + 1,
    "year": lambda times: times.astype("datetime64[Y]").astype(np.int64) + 1970,
}
DATE_FUNCTIONS = frozenset(_PARTS)


def date_part(function: str, seconds: Floats) -> Floats:
    """One part of the date of each time; NaN where there is no date."""
    dated = np.abs(seconds) < _SECONDS_MAX
    # Towards zero, as Go's conversion to an integer has it.
    whole = np.trunc(np.where(dated, seconds, 0.0)).astype(np.int64)
    return np.where(dated, _PARTS[function](whole.astype("datetime64[s]")).astype(np.float64), np.nan)
