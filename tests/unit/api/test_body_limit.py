"""A request's body is bounded, whether it says how long it is or not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

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
