"""``/api/fenghuo/whatif``: what would become of an alert. Nothing is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from fenghuo.alerting.whatif import WhatIf, as_json
from fenghuo.api.own.errors import ErrorAnswer
from fenghuo.model.labels import Labels

LABELS_MAX = 1_000
"""Labels of one question."""


class RouteQuestion(BaseModel):
    """``at_ms`` missing: now."""

    labels: Annotated[dict[str, str], Field(min_length=1, max_length=LABELS_MAX)]
    at_ms: Annotated[int | None, Field(ge=0, le=253_402_300_799_000)] = None


class StepView(BaseModel):
    """A node of the route tree; ``index`` is its position, child by child."""

    index: list[int]
    matchers: str
    receiver: str


class DestinationView(BaseModel):
    """Where the alert ends. ``told_at_ms`` null: nobody is told there, as far as can be seen."""

    path: list[StepView]
    receiver: str
    channels: list[str]
    group_key: str
    group_labels: dict[str, str]
    group_wait_ms: int
    group_interval_ms: int
    repeat_interval_ms: int
    muted_by: list[str]
    told_at_ms: int | None


class RouteAnswer(BaseModel):
    """``inhibited_by`` are the labels of a firing alert; ``silenced_by`` are ids."""

    labels: dict[str, str]
    at_ms: int
    told: bool
    inhibited_by: dict[str, str] | None
    silenced_by: list[str]
    destinations: list[DestinationView]


def whatif_router(route: Callable[[Labels, int], Awaitable[WhatIf]], now_ms: Callable[[], int]) -> APIRouter:
    router = APIRouter(prefix="/whatif", tags=["what if"], responses={400: {"model": ErrorAnswer}})

    @router.post("/route")
    async def ask_route(question: RouteQuestion) -> RouteAnswer:
        """Where an alert with these labels would go, what would keep it quiet, and when who would be told."""
        at_ms = now_ms() if question.at_ms is None else question.at_ms
        return RouteAnswer.model_validate(as_json(await route(Labels(question.labels), at_ms)))

    return router
