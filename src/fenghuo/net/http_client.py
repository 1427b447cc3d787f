"""An HTTP client made of :class:`HttpClientSettings`: credentials, TLS, proxy and bounds.

In: a URL and headers. Out: an :class:`Answer`, its body still compressed. Everything that keeps an answer from
coming is an :class:`HttpError` that says what kind of trouble it is; a status such as 500 is an answer. Files that
settings name (passwords, tokens, certificates) are read anew when they are needed, in a thread, so that rotated
ones are picked up.

Deliberately absent: HTTP/2, and retries: the caller's next round is the retry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Protocol, Self

from fenghuo.base.late import Later
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer

TRANSPORT: Final = Later("fenghuo.net.http_transport", "Transport")
"""aiohttp is a tenth of what a start would load, and a server that watches its own host asks nobody."""


class Transport(Protocol):
    """What makes the requests of one client."""

    async def get(self, url: str, headers: Mapping[str, str], size_bytes_max: int) -> Answer: ...
    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int) -> Answer: ...
    async def close(self) -> None: ...


class HttpClient:
    """Asks servers of one kind: one set of settings, one pool of connections."""

    def __init__(self, settings: HttpClientSettings, user_agent: str) -> None:
        self._settings = settings
        self._user_agent = user_agent
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
        transport = self._transport or await self._loaded()
        return await transport.get(url, headers, size_bytes_max)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = 65_536) -> Answer:
        """POST ``body`` to ``url``; of the answer's body, whatever its status, the first ``size_bytes_max`` bytes,
        uncompressed unless a server compresses what it was asked to leave as it is.

        Raises HttpError when there is no answer; it names the host only, since what is posted to often carries a
        token in its path. Time is the caller's to bound, by cancelling.
        """
        transport = self._transport or await self._loaded()
        return await transport.post(url, headers, body, size_bytes_max)

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._transport is not None:
            await self._transport.close()

    async def _loaded(self) -> Transport:
        kind = await asyncio.to_thread(TRANSPORT.get)
        if self._transport is None:
            self._transport = kind(self._settings, self._user_agent)
        return self._transport
