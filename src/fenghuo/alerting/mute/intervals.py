"""Times at which routes are muted or active: Alertmanager's ``time_intervals``, and the sessions of a market."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, model_validator

from fenghuo.base.document import ListOf, RefusedError, Settings
from fenghuo.model.settings_types import Text
from fenghuo.trading import MarketBook, built_in_markets

MINUTES_OF_DAY: Final = 24 * 60
WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS: Final = tuple(name.lower() for name in calendar.month_name)
_TIME: Final = re.compile(r"(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)\Z")

Range = tuple[int, int]
"""Both ends inclusive."""


def _minute(text: str) -> int:
    found = _TIME.match(text)
    if found is None:
        raise RefusedError(f"couldn't parse timestamp {text}, invalid format", "write HH:MM, from 00:00 to 24:00")
    return int(found[1]) * 60 + int(found[2]) if found[1] else MINUTES_OF_DAY


class TimeRange(Settings):
    """Minutes of a day, start inclusive, end exclusive."""

    start_time: str
    end_time: str

    @model_validator(mode="after")
    def _check(self) -> TimeRange:
        if self.start_minute >= self.end_minute:
            raise RefusedError(
                f"start time {self.start_time} cannot be equal or after end time {self.end_time}",
                "a night is two ranges: one up to 24:00, one from 00:00",
            )
        return self

    @property
    def start_minute(self) -> int:
        return _minute(self.start_time)

    @property
    def end_minute(self) -> int:
        return _minute(self.end_time)


def _ends(value: Any) -> tuple[str, str]:
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise RefusedError("a range is text such as 'monday:friday' or '1:5'")
    parts = value.lower().split(":")
    if len(parts) > 2:
        raise RefusedError(f"{value!r} has more than one colon")
    return parts[0], parts[-1]


def _weekdays(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    begin, end = (_named(word, WEEKDAYS, "weekday") for word in _ends(value))
    if begin > end:
        raise RefusedError(f"start day {value} cannot be before end day", "weeks begin on Sunday; write two ranges")
    return begin, end


def _months(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    begin, end = (int(word) if word.isdigit() else _named(word, MONTHS, "month") for word in _ends(value))
    if not (1 <= begin <= 12 and 1 <= end <= 12):
        raise RefusedError(f"{value} is not a valid month: out of range")
    if begin > end:
        raise RefusedError(f"end month of {value} is before start month")
    return begin, end


def _days_of_month(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    begin, end = (_number(word, "day of the month") for word in _ends(value))
    for day in (begin, end):
        if day == 0 or not -31 <= day <= 31:
            raise RefusedError(f"{day} is not a valid day of the month: out of range")
    if begin < 0 < end:
        raise RefusedError("end day must be negative if start day is negative")
    # A range is refused only when it is empty in every month: the shortest day counted from the end decides.
    if (begin > 0 and begin > (end if end > 0 else 31 + 1 + end)) or (begin < 0 and begin > end):
        raise RefusedError(f"end day {end} is always before start day {begin}")
    return begin, end


def _years(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    begin, end = (_number(word, "year") for word in _ends(value))
    if begin > end:
        raise RefusedError(f"end year of {value} is before start year")
    return begin, end


def _named(word: str, names: tuple[str, ...], what: str) -> int:
    if not word or word not in names:
        raise RefusedError(f"{word} is not a valid {what}", f"one of {', '.join(name for name in names if name)}")
    return names.index(word)


def _number(word: str, what: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise RefusedError(f"{word} is not a valid {what}") from None


def _zone(value: Any) -> Any:
    if isinstance(value, str) and value and value != "Local":
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise RefusedError(f"unknown time zone {value!r}", "a name such as Asia/Shanghai, UTC or Local") from None
    return value


class TimeInterval(Settings):
    """A moment is inside when it is inside one range of every field that is given."""

    times: ListOf[TimeRange] = Field(default=[])
    weekdays: ListOf[Annotated[Range, BeforeValidator(_weekdays)]] = Field(default=[])
    days_of_month: ListOf[Annotated[Range, BeforeValidator(_days_of_month)]] = Field(default=[])
    months: ListOf[Annotated[Range, BeforeValidator(_months)]] = Field(default=[])
    years: ListOf[Annotated[Range, BeforeValidator(_years)]] = Field(default=[])
    location: Annotated[Text, BeforeValidator(_zone)] = ""
    trading: Text = ""
    """A market such as ``SHFE.rb`` or ``SSE``: only while it is open. Alertmanager does not know this key."""

    def contains(self, time_ms: int, markets: MarketBook | None = None) -> bool:
        """Whether the moment is inside, in the interval's own time zone (UTC unless given).

        Without ``markets`` those hold that are built in.
        """
        if self.trading and not (markets or built_in_markets()).market(self.trading).is_open(time_ms):
            return False
        at = datetime.fromtimestamp(time_ms / 1000, tz=UTC).astimezone(self._timezone())
        minute = at.hour * 60 + at.minute
        return (
            (not self.times or any(r.start_minute <= minute < r.end_minute for r in self.times))
            and _within(self.weekdays, at.isoweekday() % 7)
            and (not self.days_of_month or any(_day_within(r, at) for r in self.days_of_month))
            and _within(self.months, at.month)
            and _within(self.years, at.year)
        )

    def _timezone(self) -> tzinfo | None:
        return None if self.location == "Local" else ZoneInfo(self.location or "UTC")


def _within(ranges: list[Range], value: int) -> bool:
    return not ranges or any(begin <= value <= end for begin, end in ranges)


def _day_within(days: Range, at: datetime) -> bool:
    last = calendar.monthrange(at.year, at.month)[1]
    begin, end = (day if day > 0 else last + 1 + day for day in days)
    if begin > last:
        return False  # A range that this month does not have, such as 30:31 in February.
    return max(begin, 1) <= at.day <= min(end, last)


class NamedIntervals(Settings):
    """One entry of ``time_intervals`` or ``mute_time_intervals``."""

    name: Text = ""
    time_intervals: ListOf[TimeInterval] = Field(default=[])

    def contains(self, time_ms: int, markets: MarketBook | None = None) -> bool:
        return any(interval.contains(time_ms, markets) for interval in self.time_intervals)
