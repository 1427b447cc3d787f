"""Tokens by OAuth 2, for clients that ask in their own name (RFC 6749, section 4.4).

A token is kept until shortly before it expires; whoever needs one meanwhile waits for the one that is being fetched.
Deliberately absent: grants that need a key pair or a person.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode

import orjson

from fenghuo.model.http_settings import HttpClientSettings, OAuth2Settings
from fenghuo.net.answer import Answer, HttpError, HttpFault, host_of

RENEWED_BEFORE_S: Final = 10.0
"""A token is not used in its last seconds: the request may be under way when it expires."""
ANSWER_BYTES_MAX: Final = 65_536
SHOWN_CHARS_MAX: Final = 200
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class Poster(Protocol):
    """What asks the server that gives out tokens."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = ...) -> Answer: ...


PosterFactory = Callable[[HttpClientSettings], AbstractAsyncContextManager[Poster]]


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    until_s: float


class Tokens:
    """The token of one client."""

    def __init__(
        self, settings: OAuth2Settings, client: PosterFactory, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """``client`` makes what asks for tokens, from the proxy and TLS settings that stand in ``oauth2``."""
        self._settings = settings
        self._client = client
        self._monotonic_s = monotonic_s
        self._token: _Token | None = None
        self._in_form = False
        """Whether the server wants the secret in the form; it is tried in a header first, as the RFC prefers it."""
        self._fetching = asyncio.Lock()

    async def header(self) -> str:
        """The value of ``Authorization``. Raises HttpError when no token can be had."""
        async with self._fetching:
            if self._token is None or self._token.until_s <= self._monotonic_s():
                self._token = await self._fetched()
            return self._token.header

    def forget(self) -> None:
        """The token was not taken, as after a revocation: the next request fetches another."""
        self._token = None

    async def _fetched(self) -> _Token:
        settings = self._settings
        given = {name: getattr(settings, name) for name in ("proxy_url", "no_proxy", "proxy_from_environment")}
        http = HttpClientSettings(
            **given, proxy_connect_header=settings.proxy_connect_header, tls_config=settings.tls_config
        )
        try:
            secret = await asyncio.to_thread(_secret_of, settings)
        except (OSError, UnicodeDecodeError) as error:
            raise _fault(settings, f"client_secret_file cannot be read: {error}") from error
        async with self._client(http) as client:
            answer = await self._ask(client, secret, in_form=self._in_form)
            if answer.status in (400, 401) and not self._in_form:
                other = await self._ask(client, secret, in_form=True)
                if other.status == 200:
                    answer, self._in_form = other, True
        return self._taken(answer)

    async def _ask(self, client: Poster, secret: str, *, in_form: bool) -> Answer:
        settings, headers = self._settings, dict(FORM)
        form = {"grant_type": "client_credentials"}
        if settings.scopes:
            form["scope"] = " ".join(settings.scopes)
        form |= settings.endpoint_params
        if in_form:
            form |= {"client_id": settings.client_id} | ({"client_secret": secret} if secret else {})
        else:
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return await client.post(settings.token_url, headers, urlencode(form).encode(), ANSWER_BYTES_MAX)

    def _taken(self, answer: Answer) -> _Token:
        try:
            said: Any = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            said = None
        if answer.status != 200 or not isinstance(said, dict) or not said.get("access_token"):
            shown = answer.body.decode("utf-8", "replace").strip()[:SHOWN_CHARS_MAX] if answer.status != 200 else ""
            raise _fault(self._settings, f"HTTP {answer.status} without a token{': ' * bool(shown)}{shown}")
        kind = str(said.get("token_type") or "Bearer")
        lasts_s = _seconds(said.get("expires_in"))
        return _Token(
            f"{'Bearer' if kind.lower() == 'bearer' else kind} {said['access_token']}",
            self._monotonic_s() + lasts_s - RENEWED_BEFORE_S if lasts_s else float("inf"),
        )


def _secret_of(settings: OAuth2Settings) -> str:
    if settings.client_secret_file:
        return Path(settings.client_secret_file).read_text().strip()
    return settings.client_secret.reveal()


def _seconds(given: Any) -> float:
    """How long a token lasts; 0 when the server does not say."""
    try:
        return max(float(given), 0.0)
    except (TypeError, ValueError):
        return 0.0


def _fault(settings: OAuth2Settings, message: str) -> HttpError:
    return HttpError(HttpFault.CREDENTIALS, f"no token from {host_of(settings.token_url)}: {message}")
