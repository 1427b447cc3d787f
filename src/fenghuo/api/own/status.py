"""What the panel shows before and after sign-in: which server this is, and what was sent lately."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Query
from pydantic import BaseModel


class StatusView(BaseModel):
    """``auth`` false: the server was started with ``--no-auth``. ``language`` is ``zh``, ``en`` or ``auto``."""

    version: str
    started_at_ms: int
    hostname: str
    auth: bool
    language: str


class NotificationView(BaseModel):
    """One notice to one channel, all its attempts together."""

    receiver: str
    channel: str
    status: str
    reason: str
    error: str
    attempts: int
    group_key: str
    at_ms: int
    instead_of: str
    """The receiver that could not be told, when this one was told in its place; else empty."""


class NotificationsView(BaseModel):
    notifications: list[NotificationView]


def status_router(
    status: Callable[[], StatusView], notifications: Callable[[int], Sequence[NotificationView]]
) -> APIRouter:
    """``notifications(limit)`` reads the newest deliveries; it may block and runs in a worker thread."""
    router = APIRouter(tags=["status"])

    @router.get("/status")
    async def show_status() -> StatusView:
        """Which server this is. Open to everybody."""
        return status()

    @router.get("/notifications")
    def show_notifications(limit: int = Query(default=50, ge=1, le=1000)) -> NotificationsView:
        """The newest notices, failed ones included, newest first."""
        return NotificationsView(notifications=list(notifications(limit)))

    return router
