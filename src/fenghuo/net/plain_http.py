"""GET in the clear, without a proxy: what nearly every scrape is.

A general client's care for what such a request never has took ten times the processor time of the request itself, and
a tenth of a scrape of a thousand lines. Proxies, TLS and redirects are the general client's
(:mod:`fenghuo.net.http_transport`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import urllib.parse
from collections.abc import Sequence
from typing import Final

import aiohappyeyeballs

from fenghuo.net.answer import Answer, HttpError, HttpFault
from fenghuo.net.plain_connection import PlainConnection

KEEP_ALIVE_S: Final = 300.0
"""How long an idle connection is kept: longer than a scrape interval, so that a scrape needs no new connection."""
SECOND_ADDRESS_S: Final = 0.25
"""How long the first address of a name may take before the next is tried beside it; RFC 8305's figure."""
_SCHEME: Final = "http://"
_PORT: Final = 80


class PlainHttp:
    """Connections in the clear, kept open between requests; of one event loop."""

    def __init__(self, user_agent: str) -> None:
        self._user_agent = user_agent
        self._idle: dict[str, list[tuple[float, PlainConnection]]] = {}
        """By host and port: connections and since when they rest, the last one last."""
        self._busy: set[PlainConnection] = set()
        self._swept_s = time.monotonic()

    async def get(self, url: str, headers: Sequence[tuple[str, str]], size_bytes_max: int) -> Answer:
        """GET ``url``, whose body is read when the status is 200. Raises HttpError; cancelling ends the request."""
        host, slash, path = url[len(_SCHEME) :].partition("/")
        request = _request(host, slash + path, [*headers, ("User-Agent", self._user_agent)], url)
        while True:
            connection = self._rested(host)
            reused = connection is not None
            self._busy.add(connection := connection or await _connected(host, url))
            try:
                answer = await connection.ask(request, size_bytes_max)
            except HttpError as error:
                if reused and connection.untouched:
                    continue  # The server had enough of this connection while it rested; the next may be fresh.
                raise HttpError(error.fault, f"GET {url}: {error.message}") from error
            finally:
                self._busy.discard(connection)
            if connection.reusable:
                self._idle.setdefault(host, []).append((time.monotonic(), connection))
            return answer

    def close(self) -> None:
        """Close every connection; a later request opens new ones."""
        for connection in [*self._busy, *(each for idle in self._idle.values() for _, each in idle)]:
            connection.close()
        self._idle.clear()

    def _rested(self, host: str) -> PlainConnection | None:
        now_s = time.monotonic()
        if now_s > self._swept_s + KEEP_ALIVE_S:
            self._swept_s = now_s
            self._sweep(now_s - KEEP_ALIVE_S)
        idle = self._idle.get(host)
        while idle:
            since_s, connection = idle.pop()
            if connection.reusable and since_s > now_s - KEEP_ALIVE_S:
                return connection
            connection.close()
        return None

    def _sweep(self, before_s: float) -> None:
        """Close what rests since then: connections to targets that are gone."""
        for host, idle in list(self._idle.items()):
            for since_s, connection in idle:
                if since_s < before_s:
                    connection.close()
            self._idle[host] = [each for each in idle if each[1].reusable]
            if not self._idle[host]:
                del self._idle[host]


def _request(host: str, target: str, headers: Sequence[tuple[str, str]], url: str) -> bytes:
    lines = [f"GET {target if target.startswith('/') else '/' + target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    text = "\r\n".join(lines)
    if text.count("\n") >= len(lines) or text.count("\r") >= len(lines) or "\0" in text:
        raise HttpError(HttpFault.PROTOCOL, f"GET {url}: a header holds a line break or a zero byte")
    return f"{text}\r\n\r\n".encode()


async def _connected(host: str, url: str) -> PlainConnection:
    """A new connection. Raises HttpError."""
    loop = asyncio.get_running_loop()
    try:
        parts = urllib.parse.urlsplit(_SCHEME + host)
        name, port = parts.hostname, parts.port or _PORT
    except ValueError as error:
        raise HttpError(HttpFault.PROTOCOL, f"GET {url}: not a URL that can be asked") from error
    if not name:
        raise HttpError(HttpFault.PROTOCOL, f"GET {url}: not a URL that can be asked")
    try:
        found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HttpError(HttpFault.CONNECTION, f"GET {url}: cannot resolve host {name!r}") from error
    try:
        opened = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=SECOND_ADDRESS_S if len(found) > 1 else None, interleave=1
        )
        _, connection = await loop.create_connection(PlainConnection, sock=opened)
    except OSError as error:
        cause = os.strerror(error.errno) if error.errno else str(error)
        raise HttpError(HttpFault.CONNECTION, f"GET {url}: cannot connect to {name}:{port}: {cause}") from error
    return connection
