"""Bounds on the body of every request: how long it is, and how long its sender may pause."""

from __future__ import annotations

import asyncio

import orjson
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenghuo.base import limits

BODY_BYTES = limits.declare(
    "http_body_bytes", 16 * 1024 * 1024, limits.Policy.REJECT, "Bytes of a request's body, whatever it is."
)
BODY_PAUSE = limits.declare(
    "http_body_pause_seconds", 30, limits.Policy.REJECT, "Seconds that a sender may let pass within a request's body."
)
STREAMED = frozenset({"/api/v1/import", "/api/v1/import/prometheus"})
"""Paths whose handlers take bodies of any length, a piece at a time."""


class BodyLimitMiddleware:
    """Answers 413 when a body says that it is too long, or turns out to be, and 408 when it does not go on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size_max = None if scope["path"] in STREAMED else BODY_BYTES.default
        said = Headers(scope=scope).get("content-length", "")
        if size_max is not None and said.isdecimal() and int(said) > size_max:
            BODY_BYTES.hit()
            await _refusal()(scope, receive, send)
            return
        await self._app(scope, _Bounded(receive, size_max), send)


class _Bounded:
    """``receive``, for as long as the body lasts within its bounds. What comes after the body may take its time."""

    def __init__(self, receive: Receive, size_max: int | None) -> None:
        self._receive = receive
        self._size_max = size_max
        self._size = 0
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_PAUSE.default):
                message = await self._receive()
        except TimeoutError as error:
            BODY_PAUSE.hit()
            text = f"the request's body did not go on for {BODY_PAUSE.default} s"
            raise HTTPException(408, text, {"Connection": "close"}) from error
        self._whole = not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self._size_max is not None and self._size > self._size_max:
            BODY_BYTES.hit()
            raise HTTPException(413, _too_large())
        return message


def _too_large() -> str:
    return f"request body is larger than {BODY_BYTES.default} bytes"


def _refusal() -> Response:
    """Readable by Prometheus clients (``errorType``) and by the panel (``error.code`` is ``code``)."""
    body = {"status": "error", "errorType": "bad_data", "error": _too_large(), "code": "body_too_large"}
    return Response(orjson.dumps(body), 413, media_type="application/json", headers={"Connection": "close"})
