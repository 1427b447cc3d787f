"""Tokens by OAuth 2 over real sockets: fetched once, renewed in time, and fetched anew when they are not taken."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fenghuo.base.document import load_yaml, validate
from fenghuo.model.http_settings import HttpClientSettings, OAuth2Settings
from fenghuo.net.answer import HttpError, HttpFault
from fenghuo.net.http_client import HttpClient
from fenghuo.net.oauth2 import Tokens

pytestmark = pytest.mark.anyio


class Lab:
    """A server that gives out tokens at ``/token`` and takes the newest at ``/data``."""

    def __init__(self, answer: dict[str, Any] | None = None, status: int = 200, *, wants_form: bool = False) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        """``Authorization`` and form of every request for a token."""
        self.seen: list[str] = []
        """``Authorization`` of every request for data."""
        self.answer = answer
        self.status = status
        self.wants_form = wants_form
        self.url = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_route("*", "/data", self._data)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self.url
        finally:
            await runner.cleanup()

    @property
    def newest(self) -> str:
        return f"token-{len(self.asked)}"

    async def _token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append((request.headers.get("Authorization", ""), form))
        if self.wants_form and "client_secret" not in form:
            return web.json_response({"error": "invalid_client"}, status=401)
        given = {"access_token": self.newest, "token_type": "bearer", "expires_in": 3600}
        return web.json_response(given if self.answer is None else self.answer, status=self.status)

    async def _data(self, request: web.Request) -> web.Response:
        self.seen.append(request.headers.get("Authorization", ""))
        return web.Response(status=200 if self.seen[-1] == f"Bearer {self.newest}" else 401)

    def settings(self, more: str = "client_secret: 's p'") -> HttpClientSettings:
        text = f"oauth2: {{client_id: 'me:1', token_url: '{self.url}/token', {more}}}"
        found, problems = validate(HttpClientSettings, load_yaml(text, "http.yml"))
        assert found is not None, problems
        return found


async def test_one_token_serves_every_kind_of_request() -> None:
    lab = Lab()
    async with (
        lab.listening() as url,
        HttpClient(lab.settings("client_secret: 's p', scopes: [a, b]"), "test") as client,
    ):
        answers = await asyncio.gather(
            client.get(f"{url}/data", {}, 100), client.post(f"{url}/data", {}, b"x"), client.get(f"{url}/data", {}, 100)
        )
        async with client.stream("PUT", f"{url}/data", {}, b"x") as incoming:
            assert incoming.head.status == 200
    assert [answer.status for answer in answers] == [200] * 3
    assert lab.seen == ["Bearer token-1"] * 4
    pair = base64.b64encode(b"me%3A1:s+p").decode()
    assert lab.asked == [(f"Basic {pair}", {"grant_type": "client_credentials", "scope": "a b"})]


async def test_a_server_that_wants_the_secret_in_the_form_gets_it_there(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    lab = Lab(wants_form=True)
    async with lab.listening() as url:
        settings = lab.settings(f"client_secret_file: {secret}, endpoint_params: {{resource: metrics}}")
        async with HttpClient(settings, "test") as client:
            assert (await client.get(f"{url}/data", {}, 100)).status == 200
    credentials = {"client_id": "me:1", "client_secret": "from a file"}
    assert lab.asked[1] == ("", {"grant_type": "client_credentials", "resource": "metrics", **credentials})


async def test_a_token_that_is_not_taken_is_replaced_with_the_next_request() -> None:
    lab = Lab()
    async with lab.listening() as url, HttpClient(lab.settings(), "test") as client:
        assert (await client.get(f"{url}/data", {}, 100)).status == 200
        lab.asked.append(("", {}))  # The server has given out another: ours is revoked.
        assert (await client.get(f"{url}/data", {}, 100)).status == 401
        assert (await client.get(f"{url}/data", {}, 100)).status == 200
    assert lab.seen == ["Bearer token-1", "Bearer token-1", "Bearer token-3"]


async def test_a_token_is_renewed_before_it_expires() -> None:
    lab, now_s = Lab(), [0.0]
    async with lab.listening():
        settings = lab.settings().oauth2
        assert isinstance(settings, OAuth2Settings)
        tokens = Tokens(settings, lambda http: HttpClient(http, "test"), lambda: now_s[0])
        assert [await tokens.header(), await tokens.header()] == ["Bearer token-1"] * 2
        now_s[0] = 3589.0
        assert await tokens.header() == "Bearer token-1"
        now_s[0] = 3590.0
        assert await tokens.header() == "Bearer token-2"


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ({"error": "invalid_scope"}, 400, "HTTP 400 without a token: "),
        ({"token_type": "bearer"}, 200, "HTTP 200 without a token"),
        ({}, 503, "HTTP 503 without a token"),
    ],
)
async def test_without_a_token_nothing_is_asked(answer: dict[str, Any], status: int, says: str) -> None:
    lab = Lab(answer, status)
    async with lab.listening() as url, HttpClient(lab.settings(), "test") as client:
        with pytest.raises(HttpError, match=says) as caught:
            await client.get(f"{url}/data", {}, 100)
    assert caught.value.fault is HttpFault.CREDENTIALS
    assert "s p" not in str(caught.value)
    assert lab.seen == []


async def test_a_secret_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    lab = Lab()
    missing = f"client_secret_file: {tmp_path}/none"
    async with lab.listening() as url, HttpClient(lab.settings(missing), "test") as client:
        with pytest.raises(HttpError, match="client_secret_file cannot be read"):
            await client.get(f"{url}/data", {}, 100)


async def test_a_key_pair_is_not_spoken_and_asks_without() -> None:
    lab = Lab()
    grant = "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_certificate_key: k"
    async with lab.listening() as url, HttpClient(lab.settings(grant), "test") as client:
        await client.get(f"{url}/data", {}, 100)
    assert (lab.asked, lab.seen) == ([], [""])
