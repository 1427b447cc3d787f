"""``/api/fenghuo/audit``: the audit trail. For administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from fenghuo.api.audit.trail import Trail
from fenghuo.model.audit import AuditEntry, AuditFilter


class AuditView(BaseModel):
    """One line of the trail. ``number`` counts up; ``via`` is panel, api, token, link or what else ``actor`` used."""

    number: int
    at_ms: int
    actor: str
    via: str
    address: str
    action: str
    subject: str
    detail: dict[str, Any]


def audit_router(trail: Trail) -> APIRouter:
    """The handler is a plain function, which runs in a worker thread."""
    router = APIRouter(tags=["audit"])

    @router.get("/audit")
    def show(
        since_ms: int | None = None,
        until_ms: int | None = None,
        actor: str = "",
        action: str = "",
        before: int | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[AuditView]:
        """The newest first. ``action`` also finds those below it (``token``: ``token.create``); ``before`` is the
        number from which the listing goes on."""
        found = trail.find(AuditFilter(since_ms, until_ms, actor, action, before), limit)
        return [_view(entry) for entry in found]

    return router


def _view(entry: AuditEntry) -> AuditView:
    return AuditView(
        number=entry.number,
        at_ms=entry.at_ms,
        actor=entry.actor,
        via=entry.via,
        address=entry.address,
        action=entry.action,
        subject=entry.subject,
        detail=dict(entry.detail),
    )
