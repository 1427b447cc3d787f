"""The connections of one HTTP client: kept open between requests, made anew when certificates change on disk."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import aiohttp

from fenghuo.model.http_settings import HttpClientSettings, TlsSettings
from fenghuo.net.tls import client_context, tls_files_state

KEEP_ALIVE_S: Final = 300.0
"""How long an idle connection is kept: longer than a scrape interval, so that a scrape needs no new connection."""


class Sessions:
    """Hands out the session to ask with."""

    def __init__(self, settings: HttpClientSettings, user_agent: str) -> None:
        self._settings = settings
        self._no_tls_settings = settings.tls_config == TlsSettings()
        self._user_agent = user_agent
        self._lock = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._retired: aiohttp.ClientSession | None = None
        """The one before, whose requests may not have ended."""
        self._files_state: object = None

    async def session(self, url: str) -> aiohttp.ClientSession:
        """The session for ``url``. Raises OSError or ValueError when ``tls_config`` cannot be used."""
        tls = self._settings.tls_config
        # A redirect may lead from http to https: what tls_config says is taken along from the start.
        if not url.startswith("https:") and self._no_tls_settings:
            if self._session is None:
                self._session = self._made(True)
            return self._session
        async with self._lock:
            state = await asyncio.to_thread(tls_files_state, tls)
            if self._session is None or state != self._files_state:
                context = await asyncio.to_thread(client_context, tls)
                await self._retire()
                self._session, self._files_state = self._made(context), state
            return self._session

    async def close(self) -> None:
        """Close every connection; a later request opens new ones."""
        await self._retire()
        await self._retire()

    async def _retire(self) -> None:
        last, self._retired, self._session = self._retired, self._session, None
        if last is not None:
            await last.close()

    def _made(self, tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=self._settings.proxy_from_environment,
            headers={"User-Agent": self._user_agent},
        )
