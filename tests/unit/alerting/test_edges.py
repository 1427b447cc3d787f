"""When time intervals end: at the first moment outside, to the minute, whatever clocks and calendars do."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.alerting.mute.edges import SEARCHED_DAYS, end_of, interval_edges, local, placed, zone_of
from fenghuo.alerting.mute.intervals import TimeInterval

MINUTE_MS = 60_000
DAY_MS = 86_400_000
SHANGHAI = ZoneInfo("Asia/Shanghai")
CHANGES = (86, 87, 93, 94, 275, 276, 296, 297)
"""Days of 2026 on which, or on whose eve, clocks change: Berlin's first and last, Lord Howe's half hour between."""


def ms(moment: str, zone: str = "Asia/Shanghai") -> int:
    return round(dt.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def interval(**keys: object) -> TimeInterval:
    return TimeInterval.model_validate(keys)


def hours(begin: str, end: str) -> list[dict[str, str]]:
    return [{"start_time": begin, "end_time": end}]


@pytest.mark.parametrize(
    ("intervals", "moment", "ends"),
    [
        # Two that touch at midnight are one stretch.
        ([interval(times=hours("22:00", "24:00")), interval(times=hours("00:00", "08:00"))], "20T23:00", "21T08:00"),
        # A weekend, and then the night to Monday.
        ([interval(weekdays=["saturday", "sunday"]), interval(times=hours("00:00", "06:30"))], "21T12:00", "23T06:30"),
        # The last days of a month.
        ([interval(days_of_month=["21:-1"])], "21T12:00", "12-01T00:00"),
        # While a market is open: until its first break.
        ([interval(trading="SHFE.rb")], "20T09:30", "20T10:15"),
        # While it is open, on a morning that ends before it closes.
        ([interval(trading="SHFE.rb", times=hours("09:00", "09:45"))], "20T09:30", "20T09:45"),
        ([interval()], "20T09:30", None),
    ],
)
def test_the_end_is_the_first_moment_outside(intervals: list[TimeInterval], moment: str, ends: str | None) -> None:
    own = [placed(each, "Asia/Shanghai") for each in intervals]
    found = end_of(own, ms(f"2026-11-{moment}"))
    assert found == (None if ends is None else ms(f"2026-{ends}" if "-" in ends else f"2026-11-{ends}"))


def test_a_zone_of_its_own_stays() -> None:
    assert placed(interval(location="Europe/Berlin"), "Asia/Shanghai").location == "Europe/Berlin"
    assert placed(interval(), "Asia/Shanghai").location == "Asia/Shanghai"


@pytest.mark.parametrize("location", ["Local", "UTC", "", "Europe/Berlin", "Australia/Lord_Howe"])
@settings(max_examples=40, deadline=None)
@given(
    day=st.one_of(st.integers(0, 700), st.sampled_from(CHANGES)),
    minute=st.integers(0, 1439),
    before=st.integers(0, 300),
    after=st.integers(1, 300),
    on_that_day=st.booleans(),
)
def test_whatever_is_inside_stays_inside_until_the_end(
    location: str, day: int, minute: int, before: int, after: int, on_that_day: bool
) -> None:
    at_ms = ms("2026-01-01T00:00", "UTC") + day * DAY_MS + minute * MINUTE_MS
    now = local(at_ms, zone_of(interval(location=location)))
    at = now.hour * 60 + now.minute
    clock = hours(*(f"{each // 60:02}:{each % 60:02}" for each in (max(at - before, 0), min(at + after, 1440))))
    own = interval(times=clock, weekdays=[f"{now:%A}".lower()] if on_that_day else [], location=location)
    found = end_of([own], at_ms)
    assert found is not None
    assert not own.contains(found)
    assert all(own.contains(each) for each in range(at_ms, found, MINUTE_MS))
    assert own.contains(found - 1)


def test_a_market_that_rests_for_holidays_is_found_open_again() -> None:
    """Out of session from 30 September to 9 October 2026: an interval that the market bounds has edges there."""
    own = placed(interval(trading="SSE"), "Asia/Shanghai")
    start = ms("2026-09-30T16:00")
    opens = min(edge for edge in interval_edges(own, start, start + SEARCHED_DAYS * DAY_MS) if own.contains(edge))
    assert dt.datetime.fromtimestamp(opens / 1000, SHANGHAI).strftime("%m-%d %H:%M") == "10-08 09:30"
