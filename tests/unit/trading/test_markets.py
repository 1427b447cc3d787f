"""When exchanges trade, over every boundary of the years whose holidays are known."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.base.errors import InputError
from fenghuo.trading import Market, MarketBook, TradingSettings
from fenghuo.trading.calendar import DAY

BOOK = MarketBook()
BEIJING = dt.timezone(dt.timedelta(hours=8))
FIRST, LAST = dt.date(2024, 1, 1), dt.date(2026, 12, 31)
DAYS = [FIRST + number * DAY for number in range((LAST - FIRST).days + 1)]

CLOSED_WEEKDAYS = """
    2024-01-01 2024-02-09 2024-02-12 2024-02-13 2024-02-14 2024-02-15 2024-02-16 2024-04-04 2024-04-05 2024-05-01
    2024-05-02 2024-05-03 2024-06-10 2024-09-16 2024-09-17 2024-10-01 2024-10-02 2024-10-03 2024-10-04 2024-10-07
    2025-01-01 2025-01-28 2025-01-29 2025-01-30 2025-01-31 2025-02-03 2025-02-04 2025-04-04 2025-05-01 2025-05-02
    2025-05-05 2025-06-02 2025-10-01 2025-10-02 2025-10-03 2025-10-06 2025-10-07 2025-10-08
    2026-01-01 2026-01-02 2026-02-16 2026-02-17 2026-02-18 2026-02-19 2026-02-20 2026-02-23 2026-04-06 2026-05-01
    2026-05-04 2026-05-05 2026-06-19 2026-09-25 2026-10-01 2026-10-02 2026-10-05 2026-10-06 2026-10-07
"""
"""From the exchanges' announcements."""

EVENINGS_WITHOUT_NIGHT = """
    2024-02-08 2024-04-03 2024-04-30 2024-06-07 2024-09-13 2024-09-30 2024-12-31
    2025-01-27 2025-04-03 2025-04-30 2025-05-30 2025-09-30 2025-12-31
    2026-02-13 2026-04-03 2026-04-30 2026-06-18 2026-09-24 2026-09-30
"""
"""Trading days of whose evening the exchanges announced that there is no night session."""


def at(text: str) -> int:
    """``2026-11-20 21:00`` in Beijing as ms."""
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp() * 1000)


