"""``/api/fenghuo/trading``: when markets are open, as bands for charts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from fenghuo.api.own.errors import ErrorAnswer
from fenghuo.api.params import parse_time_ms
from fenghuo.base.errors import InputError
from fenghuo.trading import MarketBook

DAY_MS = 86_400_000
SPAN_DAYS_MAX = 400
"""The longest span that is laid out at once: about 1,600 sessions."""
LATEST_MS = 7_258_118_400_000
"""The beginning of 2200."""

Time = Annotated[str, Query(max_length=64, description="Unix seconds, or RFC 3339.")]


class SessionView(BaseModel):
    """A stretch of trading without a break: ``open_ms`` inclusive, ``close_ms`` exclusive. A night session belongs to
    the trading day that follows it."""

    open_ms: int
    close_ms: int
    trading_day: str
    night: bool


class SessionsView(BaseModel):
    """``market`` as its exchange spells it. ``holidays_known`` is false when the holidays of the year in which the
    span begins or ends are not known, so that every weekday counts as a trading day."""

    market: str
    zone: str
    holidays_known: bool
    sessions: list[SessionView]


def trading_router(markets: Callable[[], MarketBook], now_ms: Callable[[], int]) -> APIRouter:
    """``markets`` are those of the settings in force. The calendars of a year are read from disk: handlers block."""
    router = APIRouter(prefix="/trading", tags=["trading"], responses={400: {"model": ErrorAnswer}})

    @router.get("/markets")
    def names() -> list[str]:
        """Every market that is known: each exchange, and each product of it."""
        return list(markets().names())

    @router.get("/sessions")
    def sessions(
        market: Annotated[str, Field(min_length=1, max_length=64)], start: Time = "", end: Time = ""
    ) -> SessionsView:
        """The sessions that have a part between two moments, whole and in order; the last and the next day unless told
        otherwise."""
        start_ms = parse_time_ms(start) if start else now_ms() - DAY_MS
        end_ms = parse_time_ms(end) if end else start_ms + 2 * DAY_MS
        if not start_ms < end_ms <= start_ms + SPAN_DAYS_MAX * DAY_MS:
            raise InputError(f"a span is longer than nothing and not longer than {SPAN_DAYS_MAX} days")
        if start_ms < 0 or end_ms > LATEST_MS:
            raise InputError("a span lies between the years 1970 and 2200")
        found = markets().market(market)
        return SessionsView(
            market=found.name,
            zone=found.calendar.zone.key,
            holidays_known=found.knows(start_ms) and found.knows(end_ms),
            sessions=[
                SessionView(
                    open_ms=each.opens_ms,
                    close_ms=each.closes_ms,
                    trading_day=each.trading_day.isoformat(),
                    night=each.night,
                )
                for each in found.sessions_between(start_ms, end_ms)
            ],
        )

    return router
