"""A bound on the body of every request, for handlers that read bodies whole."""

from __future__ import annotations

import orjson
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenghuo.base import limits

BODY_BYTES = limits.declare(
    "http_body_bytes", 16 * 1024 * 1024, limits.Policy.REJECT, "Bytes of a request's body, whatever it is."
)
STREAMED = frozenset({"/api/v1/import", "/api/v1/import/prometheus"})
"""Paths whose handlers take bodies of any length, a piece at a time."""


class BodyLimitMiddleware:
    """Answers 413 when a body says that it is too long, or turns out to be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in STREAMED:
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "")
        if said.isdecimal() and int(said) > BODY_BYTES.default:
            BODY_BYTES.hit()
            await _refusal()(scope, receive, send)
            return
        size_bytes = 0

        async def counted() -> Message:
            nonlocal size_bytes
            message = await receive()
            size_bytes += len(message.get("body", b""))
            if size_bytes > BODY_BYTES.default:
                BODY_BYTES.hit()
                raise HTTPException(413, _too_large())
            return message

        await self._app(scope, counted, send)


def _too_large() -> str:
    return f"request body is larger than {BODY_BYTES.default} bytes"


def _refusal() -> Response:
    """Readable by Prometheus clients (``errorType``) and by the panel (``error.code`` is ``code``)."""
    body = {"status": "error", "errorType": "bad_data", "error": _too_large(), "code": "body_too_large"}
    return Response(orjson.dumps(body), 413, media_type="application/json", headers={"Connection": "close"})
