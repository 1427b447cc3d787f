"""What a client may cost before its request is looked at: connections, bytes and time of a head."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from fenghuo.app import http_protocol
from fenghuo.app.http_server import listen_on, serving
from fenghuo.app.options import Address
from fenghuo.base.limits import Limit, Policy

pytestmark = pytest.mark.anyio

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    answer: Response = PlainTextResponse(f"{len(await Request(scope, receive).body())} bytes")
    await answer(scope, receive, send)


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    async with listen_on(Address("127.0.0.1", 0)) as listener, serving(echo, listener):
        yield listener.getsockname()


def bound(monkeypatch: pytest.MonkeyPatch, name: str, size: int) -> Limit:
    limit = Limit(name.lower(), size, Policy.REJECT, name)
    monkeypatch.setattr(http_protocol, name, limit)
    return limit


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The next answer; empty when the server closed the connection."""
    async with asyncio.timeout(5):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split()[1]) for line in head.lower().splitlines() if b"content-length" in line)
            return head[:12] + await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


async def test_connections_beyond_the_limit_are_closed_and_the_others_served(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = bound(monkeypatch, "CONNECTIONS", 2)
    both = [await asyncio.open_connection(*address) for _ in range(2)]
    for reader, writer in both:
        writer.write(REQUEST)
        assert await answer(reader) == b"HTTP/1.1 2000 bytes"
    reader, third = await asyncio.open_connection(*address)
    assert await answer(reader) == b""
    assert limit.hits == 1
    for writer in (both[0][1], third):
        writer.close()
        await asyncio.wait({asyncio.ensure_future(writer.wait_closed())})
    await asyncio.sleep(0.05)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(REQUEST)
    assert await answer(reader) == b"HTTP/1.1 2000 bytes"
    for each in (writer, both[1][1]):
        each.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", REQUEST[:-2], b"\r\n"])
async def test_who_takes_too_long_over_a_head_is_let_go(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    limit = bound(monkeypatch, "HEAD_S", 0)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    assert await answer(reader) == b""
    assert limit.hits == 1
    writer.close()


async def test_a_second_head_has_its_own_time(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(REQUEST)
    assert await answer(reader) == b"HTTP/1.1 2000 bytes"
    limit = bound(monkeypatch, "HEAD_S", 0)
    writer.write(b"GET / HTT")
    assert await answer(reader) == b""
    assert limit.hits == 1
    writer.close()


async def test_the_size_of_a_head_is_bounded_and_a_body_is_no_head(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = bound(monkeypatch, "HEAD_BYTES", 1000)
    reader, writer = await asyncio.open_connection(*address)
    for size in (10, 100_000):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        assert await answer(reader) == b"HTTP/1.1 200%d bytes" % size
    assert limit.hits == 0
    writer.write(REQUEST[:-2] + b"X: " + b"y" * 2000)
    assert await answer(reader) == b"HTTP/1.1 431The request's headers are too large"
    assert await reader.read() == b""
    assert limit.hits == 1
    writer.close()


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """As the door does: without a look at the body."""
    await PlainTextResponse("no", 401)(scope, receive, send)


@pytest.fixture
async def refusing() -> AsyncIterator[tuple[str, int]]:
    async with listen_on(Address("127.0.0.1", 0)) as listener, serving(refuse, listener):
        yield listener.getsockname()


async def post(writer: asyncio.StreamWriter, size: int) -> None:
    """A request whose body is still being sent when it is answered."""
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
    await asyncio.sleep(0.05)
    for _ in range(0, size, 100_000):
        writer.write(b"x" * min(size, 100_000))
        await asyncio.sleep(0)


async def test_a_body_that_comes_after_its_answer_is_no_head(refusing: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*refusing)
    await post(writer, 2_000_000)
    assert await answer(reader) == b"HTTP/1.1 401no"
    writer.write(REQUEST)
    assert await answer(reader) == b"HTTP/1.1 401no"
    writer.close()


async def test_a_body_that_comes_after_its_answer_is_bounded(
    refusing: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = bound(monkeypatch, "BODY_BYTES", 1_000_000)
    reader, writer = await asyncio.open_connection(*refusing)
    await post(writer, 2_000_000)
    said = [each for _ in range(3) if (each := await answer(reader))]
    assert said in ([], [b"HTTP/1.1 401no"])  # A connection that is cut off may take the answer with it.
    assert limit.hits == 1
    writer.close()
