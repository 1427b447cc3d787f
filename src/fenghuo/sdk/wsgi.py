"""The WSGI middleware, and route templates of Flask applications."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from fenghuo.sdk.endpoints import Endpoints
from fenghuo.sdk.guard import harmless
from fenghuo.sdk.http_metrics import UNMATCHED, HttpMetrics, endpoint_by

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
EndpointOf = Callable[[Environ], str]


class WsgiMiddleware:
    """Counts and times requests, and answers ``/metrics`` and the health paths."""

    def __init__(self, app: WsgiApp, metrics: HttpMetrics, endpoints: Endpoints, endpoint_of: EndpointOf) -> None:
        self._app = app
        self._metrics = metrics
        self._endpoints = endpoints
        self._endpoint_of = endpoint_of

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") and path in self._endpoints.paths:
            return self._answer(environ, path, start_response)
        return self._measured(environ, start_response)

    def _measured(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, endpoint = 500, ""

        def noting(status_line: str, *rest: Any, **named: Any) -> Any:
            nonlocal status, endpoint
            with harmless("reading a response's status"):
                status = int(status_line.split(" ", 1)[0])
                # Asked for here: frameworks drop their request object once the application has returned.
                endpoint = self._endpoint_of(environ)
            return start_response(status_line, *rest, **named)

        def ended() -> None:
            with harmless("counting a request"):
                seconds = time.perf_counter() - start_s
                method = environ["REQUEST_METHOD"]
                self._metrics.ended(method, endpoint or endpoint_by(self._endpoint_of, environ), status, seconds)

        with harmless("counting a request"):
            self._metrics.started()
        start_s = time.perf_counter()
        try:
            body = self._app(environ, noting)
        except BaseException:
            ended()
            raise
        return _Body(body, ended)

    def _answer(self, environ: Environ, path: str, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._endpoints.answer(path, environ.get("HTTP_ACCEPT", ""))
        status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        start_response(status, [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]


class _Body:
    """A response body that says when the server is done with it."""

    def __init__(self, body: Iterable[bytes], ended: Callable[[], None]) -> None:
        self._body = body
        self._ended: Callable[[], None] | None = ended

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Called by every WSGI server when the response was sent or given up."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            ended, self._ended = self._ended, None
            if ended is not None:
                ended()


def flask_endpoint(environ: Environ) -> str:
    """The rule that Flask matched; it leaves its request object in the WSGI environment."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return str(rule.rule) if rule is not None else UNMATCHED