def open_minutes(market: Market, day: str) -> str:
    """The sessions of a trading day as people write them."""

    def show(ms: int) -> str:
        return dt.datetime.fromtimestamp(ms / 1000, BEIJING).strftime("%m-%d %H:%M")

    sessions = market.sessions(dt.date.fromisoformat(day))
    return ", ".join(f"{show(each.opens_ms)}–{show(each.closes_ms)[6:]}" for each in sessions)


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        ("SSE", "11-20 09:30–11:30, 11-20 13:00–15:00"),
        ("SZSE", "11-20 09:30–11:30, 11-20 13:00–15:00"),
        ("SSE.600000", "11-20 09:30–11:30, 11-20 13:00–15:00"),
        ("CFFEX.IF2612", "11-20 09:30–11:30, 11-20 13:00–15:00"),
        ("CFFEX.T2612", "11-20 09:30–11:30, 11-20 13:00–15:15"),
        ("SHFE.au2612", "11-19 21:00–02:30, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("SHFE.cu", "11-19 21:00–01:00, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("SHFE.rb", "11-19 21:00–23:00, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("SHFE.wr", "11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("INE.sc", "11-19 21:00–02:30, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("INE.bc", "11-19 21:00–01:00, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("INE.ec", "11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("DCE.m2701-C-3000", "11-19 21:00–23:00, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("DCE.jd", "11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("CZCE.TA701", "11-19 21:00–23:00, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("czce.ap", "11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("GFEX.lc", "11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
        ("HKEX", "11-20 09:30–12:00, 11-20 13:00–16:00"),
        ("CFFEX", "11-20 09:30–11:30, 11-20 13:00–15:15"),
        ("SHFE", "11-19 21:00–02:30, 11-20 09:00–10:15, 11-20 10:30–11:30, 11-20 13:30–15:00"),
    ],
)
def test_the_hours_of_a_friday(market: str, expected: str) -> None:
    assert open_minutes(BOOK.market(market), "2026-11-20") == expected


def test_closed_weekdays_are_those_that_the_exchanges_announced() -> None:
    calendar = BOOK.market("SHFE").calendar
    closed = [day for day in DAYS if day.weekday() < 5 and not calendar.is_trading_day(day)]
    assert [str(day) for day in closed] == CLOSED_WEEKDAYS.split()


def test_no_saturday_or_sunday_is_a_trading_day_though_people_work_on_some() -> None:
    calendar = BOOK.market("SSE").calendar
    assert not any(calendar.is_trading_day(day) for day in DAYS if day.weekday() >= 5)


def test_evenings_without_a_night_session_are_those_that_the_exchanges_announced() -> None:
    market = BOOK.market("SHFE.rb")
    trading = [day for day in DAYS if market.calendar.is_trading_day(day)]
    quiet = [str(day) for day in trading[:-1] if not market.is_open(at(f"{day} 21:00"))]
    assert quiet == EVENINGS_WITHOUT_NIGHT.split()


MARKETS = {(market.calendar.name, market.hours): market for market in map(BOOK.market, BOOK.names())}
"""One of those that have the same hours."""


@pytest.mark.parametrize("market", MARKETS.values(), ids=lambda market: market.name)
def test_every_boundary(market: Market) -> None:
    """A session is open from its first millisecond to its last, and closed on both sides."""
    sessions = [session for day in DAYS for session in market.sessions(day)]
    assert len(sessions) > 700
    for before, after in pairwise(sessions):
        assert before.closes_ms < after.opens_ms
    for session in sessions:
        assert market.session_at(session.opens_ms) == session
        assert market.session_at(session.closes_ms - 1) == session
        assert market.session_at(session.opens_ms - 1) is None
        assert market.session_at(session.closes_ms) is None
        assert market.next_session(session.opens_ms - 1) == session
        assert market.trading_day(session.opens_ms - 1) == session.trading_day


def test_a_night_belongs_to_the_next_trading_day() -> None:
    market = BOOK.market("SHFE.au")
    assert market.trading_day(at("2026-11-19 21:00")) == dt.date(2026, 11, 20)
    assert market.trading_day(at("2026-11-20 02:29")) == dt.date(2026, 11, 20)


def test_fridays_night_belongs_to_monday() -> None:
    market = BOOK.market("SHFE.au")
    session = market.session_at(at("2026-11-21 02:29"))
    assert session is not None
    assert (session.trading_day, session.night) == (dt.date(2026, 11, 23), True)
    assert not market.is_open(at("2026-11-21 02:30"))


def test_the_first_day_after_a_holiday_begins_in_the_morning() -> None:
    assert open_minutes(BOOK.market("SHFE.au"), "2026-10-08").startswith("10-08 09:00–10:15, 10-08 10:30")
    assert open_minutes(BOOK.market("SHFE.au"), "2026-10-09").startswith("10-08 21:00–02:30, 10-09 09:00")


def test_hong_kong_has_holidays_of_its_own_and_half_days() -> None:
    market = BOOK.market("HKEX")
    assert market.is_open(at("2026-10-08 09:30"))
    assert market.is_open(at("2026-10-02 09:30"))
    assert not market.is_open(at("2026-04-03 09:30"))
    assert open_minutes(market, "2026-12-24") == "12-24 09:30–12:00"


def test_time_that_was_open() -> None:
    market = BOOK.market("SSE")
    assert market.open_ms(at("2026-11-20 11:20"), at("2026-11-20 13:05")) == 15 * 60_000
    assert market.open_ms(at("2026-11-20 15:00"), at("2026-11-23 09:30")) == 0
    assert market.open_ms(at("2026-09-30 14:00"), at("2026-10-08 10:00")) == 90 * 60_000


@given(
    st.sampled_from(["SSE", "SHFE.au", "SHFE.cu", "DCE.m", "CFFEX.T", "HKEX"]),
    st.integers(at("2024-01-02 00:00") // 60_000, at("2026-12-20 00:00") // 60_000),
    st.integers(0, 6 * 24 * 60),
)
def test_open_time_is_the_sum_of_open_minutes(name: str, start_minute: int, minutes: int) -> None:
    market, start_ms = BOOK.market(name), start_minute * 60_000
    counted = sum(market.is_open(start_ms + minute * 60_000) for minute in range(0, minutes, 5)) * 5
    assert market.open_ms(start_ms, start_ms + minutes * 60_000) == pytest.approx(counted * 60_000, abs=40 * 60_000)


def test_a_year_that_is_not_known_has_weekends_only_and_says_so() -> None:
    market = BOOK.market("SHFE.rb")
    assert market.knows(at("2026-12-31 12:00"))
    assert not market.knows(at("2031-06-02 12:00"))
    assert market.is_open(at("2031-10-01 09:00"))
    assert not market.is_open(at("2031-10-04 09:00"))


def test_days_that_the_operator_enters_make_a_year_known() -> None:
    days = ["2031-10-01", "2031-10-02", "2031-10-03"]
    book = MarketBook(TradingSettings.model_validate({"calendars": {"china": {"closed_days": days}}}))
    market = book.market("SHFE.rb")
    assert market.knows(at("2031-10-01 09:00"))
    assert not market.is_open(at("2031-10-01 09:00"))
    assert not market.is_open(at("2031-09-30 21:00"))
    assert not market.is_open(at("2024-02-09 09:00"))


def test_an_exchange_of_the_operators_own() -> None:
    settings = {
        "hours": {"crypto": ["00:00-24:00"]},
        "calendars": {"always": {"zone": "UTC", "open_days": ["2026-11-21"]}},
        "exchanges": {"OTC": {"calendar": "always", "day": "crypto"}},
    }
    market = MarketBook(TradingSettings.model_validate(settings)).market("OTC")
    assert market.is_open(at("2026-11-22 07:59"))
    assert not market.is_open(at("2026-11-22 08:00"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SHEF.rb", "unknown exchange 'SHEF' (did you mean 'SHFE'?)"),
        ("SHFE.rbb", "unknown market 'SHFE.rbb' (did you mean 'SHFE.rb'?)"),
        ("DCE.rb", "unknown market 'DCE.rb'"),
        ("", "unknown exchange ''"),
    ],
)
def test_names_that_nobody_knows(name: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        BOOK.market(name)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("exchange", "message"),
    [
        ({"calendar": "chna", "day": "stock"}, "did you mean 'china'?"),
        ({"day": "stok"}, "did you mean 'stock'?"),
        ({}, "has no day hours"),
    ],
)
def test_an_exchange_that_names_what_does_not_exist(exchange: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=r"trading\.exchanges\.X") as refused:
        MarketBook(TradingSettings.model_validate({"exchanges": {"X": exchange}}))
    assert message in str(refused.value)


@pytest.mark.parametrize("hours", ["9-11", "11:30-09:30", "24:00-25:00", "10:00-10:00", "00:00-24:01", "x"])
def test_hours_that_are_none(hours: str) -> None:
    with pytest.raises(ValueError, match=r"HH:MM|beyond 24:00|range|longer"):
        TradingSettings.model_validate({"hours": {"x": [hours]}})
