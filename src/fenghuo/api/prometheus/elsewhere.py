"""The query API when another engine answers: requests are put to it, and its answers are passed on as they come.

An error of the engine keeps its words. What is no answer of a Prometheus (a proxy's page, a refusal of our own
credentials) becomes one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol
from urllib.parse import quote

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fenghuo.api.params import Params, read_params
from fenghuo.api.prometheus.answer import ApiError, ErrorType, answering, failure
from fenghuo.base.errors import OperatingError
from fenghuo.base.limits import Policy, declare
from fenghuo.net.answer import Answer, HttpError, Incoming

CONCURRENCY: Final = declare(
    "remote_query_concurrency", 20, Policy.WAIT, "Queries put to a remote engine at the same time; further ones wait."
)
ANSWER_BYTES: Final = declare(
    "remote_answer_bytes", 1 << 30, Policy.REJECT, "Size of an answer of a remote engine that is passed on, compressed."
)
_TEXT_MAX: Final = 500
_PASSED: Final = ("content-type", "content-encoding", "content-length", "vary")


class Engine(Protocol):
    """Who is asked; see :class:`fenghuo.metrics.remote.engine.RemoteEngine`."""

    @property
    def place(self) -> str: ...

    def ask(
        self, path: str, params: list[tuple[str, str]], *, post: bool, gzip: bool
    ) -> AbstractAsyncContextManager[Incoming]: ...


class ElsewhereApi:
    """The routes that a remote engine answers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._slots = anyio.CapacityLimiter(CONCURRENCY.default)

    def routes(self) -> list[Route]:
        both = ["GET", "POST"]
        return [
            *(
                Route(f"/api/v1/{name}", answering(self._forward), methods=both)
                for name in ("query", "query_range", "query_exemplars", "series", "labels")
            ),
            Route("/api/v1/label/{name:path}/values", answering(self._forward)),
            Route("/api/v1/metadata", answering(self._forward)),
        ]

    async def _forward(self, request: Request) -> Response:
        params = await read_params(request)
        name = request.path_params.get("name")
        path = f"/api/v1/label/{quote(name, safe='')}/values" if name is not None else request.url.path
        post = name is None and not path.endswith("/metadata")
        return _Passed(
            lambda gzip: self._engine.ask(path, _pairs(params), post=post, gzip=gzip), self._slots, self._engine.place
        )


def _pairs(params: Params) -> list[tuple[str, str]]:
    return list(params.pairs)


class _Passed(Response):
    """An answer that is asked for when it is to be sent, and passed on piece by piece."""

    def __init__(
        self, ask: Callable[[bool], AbstractAsyncContextManager[Incoming]], slots: anyio.CapacityLimiter, place: str
    ) -> None:
        super().__init__()
        self._ask = ask
        self._slots = slots
        self._place = place
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gzip = b"gzip" in dict(scope["headers"]).get(b"accept-encoding", b"")
        passing = asyncio.ensure_future(self._pass_on(gzip, send))
        gone = asyncio.ensure_future(_hung_up(receive))
        try:
            await asyncio.wait((passing, gone), return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                await self._told(passing, scope, receive, send)
        finally:
            for task in (passing, gone):
                task.cancel()
            await asyncio.wait((passing, gone))

    async def _told(self, passing: asyncio.Future[None], scope: Scope, receive: Receive, send: Send) -> None:
        """Tell an error that came before the answer; after its beginning, breaking off is all that tells."""
        try:
            passing.result()
        except (OperatingError, ApiError) as error:
            if self._begun:
                raise
            kind = error.error_type if isinstance(error, ApiError) else ErrorType.UNAVAILABLE
            await failure(kind, str(error))(scope, receive, send)

    async def _pass_on(self, gzip: bool, send: Send) -> None:
        if self._slots.available_tokens <= 0:
            CONCURRENCY.hit()
        async with self._slots, self._ask(gzip) as incoming:
            await _refuse_what_is_no_answer(incoming, self._place)
            head = incoming.head
            headers = [(name.encode(), head.headers[name].encode()) for name in _PASSED if name in head.headers]
            self._begun = True
            await send({"type": "http.response.start", "status": head.status, "headers": headers})
            async for piece in _bounded(incoming.pieces):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _bounded(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > ANSWER_BYTES.default:
            ANSWER_BYTES.hit()
            raise OperatingError(f"the answer has more than {ANSWER_BYTES.default} bytes", retryable=False)
        yield piece


async def _refuse_what_is_no_answer(incoming: Incoming, place: str) -> None:
    """Raises ApiError for an error that is not in JSON."""
    head = incoming.head
    if head.status < 400 or "json" in head.content_type:
        return
    text = bytearray()
    with contextlib.suppress(HttpError):
        async for piece in incoming.pieces:
            text += piece
            if len(text) >= _TEXT_MAX:
                break
    shown = _shown(head, bytes(text))
    kind = {400: ErrorType.BAD_DATA, 404: ErrorType.NOT_FOUND, 422: ErrorType.EXECUTION}.get(head.status)
    raise ApiError(kind or ErrorType.UNAVAILABLE, f"the remote engine at {place} answers {shown}")


def _shown(head: Answer, text: bytes) -> str:
    said = text[:_TEXT_MAX].decode(errors="replace").strip() if not head.encoding else ""
    return f"{head.status} {head.reason}".strip() + (f": {said}" if said else "")


async def _hung_up(receive: Receive) -> None:
    """Returns when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        continue
