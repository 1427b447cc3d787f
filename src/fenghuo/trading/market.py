"""One market: the sessions of its trading days, and questions about moments. Pure; moments are ms since the epoch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fenghuo.trading.calendar import DAY, SEARCHED_DAYS_MAX, Calendar
from fenghuo.trading.settings import Minutes

NIGHT_LEAD: Final = dt.timedelta(days=4)
"""A night session is never further from its trading day: Friday's evening, with a day to spare."""
DAYS_REMEMBERED: Final = 4096
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch of trading without a break: ``opens_ms`` inclusive, ``closes_ms`` exclusive."""

    opens_ms: int
    closes_ms: int
    trading_day: dt.date
    night: bool


@dataclass(frozen=True, slots=True)
class MarketHours:
    """Minutes of a trading day, and of the evening before it."""

    day: tuple[Minutes, ...]
    night: tuple[Minutes, ...] = ()
    half_day: tuple[Minutes, ...] = ()


class Market:
    """When one product, or an exchange as a whole, is traded."""

    def __init__(self, exchange: str, product: str, calendar: Calendar, hours: MarketHours) -> None:
        self.exchange = exchange
        self.product = product
        """Empty for the exchange as a whole, which is open while any of its products is."""
        self.calendar = calendar
        self.hours = hours
        self.sessions: Callable[[dt.date], tuple[Session, ...]] = lru_cache(DAYS_REMEMBERED)(self._sessions)
        """The sessions of a trading day in order of time, its night session first; empty for any other day."""

    @property
    def name(self) -> str:
        return f"{self.exchange}.{self.product}" if self.product else self.exchange

    def knows(self, at_ms: int) -> bool:
        """Whether the holidays of that moment's year are known."""
        return self.calendar.knows(self._date(at_ms).year)

    def session_at(self, at_ms: int) -> Session | None:
        """The session that the moment lies in, or None while the market is closed."""
        return next((each for each in self._between(at_ms, at_ms) if each.opens_ms <= at_ms), None)

    def is_open(self, at_ms: int) -> bool:
        return self.session_at(at_ms) is not None

    def next_session(self, at_ms: int) -> Session | None:
        """The first session that opens after the moment; None when there is none within two months."""
        day = self._date(at_ms)
        for number in range(SEARCHED_DAYS_MAX):
            for session in self.sessions(day + number * DAY):
                if session.opens_ms > at_ms:
                    return session
        return None

    def trading_day(self, at_ms: int) -> dt.date | None:
        """The trading day that the moment counts for: that of its session or, between sessions, of the next one."""
        session = self.session_at(at_ms) or self.next_session(at_ms)
        return None if session is None else session.trading_day

    def open_ms(self, start_ms: int, end_ms: int) -> int:
        """How much of the time from ``start_ms`` to ``end_ms`` the market was open."""
        return sum(
            max(0, min(each.closes_ms, end_ms) - max(each.opens_ms, start_ms))
            for each in self._between(start_ms, end_ms)
        )

    def sessions_between(self, start_ms: int, end_ms: int) -> list[Session]:
        """The sessions that have a part between the moments, in order of time."""
        return [each for each in self._between(start_ms, end_ms) if each.opens_ms < end_ms]

    def _between(self, start_ms: int, end_ms: int) -> Iterator[Session]:
        """The sessions that end after ``start_ms``, up to the last that may begin before ``end_ms`` and a bit on."""
        day, last = self._date(start_ms), self._date(end_ms) + NIGHT_LEAD
        while day <= last:
            yield from (session for session in self.sessions(day) if session.closes_ms > start_ms)
            day += DAY

    def _sessions(self, day: dt.date) -> tuple[Session, ...]:
        if not self.calendar.is_trading_day(day):
            return ()
        found = []
        if self.hours.night and (eve := self.calendar.evening_before(day)) is not None:
            found += [self._session(eve, minutes, day, night=True) for minutes in self.hours.night]
        half = self.hours.half_day and self.calendar.is_half_day(day)
        hours = self.hours.half_day if half else self.hours.day
        return (*found, *(self._session(day, minutes, day, night=False) for minutes in hours))

    def _session(self, on: dt.date, minutes: Minutes, trading_day: dt.date, *, night: bool) -> Session:
        midnight = dt.datetime.combine(on, dt.time(), self.calendar.zone)
        start_ms = round(midnight.timestamp() * 1000)
        return Session(start_ms + minutes[0] * MINUTE_MS, start_ms + minutes[1] * MINUTE_MS, trading_day, night)

    def _date(self, at_ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(at_ms / 1000, self.calendar.zone).date()
