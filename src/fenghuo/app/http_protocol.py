"""HTTP as uvicorn speaks it, with bounds on what a client may cost before any handler sees its request."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fenghuo.api.body_limit import BODY_BYTES
from fenghuo.base import limits

CONNECTIONS = limits.declare(
    "http_connections", 2_000, limits.Policy.REJECT, "Connections of HTTP clients at a time; more are closed at once."
)
HEAD_BYTES = limits.declare(
    "http_head_bytes", 256 * 1024, limits.Policy.REJECT, "Bytes of a request's first line and headers."
)
HEAD_S = limits.declare(
    "http_head_s", 30, limits.Policy.REJECT, "How long a client may take over a request's first line and headers."
)

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 35\r\nconnection: close\r\n\r\n"
    b"The request's headers are too large"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One client's connection. It waits for a head until :meth:`on_headers_complete`, and then for the next one.

    A request may be answered before its body has come, as the door does with whom it does not know. What then comes
    of the body is dropped, within the bounds of a body and the time of a head, so that the next request is heard.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waited_bytes = 0
        """What came since a head is waited for, the end of a body that was answered included."""
        self._in_message = False
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS.default:
            CONNECTIONS.hit()
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        cycle: RequestResponseCycle | None = getattr(self, "cycle", None)  # uvicorn's annotation hides the None.
        if cycle is None or cycle.response_complete:
            self._wait_for_head()
        self._waited_bytes += len(data)
        super().data_received(data)
        limit = BODY_BYTES if self._in_message else HEAD_BYTES
        if self._patience is not None and self._waited_bytes > limit.default and not self.transport.is_closing():
            if self._in_message:
                BODY_BYTES.hit()
            else:
                HEAD_BYTES.hit()
                self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._head_is_there()
        self._in_message = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head_is_there()
        self._in_message = False
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        if self._patience is None:
            self._waited_bytes = 0
            self._patience = self.loop.call_later(HEAD_S.default, self._give_up)

    def _head_is_there(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        HEAD_S.hit()
        self.transport.close()
