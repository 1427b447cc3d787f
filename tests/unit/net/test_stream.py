"""Answers that are taken as they come, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import HttpError
from fenghuo.net.http_client import HttpClient

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 422 No\r\nContent-Type: application/json\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\n\r\n"


@contextlib.asynccontextmanager
async def serving(*pieces: bytes) -> AsyncIterator[tuple[str, asyncio.Event, list[bytes]]]:
    """A server that writes the first pieces at once and the last when the event is set, and keeps what it is sent."""
    going, asked = asyncio.Event(), list[bytes]()

    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        for piece in pieces[:-1]:
            writer.write(piece)
        await going.wait()
        writer.write(pieces[-1])
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x", going, asked
        going.set()
        await ended.wait()


async def test_the_head_and_the_first_piece_are_there_before_the_last_is() -> None:
    async with (
        serving(HEAD, b"01234", b"56789") as (url, going, asked),
        HttpClient(HttpClientSettings(), "test") as client,
    ):
        async with asyncio.timeout(10), client.stream("GET", url, {"Accept-Encoding": "gzip"}) as incoming:
            assert (incoming.head.status, incoming.head.encoding) == (422, "gzip")
            assert await anext(aiter(incoming.pieces)) == b"01234"
            going.set()
            assert [piece async for piece in incoming.pieces] == [b"56789"]
        assert b"Accept-Encoding: gzip\r\n" in asked[0]


async def test_a_body_that_breaks_off_is_an_error() -> None:
    async with serving(HEAD, b"01234", b"") as (url, going, _), HttpClient(HttpClientSettings(), "test") as client:
        going.set()
        with pytest.raises(HttpError, match="in the middle of the body"):
            async with asyncio.timeout(10), client.stream("GET", url, {}) as incoming:
                assert [piece async for piece in incoming.pieces] == []


async def test_nobody_there_is_an_error_and_what_the_caller_raises_stays_what_it_is() -> None:
    async with HttpClient(HttpClientSettings(), "test") as client:
        with pytest.raises(HttpError, match="cannot connect"):
            async with client.stream("POST", "http://127.0.0.1:1/x", {}, b"q"):
                pass
        async with serving(HEAD, b"01234", b"") as (url, _, _):
            with pytest.raises(ZeroDivisionError):
                async with client.stream("GET", url, {}):
                    raise ZeroDivisionError
        async with serving(HEAD, b"01234", b"") as (url, _, _):
            with pytest.raises(ValueError, match="mine"):
                async with client.stream("GET", url, {}):
                    raise ValueError("mine")
