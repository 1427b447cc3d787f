"""How requests are made: with aiohttp, which knows proxies, TLS and redirects.

Loaded by :mod:`fenghuo.net.http_client` at the first request that needs it. Certificates that settings name are read
anew when they change, in a thread, so that rotated ones are picked up.
"""

from __future__ import annotations

import contextlib
import io
import os
import ssl
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping
from typing import Final

import aiohttp
from yarl import URL

from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer, HttpError, HttpFault, Incoming, host_of, too_large
from fenghuo.net.credentials import Credentials, revealed
from fenghuo.net.http_session import Sessions

REDIRECTS_MAX: Final = 10
"""How many redirects are followed; Go's and therefore Prometheus' bound."""


class Transport:
    """What is behind :class:`fenghuo.net.http_client.HttpClient`, whose methods say what these do."""

    def __init__(self, settings: HttpClientSettings, credentials: Credentials, user_agent: str) -> None:
        self._settings = settings
        self._credentials = credentials
        self._sessions = Sessions(settings, user_agent)

    async def get(self, url: str, headers: Mapping[str, str], size_bytes_max: int) -> Answer:
        try:
            async with self._request("GET", url, headers, None) as response:
                body = await _body(response, size_bytes_max) if response.status == 200 else b""
                return _answer(response, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ssl.SSLError is an OSError.
            raise _translate(error, "GET", url) from error

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int) -> Answer:
        try:
            async with self._request("POST", url, {"Accept-Encoding": "identity", **headers}, body) as response:
                return _answer(response, await _beginning(response, size_bytes_max))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translate(error, "POST", host_of(url)) from None  # The cause would show the URL in a traceback.

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator[Incoming]:
        async with contextlib.AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._request(method, url, headers, body))
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise _translate(error, method, host_of(url)) from None
            yield Incoming(_answer(response, b""), _pieces(response, method, url))

    @contextlib.asynccontextmanager
    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        session = await self._session(url)
        sent = [*(await self._credentials.headers()), *headers.items()]
        server_name = self._settings.tls_config.server_name or None
        async with session.request(
            method,
            URL(url, encoded=True),
            headers=sent,
            data=None if body is None else io.BytesIO(body),  # Bytes would be written in one go.
            allow_redirects=self._settings.follow_redirects,
            max_redirects=REDIRECTS_MAX,
            server_hostname=server_name if url.startswith("https:") else None,
            proxy=self._proxy(url),
            proxy_headers=self._proxy_headers(),
        ) as response:
            yield response

    async def _session(self, url: str) -> aiohttp.ClientSession:
        try:
            return await self._sessions.session(url)
        except (OSError, ValueError) as error:
            raise HttpError(HttpFault.TLS, f"tls_config cannot be used: {error}") from error

    async def close(self) -> None:
        await self._sessions.close()

    def _proxy(self, url: str) -> str | None:
        settings = self._settings
        if not settings.proxy_url:
            return None
        host = urllib.parse.urlsplit(url).netloc
        bypass = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
        return None if settings.no_proxy and bypass(host, {"no": settings.no_proxy}) else settings.proxy_url

    def _proxy_headers(self) -> dict[str, str] | None:
        given = self._settings.proxy_connect_header
        return {name: ", ".join(revealed(value) for value in values) for name, values in given.items()} or None


def _answer(response: aiohttp.ClientResponse, body: bytes) -> Answer:
    return Answer(
        status=response.status,
        reason=response.reason or "",
        content_type=response.headers.get("Content-Type", ""),
        encoding=response.headers.get("Content-Encoding", "").strip().lower(),
        body=body,
        headers={name.lower(): value for name, value in response.headers.items()},
    )


async def _pieces(response: aiohttp.ClientResponse, method: str, url: str) -> AsyncIterator[bytes]:
    """The body as it comes."""
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise _translate(error, method, host_of(url)) from None


async def _body(response: aiohttp.ClientResponse, size_bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > size_bytes_max:
            raise too_large(size_bytes_max)
        parts.append(chunk)
    return b"".join(parts)


async def _beginning(response: aiohttp.ClientResponse, size_bytes_max: int) -> bytes:
    """The body, which may come in many pieces, up to ``size_bytes_max`` bytes of it."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= size_bytes_max:
            break
    return bytes(body[:size_bytes_max])


def _translate(error: Exception, method: str, url: str) -> HttpError:
    """What aiohttp raised, in words that name the place."""
    match error:
        case aiohttp.TooManyRedirects():
            return HttpError(HttpFault.REDIRECTS, f"{method} {url}: stopped after {REDIRECTS_MAX} redirects")
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
            return HttpError(HttpFault.TLS, f"{method} {url}: the server's certificate is not trusted: {reason}")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return HttpError(HttpFault.TLS, f"{method} {url}: TLS failed: {error}")
        case aiohttp.ClientConnectorDNSError():
            return HttpError(HttpFault.CONNECTION, f"{method} {url}: cannot resolve host {error.host!r}")
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            cause = os.strerror(number) if number else str(error.os_error)
            if not cause and url.startswith("https:"):
                return HttpError(HttpFault.TLS, f"{method} {url}: TLS failed: the server broke off the handshake")
            return HttpError(
                HttpFault.CONNECTION, f"{method} {url}: cannot connect to {error.host}:{error.port}: {cause}"
            )
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return HttpError(HttpFault.PROTOCOL, f"{method} {url}: not a URL that can be asked")
        case aiohttp.ServerDisconnectedError():
            return HttpError(
                HttpFault.CONNECTION, f"{method} {url}: the server closed the connection without an answer"
            )
        case aiohttp.ClientPayloadError():
            return HttpError(HttpFault.CONNECTION, f"{method} {url}: the connection broke in the middle of the body")
        case OSError():
            return HttpError(HttpFault.CONNECTION, f"{method} {url}: {error.strerror or error}")
        case aiohttp.ClientResponseError():
            return HttpError(HttpFault.PROTOCOL, f"{method} {url}: the answer is not HTTP: {error.message}")
        case _:
            return HttpError(HttpFault.PROTOCOL, f"{method} {url}: {error}")
