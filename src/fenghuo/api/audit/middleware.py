"""Tells the audit trail of every request that does something worth telling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenghuo.api.audit.actions import REFUSED, Action, action_of
from fenghuo.api.audit.trail import Trail
from fenghuo.api.auth.identity import Identity
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.model.audit import AuditEntry

STATE = "audit"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
SUBJECT_CHARS_MAX = 200
"""As much of a path that somebody made up as is kept."""
LINKS = "/a/"
"""Links are looked at before they are used; one that is forged is told of then, too."""


@dataclass(slots=True)
class Note:
    """What a handler adds to the entry of its request. An action makes an entry where there would be none."""

    action: str = ""
    subject: str = ""
    actor: str = ""
    via: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def note_of(request: HTTPConnection) -> Note:
    """The note of this request, to be added to. Where nobody keeps a trail it is a note to nobody."""
    note = request.scope.get("state", {}).get(STATE)
    return note if isinstance(note, Note) else Note()


class AuditMiddleware:
    """Stands behind the door, where it is known who asks."""

    def __init__(self, app: ASGIApp, trail: Trail, clock: Clock) -> None:
        self._app = app
        self._trail = trail
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"] in READING and not scope["path"].startswith(LINKS)):
            await self._app(scope, receive, send)
            return
        note = Note()
        scope.setdefault("state", {})[STATE] = note
        action = action_of(scope["method"], scope["path"])
        if action is not None and action.critical:
            try:
                await self._trail.keep(self._entry(scope, action, Note(), {"outcome": "begun"}))
            except OperatingError as error:
                await _refusal(error)(scope, receive, send)
                return
        await self._watched(scope, receive, send, action, note)

    async def _watched(self, scope: Scope, receive: Receive, send: Send, action: Action | None, note: Note) -> None:
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if action is not None or note.action:
                self._tell(self._entry(scope, action or Action(note.action), note, {"status": status}), status)

    def _tell(self, entry: AuditEntry, status: int) -> None:
        if status >= 400:
            self._trail.note_refusal(entry)
        else:
            self._trail.note(entry)

    def _entry(self, scope: Scope, action: Action, note: Note, outcome: Mapping[str, Any]) -> AuditEntry:
        identity: Identity | None = scope.get("state", {}).get("identity")
        client = scope.get("client")
        return AuditEntry(
            at_ms=self._clock.now_ms(),
            actor=note.actor or (identity.name if identity is not None else ""),
            via=note.via or (identity.via if identity is not None else ""),
            address=client[0] if client else "",
            action=action.name,
            subject=note.subject or action.subject,
            detail={**outcome, **note.detail},
        )


def telling_refusals(trail: Trail, clock: Clock) -> Callable[[HTTPConnection, Identity | None, int], None]:
    """What the door calls with requests that it turns away."""

    def tell(request: HTTPConnection, identity: Identity | None, status: int) -> None:
        trail.note_refusal(
            AuditEntry(
                at_ms=clock.now_ms(),
                actor=identity.name if identity is not None else "",
                via=identity.via if identity is not None else "",
                address=request.client.host if request.client else "",
                action=REFUSED,
                subject=f"{request.scope['method']} {request.scope['path']}"[:SUBJECT_CHARS_MAX],
                detail={"status": status},
            )
        )

    return tell


def _refusal(error: OperatingError) -> Response:
    message = f"nothing was done, because the audit trail cannot be written: {error.message}"
    detail = {"code": "audit_unavailable", "message": message, "remedy": error.remedy}
    return Response(orjson.dumps({"error": detail}), 503, media_type="application/json")
