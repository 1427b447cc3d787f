"""What is posted, and the answer to it, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.http_client import HttpClient

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


class Server:
    """Answers one request with ``pieces``, the next of which leaves when the reader has had the one before."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self.request = b""
        self._done = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/robot"
            await self._done.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for piece in self._pieces:
                writer.write(piece)
                await writer.drain()
                # The client has had a turn with what came so far.
                for _ in range(50):
                    await asyncio.sleep(0)
            writer.close()
            await writer.wait_closed()
        self._done.set()


async def ask(pieces: Sequence[bytes], size_bytes_max: int = 65_536) -> tuple[bytes, bytes]:
    """The answer's body as the client gives it, and the request as the server got it."""
    server = Server(pieces)
    async with server.listening() as url, HttpClient(HttpClientSettings(), "test") as client:
        answer = await client.post(url, {"Content-Type": "application/json"}, b"{}", size_bytes_max)
    return answer.body, server.request


async def test_an_answer_in_pieces_comes_out_whole() -> None:
    body, _ = await ask([HEAD + b'Content-Length: 13\r\n\r\n{"err', b'code"', b":0}"])

    assert body == b'{"errcode":0}'


async def test_an_answer_in_chunks_comes_out_whole() -> None:
    body, _ = await ask(
        [HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"err\r\n', b'8\r\ncode":0}\r\n', b"0\r\n\r\n"]
    )

    assert body == b'{"errcode":0}'


async def test_of_a_long_answer_only_the_beginning_is_taken() -> None:
    body, _ = await ask([HEAD + b"Content-Length: 10\r\n\r\n01234", b"56789"], size_bytes_max=7)

    assert body == b"0123456"


async def test_the_server_is_asked_not_to_compress() -> None:
    _, request = await ask([HEAD + b"Content-Length: 2\r\n\r\nok"])

    assert [line for line in request.lower().split(b"\r\n") if b"accept-encoding" in line] == [
        b"accept-encoding: identity"
    ]
