"""When what a time interval says may change, and when it ends. Pure; moments are ms since the epoch.

The instant of a time of day that the clocks skip or repeat is the one that the time zone's earlier offset gives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from fenghuo.alerting.mute.intervals import TimeInterval
from fenghuo.trading import MarketBook, built_in_markets

DAY: Final = dt.timedelta(days=1)
DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
SEARCHED_DAYS: Final = 14
"""How far the end of an interval is looked for: the longest holidays last ten days."""


def end_of(intervals: Sequence[TimeInterval], at_ms: int, markets: MarketBook | None = None) -> int | None:
    """The first moment after ``at_ms`` that is outside all of the intervals; None where two weeks hold none."""
    for number in range(SEARCHED_DAYS):
        start_ms = at_ms + number * DAY_MS
        edges = {edge for each in intervals for edge in interval_edges(each, start_ms, start_ms + DAY_MS, markets)}
        for edge in sorted(edge for edge in edges if start_ms < edge <= start_ms + DAY_MS):
            if not any(each.contains(edge, markets) for each in intervals):
                return edge
    return None


def interval_edges(
    interval: TimeInterval, start_ms: int, end_ms: int, markets: MarketBook | None = None
) -> Iterator[int]:
    """Where an interval may begin or end between the moments, and some more around them: its times of each day,
    midnights, the moments when clocks change, and where its market opens and closes. In no order."""
    zone = zone_of(interval)
    minutes = {0, *(edge for each in interval.times for edge in (each.start_minute, each.end_minute))}
    for day in local_days(start_ms, end_ms, zone):
        for minute in minutes:
            on, time = day + DAY * (minute // 1440), dt.time(minute % 1440 // 60, minute % 60)
            yield instant(on, time, zone)
            yield instant(on, time, zone, fold=1)
        yield from _clock_changes(day, zone)
    if interval.trading:
        market = (markets or built_in_markets()).market(interval.trading)
        for session in market.sessions_between(start_ms, end_ms):
            yield session.opens_ms
            yield session.closes_ms


def placed(interval: TimeInterval, zone: str) -> TimeInterval:
    """The interval in this time zone, unless it names one."""
    return interval if interval.location else interval.model_copy(update={"location": zone})


def zone_of(interval: TimeInterval) -> ZoneInfo | None:
    """The interval's time zone; None is the machine's own."""
    return None if interval.location == "Local" else ZoneInfo(interval.location or "UTC")


def local_days(start_ms: int, end_ms: int, zone: ZoneInfo | None) -> Iterator[dt.date]:
    """The local days that the span touches, and one on each side."""
    day, last = local(start_ms, zone).date() - DAY, local(end_ms, zone).date() + DAY
    while day <= last:
        yield day
        day += DAY


def local(at_ms: int, zone: ZoneInfo | None) -> dt.datetime:
    """The moment by the clocks of a zone."""
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).astimezone(zone)


def instant(day: dt.date, time: dt.time, zone: ZoneInfo | None, fold: int = 0) -> int:
    """The moment at which the clocks of a zone show this."""
    return round(dt.datetime.combine(day, time.replace(fold=fold), zone).timestamp() * 1000)


def _clock_changes(day: dt.date, zone: ZoneInfo | None) -> Sequence[int]:
    """The moments of a day, to the minute, at which the zone's offset changes."""
    low, high = instant(day, dt.time(), zone), instant(day + DAY, dt.time(), zone)

    def offset(at_ms: int) -> dt.timedelta | None:
        return local(at_ms, zone).utcoffset()

    before = offset(low)
    if before == offset(high):
        return ()
    while high - low > MINUTE_MS:
        middle = (low + high) // 2 // MINUTE_MS * MINUTE_MS
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return (high,)
