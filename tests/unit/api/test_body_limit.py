"""A request's body is bounded, whether it says how long it is or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from fenghuo.api import body_limit
from fenghuo.api.body_limit import BodyLimitMiddleware
from fenghuo.api.own.errors import install_error_handlers
from fenghuo.base.limits import Limit, Policy

pytestmark = pytest.mark.anyio


class Words(BaseModel):
    text: str


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    limit = Limit("small", 1000, Policy.REJECT, "Small.")
    monkeypatch.setattr(body_limit, "BODY_BYTES", limit)
    return limit


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async def length(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    own = FastAPI()
    install_error_handlers(own)

    @own.post("/words")
    async def words(words: Words) -> int:
        return len(words.text)

    app = Starlette(
        routes=[Route("/length", length, methods=["POST"]), Mount("/own", own)],
        middleware=[Middleware(BodyLimitMiddleware)],
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        yield client


async def pieces(count: int) -> AsyncIterator[bytes]:
    """A body that does not say how long it will be."""
    for _ in range(count):
        yield b"x" * 100


async def test_a_body_that_fits_arrives(client: httpx.AsyncClient, limit: Limit) -> None:
    assert (await client.post("/length", content=b"x" * 1000)).text == "1000"
    assert (await client.post("/length", content=pieces(10))).text == "1000"
    assert limit.hits == 0


async def test_a_body_that_says_it_is_too_long_is_not_read(client: httpx.AsyncClient, limit: Limit) -> None:
    answer = await client.post("/length", content=b"x" * 1001)

    assert answer.status_code == 413
    assert answer.json()["error"] == "request body is larger than 1000 bytes"
    assert limit.hits == 1


async def test_a_body_that_turns_out_to_be_too_long_is_cut_off(client: httpx.AsyncClient, limit: Limit) -> None:
    assert (await client.post("/length", content=pieces(11))).status_code == 413
    answer = await client.post("/own/words", content=pieces(11), headers={"content-type": "application/json"})

    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "request body is larger than 1000 bytes"
    assert limit.hits == 2


async def test_our_own_api_says_everything_in_one_form(client: httpx.AsyncClient) -> None:
    assert (await client.get("/own/nowhere")).json() == {
        "error": {"code": "not_found", "message": "Not Found", "remedy": ""}
    }
    assert (await client.get("/own/words")).json()["error"]["code"] == "method_not_allowed"


async def test_a_sender_that_pauses_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pause = Limit("short", 0, Policy.REJECT, "Short.")
    monkeypatch.setattr(body_limit, "BODY_PAUSE", pause)
    given: list[dict[str, object]] = [{"type": "http.request", "body": b"ab", "more_body": True}]

    async def receive() -> dict[str, object]:
        if given:
            return given.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
        async for _ in Request(scope, receive).stream():
            """Every piece is waited for."""

    middleware = BodyLimitMiddleware(read_all)
    scope = {"type": "http", "path": "/api/v1/import", "method": "POST", "headers": []}

    async def send(message: object) -> None:
        raise AssertionError(message)

    with pytest.raises(HTTPException) as refused:
        await middleware(scope, receive, send)  # type: ignore[arg-type]
    assert (refused.value.status_code, pause.hits) == (408, 1)


async def test_what_comes_after_the_body_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "BODY_PAUSE", Limit("short", 0, Policy.REJECT, "Short."))
    given: list[dict[str, object]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, object]:
        if given:
            return given.pop()
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    seen = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([await receive(), await receive()])

    await BodyLimitMiddleware(listen)({"type": "http", "path": "/x", "headers": []}, receive, receive)  # type: ignore[arg-type]
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]
