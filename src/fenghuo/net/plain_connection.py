"""One connection over which answers to GET requests come, one after the other, in the clear."""

from __future__ import annotations

import asyncio
from typing import Final, cast

import httptools

from fenghuo.net.answer import Answer, HttpError, HttpFault, too_large

OVERHEAD_BYTES_MAX: Final = 256 * 1024
OVERHEAD_SHARE_MAX: Final = 8
"""Bytes of an answer that are not body: so many, and so many more for each byte of body, which is what chunks of one
byte cost. Who sends more is no server of metrics."""


class PlainConnection(asyncio.Protocol):
    """An HTTP/1.1 connection. :meth:`ask` is called once at a time.

    ``reusable`` says after an answer whether the next request may go over it; ``untouched`` whether the server has
    sent nothing at all since the last request, so that another connection may be tried.
    """

    def __init__(self) -> None:
        self.reusable = True
        self.untouched = True
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._expect(0)

    def _expect(self, size_bytes_max: int) -> None:
        """Make ready for an answer with a body of at most so many bytes."""
        self._size_bytes_max = size_bytes_max
        self._received = self._size = 0
        self._parts: list[bytes] = []
        self._reason = b""
        self._headers: dict[str, str] = {}
        self._status = 0

    async def ask(self, request: bytes, size_bytes_max: int) -> Answer:
        """Send a request and wait for its answer, whose body is read when the status is 200.

        Raises HttpError without the URL in its message; the connection is closed then, and when this is cancelled.
        """
        assert self._transport is not None
        self.untouched = True
        if self._transport.is_closing():
            raise _no_answer()
        self._expect(size_bytes_max)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiting
        except BaseException:
            self.close()
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        """Let go of the connection at once."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.untouched = False
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, HttpError) else _not_http(str(cause)))
        except httptools.HttpParserUpgrade:
            self._fail(_not_http("the server wants to change the protocol"))
        except httptools.HttpParserError as error:
            self._fail(_not_http(str(error)))
        if self._open:
            if self._received > OVERHEAD_BYTES_MAX + OVERHEAD_SHARE_MAX * self._size:
                self._fail(_not_http("its headers are too large"))
            elif self._status not in (0, 200):
                self._succeed(drained=False)  # Nobody wants to read what else it has to say.

    def eof_received(self) -> None:
        if self._status and not self._headers.keys() & {"content-length", "transfer-encoding"}:
            self._succeed(drained=False)  # A body without a length ends with its connection.

    def connection_lost(self, exc: Exception | None) -> None:
        if self._status:
            self._fail(HttpError(HttpFault.CONNECTION, "the connection broke in the middle of the body"))
        elif isinstance(exc, OSError) and exc.strerror:
            self._fail(HttpError(HttpFault.CONNECTION, exc.strerror))
        else:
            self._fail(_no_answer())

    # What the parser calls.

    def on_message_begin(self) -> None:
        if not self._open:
            self.close()  # Nobody has asked, so nobody knows what this would be the answer to.

    def on_status(self, status: bytes) -> None:
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # Else it is a trailer.
            key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # Else it is an interim answer: the answer itself follows.
            self._status = status

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._status == 200:
            if self._size > self._size_bytes_max:
                raise too_large(self._size_bytes_max)
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._status:
            self._succeed(drained=self._parser.should_keep_alive())
        else:
            self._reason, self._headers = b"", {}

    @property
    def _open(self) -> bool:
        """Whether somebody waits for an answer that is not there yet."""
        return self._waiting is not None and not self._waiting.done()

    def _succeed(self, *, drained: bool) -> None:
        """The answer is there. Unless ``drained``, the connection is of no use for another."""
        if self._waiting is None or self._waiting.done():
            return
        headers = self._headers
        self._waiting.set_result(
            Answer(
                status=self._status,
                reason=self._reason.decode("utf-8", "replace"),
                content_type=headers.get("content-type", ""),
                encoding=headers.get("content-encoding", "").strip().lower(),
                body=self._parts[0] if len(self._parts) == 1 else b"".join(self._parts),
                headers=headers,
            )
        )
        if not drained:
            self.close()

    def _fail(self, error: HttpError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()


def _no_answer() -> HttpError:
    return HttpError(HttpFault.CONNECTION, "the server closed the connection without an answer")


def _not_http(message: str) -> HttpError:
    return HttpError(HttpFault.PROTOCOL, f"the answer is not HTTP: {message}")
