"""One keep-alive HTTP connection whose own cost is small beside the server's: bytes in, bytes out, no gzip."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

TIMEOUT_S = 180.0
_READ_BYTES = 1 << 20
_LAST_CHUNK = b"\r\n0\r\n\r\n"
"""Cannot stand inside a JSON body, which has no bare line ends."""


class RefusedError(Exception):
    """A server did not do what a stage needs; the text says what it said. The stage ends, the others go on."""


@dataclass(frozen=True)
class Answer:
    """What a server sent."""

    status: int
    body: bytes
    seconds: float
    """Wall clock from the first byte sent to the last byte received."""

    def json(self) -> Any:
        """The decoded body. Raises RefusedError, with what the server said, for another status than 200."""
        if self.status != 200:
            raise RefusedError(f"status {self.status}: {self.body[:500]!r}")
        return orjson.loads(self.body)


class Connection:
    """A connection to one loopback port, made when it is needed and kept. Requests raise OSError."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def get(self, path: str, **params: object) -> Answer:
        query = f"?{urlencode(params)}" if params else ""
        return self._ask(f"GET {path}{query} HTTP/1.1\r\n", b"")

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return self._ask(f"POST {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n{lines}", body)

    def _ask(self, head: str, body: bytes) -> Answer:
        request = f"{head}Host: 127.0.0.1:{self._port}\r\n\r\n".encode() + body
        reused = self._socket is not None
        try:
            return self._exchange(request)
        except OSError:
            self.close()
            if not reused:
                raise
            return self._exchange(request)  # The server ended an idle connection.

    def _exchange(self, request: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start_s = time.perf_counter()
        self._socket.sendall(request)
        head, rest = self._head(self._socket)
        chunked = b"transfer-encoding: chunked" in head
        body = _until_last_chunk(self._socket, rest) if chunked else _counted(self._socket, rest, _length(head))
        seconds = time.perf_counter() - start_s
        if b"connection: close" in head:
            self.close()
        return Answer(int(head.split(None, 2)[1]), _joined(body) if chunked else body, seconds)

    @staticmethod
    def _head(connection: socket.socket) -> tuple[bytes, bytes]:
        """The status line and headers in lower case, and what came after them."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += _some(connection)
        head, _, rest = received.partition(b"\r\n\r\n")
        return head.lower(), rest


def _some(connection: socket.socket) -> bytes:
    part = connection.recv(_READ_BYTES)
    if not part:
        raise ConnectionResetError("the server closed the connection")
    return part


def _length(head: bytes) -> int:
    _, found, after = head.partition(b"content-length:")
    return int(after.split(b"\r\n", 1)[0]) if found else 0


def _counted(connection: socket.socket, first: bytes, length: int) -> bytes:
    parts, size = [first], len(first)
    while size < length:
        parts.append(_some(connection))
        size += len(parts[-1])
    return b"".join(parts)


def _until_last_chunk(connection: socket.socket, first: bytes) -> bytes:
    """The chunks as they came; taken apart when the clock no longer runs."""
    parts, tail = [first], first[-len(_LAST_CHUNK) :]
    while tail != _LAST_CHUNK and first != _LAST_CHUNK[2:]:
        parts.append(_some(connection))
        tail = (tail + parts[-1])[-len(_LAST_CHUNK) :]
    return b"".join(parts)


def _joined(chunked: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while True:
        end = chunked.index(b"\r\n", at)
        size = int(chunked[at:end].partition(b";")[0], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(chunked[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
