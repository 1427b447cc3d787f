"""A webhook receiver in a thread of this program: it notes when each notice was there, and reads them afterwards.

It does as little as it can while servers are measured: a body is kept as it came, with the moment of its last byte.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_FINGERPRINT = re.compile(rb'"fingerprint":"([0-9a-f]{16})"')
_POLL_S = 0.02


@dataclass(frozen=True)
class Notice:
    """One request."""

    at_s: float
    """When its last byte was there, by ``time.monotonic``."""
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Webhook:
    """Where notices arrive."""

    url: str = ""
    notices: list[Notice] = field(default_factory=list)

    def wait_for(self, alerts: int, timeout_s: float) -> bool:
        """Wait until so many different alerts were told; false when the time was up before."""
        deadline_s = time.monotonic() + timeout_s
        told: set[bytes] = set()
        seen = 0
        while time.monotonic() < deadline_s:
            fresh = self.notices[seen:]
            seen += len(fresh)
            told.update(*(_FINGERPRINT.findall(notice.body) for notice in fresh))
            if len(told) >= alerts:
                return True
            time.sleep(_POLL_S)
        return False


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, which is what both senders speak."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (body := self._whole()) is not None:
            self._webhook.notices.append(Notice(time.monotonic(), body))
            assert self._transport is not None
            self._transport.write(_ANSWER)

    def _whole(self) -> bytes | None:
        """The body of the first request, once it is there, taken out of what was received."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._received) < end + 4 + length:
            return None
        body = bytes(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        return body


@contextmanager
def receiving() -> Iterator[Webhook]:
    """A receiver on a free loopback port."""
    loop = asyncio.new_event_loop()
    webhook = Webhook()
    server = loop.run_until_complete(loop.create_server(lambda: _Connection(webhook), "127.0.0.1", 0))
    webhook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    thread = threading.Thread(target=loop.run_forever, name="webhook", daemon=True)
    thread.start()
    try:
        yield webhook
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
