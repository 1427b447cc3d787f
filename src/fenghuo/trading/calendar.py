"""Trading days: weekdays that are no holidays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from fenghuo.base.late import Later
from fenghuo.trading.settings import CalendarSettings

PUBLIC_HOLIDAYS: Final = Later("fenghuo.trading.public_holidays", "BY_NAME")
DAY: Final = dt.timedelta(days=1)
SATURDAY: Final = 5
SEARCHED_DAYS_MAX: Final = 60
"""No exchange rests longer."""


class Calendar:
    """The days of one calendar. Answers for any date; a year that is not known has weekends only."""

    def __init__(self, name: str, settings: CalendarSettings) -> None:
        self.name = name
        self.zone = ZoneInfo(settings.zone)
        self._closed = frozenset(settings.closed_days)
        self._open = frozenset(settings.open_days)
        self._half = frozenset(settings.half_days)
        self._year: Callable[[int], tuple[bool, frozenset[dt.date], frozenset[dt.date]]] = cache(self._load_year)

    def _load_year(self, year: int) -> tuple[bool, frozenset[dt.date], frozenset[dt.date]]:
        """Whether the year is known, the holidays, and the half days."""
        public = PUBLIC_HOLIDAYS.get().get(self.name)
        given = any(day.year == year for day in (*self._closed, *self._open))
        if public is None or not public.knows(year):
            # An operator who has entered the days of a year knows that year.
            return public is None or given, frozenset(), frozenset()
        return True, public.closed(year), public.half_days(year)

    def knows(self, year: int) -> bool:
        """Whether the year's holidays are known; if not, every weekday counts as a trading day."""
        return self._year(year)[0]

    def is_trading_day(self, day: dt.date) -> bool:
        """A working Saturday is none, though people work."""
        if day in self._open:
            return True
        return day.weekday() < SATURDAY and day not in self._closed and day not in self._year(day.year)[1]

    def is_half_day(self, day: dt.date) -> bool:
        return day in self._half or day in self._year(day.year)[2]

    def before(self, day: dt.date) -> dt.date | None:
        """The last trading day before ``day``; None when there is none within two months."""
        return self._first(day, -DAY)

    def after(self, day: dt.date) -> dt.date | None:
        """The first trading day after ``day``; None when there is none within two months."""
        return self._first(day, DAY)

    def _first(self, day: dt.date, step: dt.timedelta) -> dt.date | None:
        for number in range(1, SEARCHED_DAYS_MAX + 1):
            found = day + number * step
            if self.is_trading_day(found):
                return found
        return None

    def evening_before(self, day: dt.date) -> dt.date | None:
        """The day whose evening has the night session of trading day ``day``.

        None where a holiday takes a weekday between the two: exchanges hold no night session on the evening before
        a public holiday, weekends apart.
        """
        eve = self.before(day)
        if eve is None:
            return None
        between = (eve + number * DAY for number in range(1, (day - eve).days))
        return None if any(each.weekday() < SATURDAY for each in between) else eve
