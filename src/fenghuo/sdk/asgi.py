"""The ASGI middleware, and route templates of Starlette and FastAPI applications."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fenghuo.sdk.endpoints import Endpoints
from fenghuo.sdk.guard import harmless
from fenghuo.sdk.http_metrics import UNMATCHED, HttpMetrics, endpoint_by

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
EndpointOf = Callable[[Scope], str]


ANSWERING_THREADS = 2
"""Threads that answer ``/metrics`` and the health paths: our own, so that checks that hang take none of the host's."""


class AsgiMiddleware:
    """Counts and times requests, and answers ``/metrics`` and the health paths."""

    def __init__(self, app: AsgiApp, metrics: HttpMetrics, endpoints: Endpoints, endpoint_of: EndpointOf) -> None:
        self._app = app
        self._metrics = metrics
        self._endpoints = endpoints
        self._endpoint_of = endpoint_of
        self._threads = ThreadPoolExecutor(ANSWERING_THREADS, "fenghuo-sdk")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD") and scope["path"] in self._endpoints.paths:
            await self._answer(scope, send)
        else:
            await self._measured(scope, receive, send)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What an application never answers counts as 500: its server will say so to the client.
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        asked = dict(scope)  # Routers write into the scope; the template is looked up with what was asked.
        with harmless("counting a request"):
            self._metrics.started()
        start_s = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            with harmless("counting a request"):
                seconds = time.perf_counter() - start_s
                asked["route"] = scope.get("route")
                self._metrics.ended(scope["method"], endpoint_by(self._endpoint_of, asked), status, seconds)

    async def _answer(self, scope: Scope, send: Send) -> None:
        accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, self._endpoints.answer, scope["path"], accept)
        headers = [
            (b"content-type", answer.content_type.encode("latin-1")),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


def starlette_endpoint(routes: Callable[[], Iterable[Any]]) -> EndpointOf:
    """Finds the template of the route that answers a request, mounted applications included."""

    def endpoint_of(scope: Scope) -> str:
        return template_of(routes(), dict(scope)) or UNMATCHED

    return endpoint_of


def template_of(routes: Iterable[Any], scope: Scope) -> str:
    """The template of the first route that matches ``scope``, or "". A partial match (wrong method) counts last.

    A route that does not show its path (FastAPI's included routers) leaves the one that answered in
    ``scope["route"]``.
    """
    partial = ""
    for route in routes:
        match, child_scope = route.matches(scope)
        if match.value == 0:
            continue
        template = str(getattr(route, "path_format", None) or getattr(route, "path", None) or _answered_by(scope))
        inner = getattr(route, "routes", None)
        if inner:
            template = str(getattr(route, "path", "")) + template_of(inner, {**scope, **child_scope})
        if match.value == 2:
            return template
        partial = partial or template
    return partial


def _answered_by(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", ""))
