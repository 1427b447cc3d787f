"""The public holidays that libraries know, year by year. Loaded when the first market of a calendar is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

import chinese_calendar
import holidays


class PublicHolidays(Protocol):
    """Days on which an exchange rests, whatever the weekday."""

    def knows(self, year: int) -> bool:
        """Whether the holidays of that year have been published, as far as the library has them."""
        ...

    def closed(self, year: int) -> frozenset[date]: ...

    def half_days(self, year: int) -> frozenset[date]: ...


class China:
    """Mainland China: the State Council's plan, published each November for the year after."""

    def knows(self, year: int) -> bool:
        return any(day.year == year for day in chinese_calendar.constants.holidays)

    def closed(self, year: int) -> frozenset[date]:
        return frozenset(day for day in chinese_calendar.constants.holidays if day.year == year)

    def half_days(self, year: int) -> frozenset[date]:
        return frozenset()


class HongKong:
    """Hong Kong's stock exchange, with the days on which it trades in the morning only."""

    MARKET = "XHKG"

    def knows(self, year: int) -> bool:
        return bool(self.closed(year))

    def closed(self, year: int) -> frozenset[date]:
        return frozenset(holidays.financial_holidays(self.MARKET, years=year))

    def half_days(self, year: int) -> frozenset[date]:
        return frozenset(holidays.financial_holidays(self.MARKET, years=year, categories="half_day"))


BY_NAME: Mapping[str, PublicHolidays] = {"china": China(), "hongkong": HongKong()}
"""By the name of the calendar that they belong to."""
