"""An application that is made when it is first asked for."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from fenghuo.api.late import LateApplication

pytestmark = pytest.mark.anyio


class Maker:
    """Counts, and tells which threads asked."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self) -> ASGIApp:
        self.threads.append(threading.get_ident())
        return PlainTextResponse("here")


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server")


async def test_it_is_made_once_and_off_the_event_loop() -> None:
    maker = Maker()
    async with client(LateApplication(maker)) as browser:
        assert maker.threads == []
        answers = await asyncio.gather(*(browser.get("/") for _ in range(5)))

    assert [answer.text for answer in answers] == ["here"] * 5
    assert len(maker.threads) == 1
    assert maker.threads[0] != threading.get_ident()


async def test_a_prepared_one_answers_at_once() -> None:
    maker = Maker()
    late = LateApplication(maker)
    late.prepare()
    async with client(late) as browser:
        answer = await browser.get("/")

    assert answer.text == "here"
    assert maker.threads == [threading.get_ident()]
