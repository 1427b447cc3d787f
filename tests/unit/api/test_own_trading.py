"""Trading sessions as JSON, for the bands of charts."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from fenghuo.api.own.app import own_api
from fenghuo.api.own.trading import trading_router
from fenghuo.trading import built_in_markets

pytestmark = pytest.mark.anyio

SHANGHAI = ZoneInfo("Asia/Shanghai")


def ms(*moment: int) -> int:
    return round(dt.datetime(*moment, tzinfo=SHANGHAI).timestamp() * 1000)  # type: ignore[misc]


NOW_MS = ms(2026, 11, 20, 12, 0)
"""A Friday noon."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = own_api([trading_router(built_in_markets, lambda: NOW_MS)], "1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fenghuo") as found:
        yield found


async def ask(client: httpx.AsyncClient, status: int = 200, **asked: str) -> Any:
    answer = await client.get("/trading/sessions", params=asked)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_friday_night_belongs_to_monday(client: httpx.AsyncClient) -> None:
    found = await ask(client, market="shfe.RB", start="2026-11-20T15:00:00+08:00", end="2026-11-23T10:00:00+08:00")
    assert found == {
        "market": "SHFE.rb",
        "zone": "Asia/Shanghai",
        "holidays_known": True,
        "sessions": [
            {
                "open_ms": ms(2026, 11, 20, 21),
                "close_ms": ms(2026, 11, 20, 23),
                "trading_day": "2026-11-23",
                "night": True,
            },
            {
                "open_ms": ms(2026, 11, 23, 9),
                "close_ms": ms(2026, 11, 23, 10, 15),
                "trading_day": "2026-11-23",
                "night": False,
            },
        ],
    }


async def test_seconds_are_moments_and_sessions_are_whole(client: httpx.AsyncClient) -> None:
    found = await ask(
        client, market="SSE", start=str(ms(2026, 11, 20, 10) / 1000), end=str(ms(2026, 11, 20, 11) / 1000)
    )
    assert [(each["open_ms"], each["close_ms"]) for each in found["sessions"]] == [
        (ms(2026, 11, 20, 9, 30), ms(2026, 11, 20, 11, 30))
    ]


async def test_without_moments_it_is_the_last_day_and_the_next(client: httpx.AsyncClient) -> None:
    found = await ask(client, market="SSE")
    opened = [each["open_ms"] for each in found["sessions"]]
    assert opened == [ms(2026, 11, 19, 13), ms(2026, 11, 20, 9, 30), ms(2026, 11, 20, 13)]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"market": "SHFE.rx"}, "unknown market 'SHFE.rx'"),
        ({"market": "NYSE"}, "unknown exchange 'NYSE'"),
        ({"market": "SSE", "start": "yesterday"}, 'cannot parse "yesterday"'),
        ({"market": "SSE", "start": "1800000000", "end": "1800000000"}, "longer than nothing"),
        ({"market": "SSE", "start": "1600000000", "end": "1800000000"}, "not longer than 400 days"),
        ({"market": "SSE", "start": "9000000000"}, "between the years 1970 and 2200"),
        ({"market": "SSE", "start": "-90000"}, "between the years 1970 and 2200"),
    ],
)
async def test_what_cannot_be_answered_says_why(client: httpx.AsyncClient, asked: dict[str, str], said: str) -> None:
    answer = await ask(client, 400, **asked)
    assert said in answer["error"]["message"]


async def test_a_year_without_known_holidays_says_so(client: httpx.AsyncClient) -> None:
    assert (await ask(client, market="SSE", start="2040-01-02T00:00:00Z"))["holidays_known"] is False


async def test_markets_are_listed(client: httpx.AsyncClient) -> None:
    names = (await client.get("/trading/markets")).json()
    assert {"SSE", "SHFE", "SHFE.rb", "HKEX"} <= set(names)
