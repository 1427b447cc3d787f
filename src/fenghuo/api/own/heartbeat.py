"""Heartbeats: what jobs say, at addresses that are their own key, and what people ask and change.

A job asks ``/heartbeat/NAME/KEY`` when it is done, with ``/start``, ``/fail``, ``/log`` or its exit code behind that
when it has that to say. GET, HEAD and POST do the same; a body of POST is kept as text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from fenghuo.api.audit.middleware import note_of
from fenghuo.api.auth.identity import OPEN_HEARTBEAT, Identity, Role
from fenghuo.api.own.errors import ErrorAnswer, OwnApiError
from fenghuo.api.own.signatures import Signatures
from fenghuo.heartbeat.service import TEXT, Heartbeat, Heartbeats
from fenghuo.heartbeat.timing import Signal
from fenghuo.model.duration import format_duration

REFUSALS: dict[int | str, dict[str, type[ErrorAnswer]]] = {400: {"model": ErrorAnswer}}
WORDS = {"start": Signal.START, "fail": Signal.FAIL, "log": Signal.LOG}
SUBJECT = "heartbeat"

Name = Annotated[str, Path(min_length=1, max_length=100)]


class HeartbeatRequest(BaseModel):
    """In the words of the configuration; ``period`` or ``cron`` is needed."""

    name: str = Field(min_length=1, max_length=100)
    period: str = ""
    cron: str = ""
    zone: str = ""
    grace: str = ""
    runtime_max: str = ""
    labels: dict[str, str] = Field(default={})
    description: str = Field(default="", max_length=4_096)


class HeartbeatView(BaseModel):
    """``status`` is new, up, running, due, late, failed or missing; ``troubles`` say since when something is wrong.

    ``path`` is secret: whoever has it can say that the job is well. Only operators see it.
    """

    name: str
    status: str
    troubles: dict[str, int]
    due_ms: int
    heard_ms: int | None
    started_ms: int | None
    succeeded_ms: int | None
    duration_ms: int | None
    exit_code: int | None
    text: str
    period: str
    cron: str
    zone: str
    grace: str
    runtime_max: str
    labels: dict[str, str]
    description: str
    made_by: str
    path: str


def heartbeat_router(heartbeats: Heartbeats, signatures: Signatures) -> APIRouter:
    """Handlers that read or write the database are plain functions, or do it in worker threads."""
    router = APIRouter(tags=["heartbeats"], responses=REFUSALS)
    _add_for_people(router, heartbeats, lambda name: f"{OPEN_HEARTBEAT}{name}/{signatures.of(SUBJECT, name)}")
    _add_for_jobs(router, heartbeats, signatures)
    return router


def _add_for_people(router: APIRouter, heartbeats: Heartbeats, path: Callable[[str], str]) -> None:
    def view(one: Heartbeat, request: Request) -> HeartbeatView:
        identity: Identity = request.state.identity
        return _view(one, path(one.pulse.name) if identity.role >= Role.OPERATOR else "")

    @router.get("/heartbeats")
    def show(request: Request) -> list[HeartbeatView]:
        """Every heartbeat, by name."""
        return [view(one, request) for one in heartbeats.all()]

    @router.post("/heartbeats", status_code=201)
    def make(wanted: HeartbeatRequest, request: Request) -> HeartbeatView:
        """Wait for one more, or for one made here before by other settings."""
        identity: Identity = request.state.identity
        note_of(request).subject = wanted.name
        given = {key: value for key, value in wanted.model_dump(exclude={"name"}).items() if value}
        return view(heartbeats.make(wanted.name, given, identity.name), request)

    @router.delete("/heartbeats/{name}", status_code=204)
    def remove(name: Name) -> None:
        """Wait for it no more; what the configuration names stays."""
        heartbeats.remove(name)


def _add_for_jobs(router: APIRouter, heartbeats: Heartbeats, signatures: Signatures) -> None:
    async def success(name: str, key: str, request: Request) -> PlainTextResponse:
        """A job ended well, or is simply alive. The path is its own key."""
        return await hear(name, key, Signal.SUCCESS, request)

    async def say(name: str, key: str, word: str, request: Request) -> PlainTextResponse:
        """A job says start, fail, log, or with which exit code it ended. The path is its own key."""
        if word in WORDS:
            return await hear(name, key, WORDS[word], request)
        if not (word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255):
            raise OwnApiError(404, "not_found", "what is said is start, fail, log or an exit code from 0 to 255")
        code = int(word)
        return await hear(name, key, Signal.FAIL if code else Signal.SUCCESS, request, code)

    async def hear(name: str, key: str, signal: Signal, request: Request, code: int | None = None) -> PlainTextResponse:
        text = await _end_of_body(request)
        await anyio.to_thread.run_sync(take, name, key, signal, text, code)
        return PlainTextResponse("OK\n")

    def take(name: str, key: str, signal: Signal, text: bytes, code: int | None) -> None:
        if not heartbeats.knows(name) or not signatures.holds(key, SUBJECT, name):
            raise OwnApiError(404, "not_found", "there is no such heartbeat", "`fenghuo heartbeat list` shows them")
        heartbeats.hear(name, signal, text, code)

    address = "/heartbeat/{name}/{key}"
    handlers: list[tuple[str, Callable[..., Any]]] = [(address, success), (f"{address}/{{word}}", say)]
    for route, handler in handlers:
        router.get(route, response_class=PlainTextResponse)(handler)
        router.post(route, response_class=PlainTextResponse)(handler)
        router.head(route, response_class=PlainTextResponse, include_in_schema=False)(handler)


async def _end_of_body(request: Request) -> bytes:
    """The end of the body, one byte more than is kept, so that it is seen that something was cut."""
    end = bytearray()
    async for piece in request.stream():
        end += piece
        del end[: -(TEXT.default + 1)]
    return bytes(end)


def _view(one: Heartbeat, path: str) -> HeartbeatView:
    settings, pulse = one.settings, one.pulse
    return HeartbeatView(
        name=pulse.name,
        status=one.status,
        troubles={trouble.value: since_ms for trouble, since_ms in one.troubles.items()},
        due_ms=one.due_ms,
        heard_ms=pulse.heard_ms,
        started_ms=pulse.started_ms,
        succeeded_ms=pulse.succeeded_ms,
        duration_ms=pulse.duration_ms,
        exit_code=pulse.exit_code,
        text=pulse.text,
        period=format_duration(settings.period_ms) if settings.period_ms else "",
        cron=settings.cron,
        zone=settings.zone,
        grace=format_duration(settings.grace_ms),
        runtime_max=format_duration(settings.runtime_max_ms) if settings.runtime_max_ms else "",
        labels=dict(settings.labels),
        description=settings.description,
        made_by=one.made_by,
        path=path,
    )
