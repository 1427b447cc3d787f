"""Health, readiness, reload, and the program's own metrics.

``/health`` answers with every check, ``/health/live`` that the process runs, ``/health/ready`` that it can do its
work. ``/-/healthy``, ``/-/ready`` and ``/-/reload`` are Prometheus' spelling of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fenghuo.base.errors import InputError, OperatingError


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one part: ``ok`` and, when it is not, what is wrong."""

    ok: bool
    message: str = ""


class Reload(Protocol):
    """Swap the whole configuration, or keep the old one and raise InputError with every problem."""

    async def __call__(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ManagementParts:
    """What the management routes need."""

    registry: CollectorRegistry
    checks: Callable[[], Mapping[str, Check]]
    is_ready: Callable[[], bool]
    reload: Reload


def management_routes(parts: ManagementParts) -> list[Route]:
    async def healthy(request: Request) -> Response:
        return PlainTextResponse("Fenghuo is Healthy.\n")

    async def ready(request: Request) -> Response:
        if parts.is_ready():
            return PlainTextResponse("Fenghuo is Ready.\n")
        return PlainTextResponse("Fenghuo is starting or stopping.\n", status_code=503)

    async def reload(request: Request) -> Response:
        try:
            await parts.reload()
        except (InputError, OperatingError) as error:
            return PlainTextResponse(f"failed to reload config: {error}\n", status_code=500)
        return PlainTextResponse("")

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        body = await run_in_threadpool(encode, parts.registry)
        return Response(body, headers={"Content-Type": content_type})

    async def health(request: Request) -> Response:
        return _health_answer(parts.checks())

    async def live(request: Request) -> Response:
        return _health_answer({})

    async def health_ready(request: Request) -> Response:
        return _health_answer({"ready": Check(parts.is_ready(), "" if parts.is_ready() else "starting or stopping")})

    return [
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/-/reload", reload, methods=["POST", "PUT"]),
        Route("/metrics", metrics),
        Route("/health", health),
        Route("/health/live", live),
        Route("/health/ready", health_ready),
    ]


def _health_answer(checks: Mapping[str, Check]) -> Response:
    ok = all(check.ok for check in checks.values())
    body = {
        "status": "healthy" if ok else "unhealthy",
        "checks": {
            name: {"status": "healthy" if check.ok else "unhealthy", "message": check.message}
            for name, check in checks.items()
        },
    }
    return Response(orjson.dumps(body), 200 if ok else 503, media_type="application/json")
