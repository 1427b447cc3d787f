"""Markets as series."""

from __future__ import annotations

import datetime as dt

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.collect.integrations.trading import TradingIntegration
from fenghuo.trading import MarketBook


def collected(at: str) -> dict[str, float]:
    clock = ManualClock(round(dt.datetime.fromisoformat(at).timestamp() * 1000))
    book = MarketBook()
    source = TradingIntegration([book.market("SHFE.rb"), book.market("HKEX")], clock)
    parsed = source.collect()
    assert source.collect().layout is parsed.layout
    return {str(labels): value for labels, value in zip(parsed.layout.series, parsed.values.tolist(), strict=True)}


def test_a_night_session_in_shanghai() -> None:
    assert collected("2026-11-20T21:00+08:00") == {
        'trading_session_open{exchange="SHFE", product="rb"}': 1.0,
        'trading_session_night{exchange="SHFE", product="rb"}': 1.0,
        'trading_session_open{exchange="HKEX"}': 0.0,
        'trading_session_night{exchange="HKEX"}': 0.0,
        'trading_calendar_known{calendar="china", in_days="0"}': 1.0,
        'trading_calendar_known{calendar="china", in_days="14"}': 1.0,
        'trading_calendar_known{calendar="hongkong", in_days="0"}': 1.0,
        'trading_calendar_known{calendar="hongkong", in_days="14"}': 1.0,
    }


def test_a_year_that_is_not_known_shows_two_weeks_before() -> None:
    found = collected("2030-12-20T09:00+08:00")
    assert found['trading_calendar_known{calendar="china", in_days="14"}'] == 0.0
