"""An HTTP client made of :class:`HttpClientSettings`: credentials, TLS, proxy and bounds.

In: a URL and headers. Out: an :class:`Answer`, its body still compressed. Everything that keeps an answer from
coming is an :class:`HttpError` that says what kind of trouble it is; a status such as 500 is an answer. A GET in the
clear without a proxy, which is nearly every scrape, goes a short way of its own (``plain_http.py``), all else through
aiohttp (``http_transport.py``), which also follows the redirects that are found on the short way. Files that
settings name (passwords, tokens, certificates) are read anew when they are needed, in a thread, so that rotated
ones are picked up.

Deliberately absent: HTTP/2, and retries: the caller's next round is the retry.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Protocol, Self

from fenghuo.base.late import Later
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer, Incoming
from fenghuo.net.credentials import Credentials

TRANSPORT: Final = Later("fenghuo.net.http_transport", "Transport")
"""aiohttp is a tenth of what a start would load, and a server that watches its own host asks nobody."""
PLAIN: Final = Later("fenghuo.net.plain_http", "PlainHttp")
"""For GET in the clear, which needs none of aiohttp."""
_UNAUTHORIZED: Final = 401
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_IN_THE_CLEAR: Final = re.compile(r"http://[\w.:\[\]-]+(/[!-~]*)?", re.ASCII)
"""No password in it, no international name."""


class PlainHttp(Protocol):
    """What makes the requests that go in the clear."""

    async def get(self, url: str, headers: Sequence[tuple[str, str]], size_bytes_max: int) -> Answer: ...
    def close(self) -> None: ...


class Transport(Protocol):
    """What makes the requests of one client."""

    async def get(self, url: str, headers: Mapping[str, str], size_bytes_max: int) -> Answer: ...
    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int) -> Answer: ...
    def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> AbstractAsyncContextManager[Incoming]: ...
    async def close(self) -> None: ...


class HttpClient:
    """Asks servers of one kind: one set of settings, one pool of connections."""

    def __init__(self, settings: HttpClientSettings, user_agent: str) -> None:
        self._settings = settings
        self._user_agent = user_agent
        self._credentials: Credentials | None = None
        self._may_be_plain = not settings.proxy_url and not settings.proxy_from_environment
        self._plain: PlainHttp | None = None
        self._transport: Transport | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(self, url: str, headers: Mapping[str, str], size_bytes_max: int) -> Answer:
        """GET ``url``. ``size_bytes_max`` bounds the body as it comes, before decompression; it is only read when
        the status is 200.

        Raises HttpError when there is no answer. Time is the caller's to bound, by cancelling.
        """
        if self._may_be_plain and "#" not in url and _IN_THE_CLEAR.fullmatch(url):
            answer = await self._get_plain(url, headers, size_bytes_max)
            if answer.status not in _REDIRECTS or not self._settings.follow_redirects:
                return answer
        transport = self._transport or await self._loaded()
        return self._noted(await transport.get(url, headers, size_bytes_max))

    async def _get_plain(self, url: str, headers: Mapping[str, str], size_bytes_max: int) -> Answer:
        plain = self._plain or await self._plain_loaded()
        own = await self._own_headers().headers()
        return self._noted(await plain.get(url, [*own, *headers.items()], size_bytes_max))

    async def _plain_loaded(self) -> PlainHttp:
        kind = await asyncio.to_thread(PLAIN.get)
        if self._plain is None:
            self._plain = kind(self._user_agent)
        return self._plain

    def _own_headers(self) -> Credentials:
        if self._credentials is None:
            self._credentials = Credentials(self._settings, lambda settings: HttpClient(settings, self._user_agent))
        return self._credentials

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = 65_536) -> Answer:
        """POST ``body`` to ``url``; of the answer's body, whatever its status, the first ``size_bytes_max`` bytes,
        uncompressed unless a server compresses what it was asked to leave as it is.

        Raises HttpError when there is no answer; it names the host only, since what is posted to often carries a
        token in its path. Time is the caller's to bound, by cancelling.
        """
        transport = self._transport or await self._loaded()
        return self._noted(await transport.post(url, headers, body, size_bytes_max))

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[Incoming]:
        """Ask, and take the answer's body piece by piece as it comes, in the encoding that ``headers`` ask for.

        Raises HttpError when there is no answer, now or on the way through it. Time is the caller's to bound.
        """
        transport = self._transport or await self._loaded()
        async with transport.stream(method, url, headers, body) as incoming:
            self._noted(incoming.head)
            yield incoming

    def _noted(self, answer: Answer) -> Answer:
        if answer.status == _UNAUTHORIZED:
            self._own_headers().refused()
        return answer

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._plain is not None:
            self._plain.close()
        if self._transport is not None:
            await self._transport.close()

    async def _loaded(self) -> Transport:
        kind = await asyncio.to_thread(TRANSPORT.get)
        if self._transport is None:
            self._transport = kind(self._settings, self._own_headers(), self._user_agent)
        return self._transport
