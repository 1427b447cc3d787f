"""GET in the clear, over a real socket: every way to end a body, and connections that serve many requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import HttpError, HttpFault
from fenghuo.net.http_client import HttpClient

pytestmark = pytest.mark.anyio

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\na 1\nb"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na 1\r\n2;x=y\r\n\nb\r\n0\r\nTrailer: t\r\n\r\n"
ENDLESS = b"HTTP/1.0 200 OK\r\n\r\na 1\nb"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\n"


class Server:
    """Answers the n-th request with ``answers[n]``, in pieces, and then closes the connection if that ends ``END``."""

    def __init__(self, answers: Sequence[Sequence[bytes]], end_after: frozenset[int] = frozenset()) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answers = answers
        self._end_after = end_after
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics?x=y"
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                for piece in self._answers[len(self.requests) - 1]:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if len(self.requests) in self._end_after:
                    writer.close()
                    return


async def ask(
    server: Server, times: int = 1, size_bytes_max: int = 100, **headers: str
) -> list[tuple[int, str, bytes] | HttpFault]:
    found: list[tuple[int, str, bytes] | HttpFault] = []
    async with server.listening() as url, HttpClient(HttpClientSettings(), "tester") as client:
        for _ in range(times):
            try:
                answer = await client.get(url, {"Accept": "all", **headers}, size_bytes_max)
            except HttpError as error:
                if not error.message.startswith(f"GET {url}: "):
                    raise
                found.append(error.fault)
            else:
                found.append((answer.status, answer.reason, answer.body))
    return found


async def test_a_request_says_what_is_wanted_of_whom() -> None:
    server = Server([[LENGTH]])
    await ask(server, Extra="烽火")

    head, *rest = server.requests[0].decode().split("\r\n")
    assert head == "GET /metrics?x=y HTTP/1.1"
    assert rest[0].startswith("Host: 127.0.0.1:")
    assert rest[1:] == ["Accept: all", "Extra: 烽火", "User-Agent: tester", "", ""]


@pytest.mark.parametrize(
    "pieces",
    [
        [LENGTH],
        [LENGTH[:20], LENGTH[20:60], LENGTH[60:]],
        [bytes([each]) for each in LENGTH],
        [CHUNKED],
        [bytes([each]) for each in CHUNKED],
        [INTERIM + LENGTH],
        [INTERIM, CHUNKED],
    ],
)
async def test_a_body_comes_whole_and_the_connection_stays(pieces: list[bytes]) -> None:
    server = Server([pieces, pieces])
    assert await ask(server, 2) == [(200, "OK", b"a 1\nb")] * 2
    assert server.connections == 1


async def test_a_body_without_a_length_ends_with_its_connection() -> None:
    server = Server([[ENDLESS]] * 2, end_after=frozenset((1, 2)))
    assert await ask(server, 2) == [(200, "OK", b"a 1\nb")] * 2
    assert server.connections == 2


async def test_what_the_server_closed_while_it_rested_is_opened_anew() -> None:
    server = Server([[LENGTH]] * 3, end_after=frozenset((1, 2)))
    assert await ask(server, 3) == [(200, "OK", b"a 1\nb")] * 3
    assert server.connections == 3


async def test_the_body_of_a_failure_is_not_waited_for() -> None:
    server = Server([[GONE], [GONE + b"oh\r\n"], [LENGTH]])
    assert await ask(server, 3) == [(410, "Gone", b""), (410, "Gone", b""), (200, "OK", b"a 1\nb")]


@pytest.mark.parametrize(
    ("pieces", "fault"),
    [
        ([LENGTH[:-1]], HttpFault.CONNECTION),
        ([CHUNKED[:-2]], HttpFault.CONNECTION),
        ([b"HTTP/1.1 200 OK\r\nContent-Le"], HttpFault.CONNECTION),
        ([b""], HttpFault.CONNECTION),
        ([b"220 mail ready\r\n"], HttpFault.PROTOCOL),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000], HttpFault.PROTOCOL),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000], HttpFault.PROTOCOL),
        ([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"], HttpFault.PROTOCOL),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\na 1\nb"], HttpFault.PROTOCOL),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"a" * 101], HttpFault.BODY_SIZE),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 101], HttpFault.BODY_SIZE),
    ],
)
async def test_what_is_no_answer_says_why(pieces: list[bytes], fault: HttpFault) -> None:
    assert await ask(Server([pieces], end_after=frozenset((1,)))) == [fault]


async def test_an_answer_that_nobody_asked_for_is_taken_for_none() -> None:
    """Two answers to one question: the second must not answer the next."""
    lie = LENGTH.replace(b"a 1\nb", b"lie 1")
    server = Server([[LENGTH + lie], [LENGTH]])
    assert await ask(server, 2) == [(200, "OK", b"a 1\nb")] * 2
    assert server.connections == 2


@pytest.mark.parametrize("value", ["a\r\nEvil: yes", "a\nb", "a\0b", "a\rb"])
async def test_a_header_cannot_hold_another(value: str) -> None:
    server = Server([[LENGTH]])
    assert await ask(server, Extra=value) == [HttpFault.PROTOCOL]
    assert server.requests == []


async def test_cancelling_ends_the_connection() -> None:
    server = Server([[LENGTH[:-1]], [LENGTH]])
    async with server.listening() as url, HttpClient(HttpClientSettings(), "tester") as client:
        asking = asyncio.create_task(client.get(url, {}, 100))
        while not server.requests:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await client.get(url, {}, 100)).body == b"a 1\nb"
    assert server.connections == 2
