"""``/api/fenghuo/whatif``: what would become of an alert. Nothing is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from fenghuo.alerting.whatif import WhatIf, as_json
from fenghuo.api.own.errors import ErrorAnswer
from fenghuo.model.incident import Priority
from fenghuo.model.labels import Labels

LABELS_MAX = 1_000
"""Labels of one question."""
RULES_CHARS_MAX = 2_000_000
"""Characters of a rule file that is replayed."""
LATEST_MS = 253_402_300_799_000
"""The last moment of the year 9999."""


class RouteQuestion(BaseModel):
    """``at_ms`` missing: now."""

    labels: Annotated[dict[str, str], Field(min_length=1, max_length=LABELS_MAX)]
    at_ms: Annotated[int | None, Field(ge=0, le=LATEST_MS)] = None


class StepView(BaseModel):
    """A node of the route tree; ``index`` is its position, child by child."""

    index: list[int]
    matchers: str
    receiver: str


class ReceivingView(BaseModel):
    receiver: str
    channels: list[str]


class PersonView(BaseModel):
    """``contacts`` are kinds, in the order in which they are tried. ``quiet``: passed over in quiet hours."""

    key: str
    name: str
    contacts: list[str]
    quiet: bool


class TargetView(BaseModel):
    """``target`` as it is written. ``person`` null: it is a receiver, which has ``channels``, or nobody is on call."""

    target: str
    person: PersonView | None
    channels: list[str]


class PlannedStepView(BaseModel):
    """A step of the escalation if nobody answers; rounds count from 1."""

    at_ms: int
    round: int
    targets: list[TargetView]


class DestinationView(BaseModel):
    """Where the alert ends. ``kept_by`` are rules of priorities that keep it at its first look, or count it as less
    urgent. ``told_at_ms`` null: nobody is told there, as far as can be seen. ``priority`` is what it counts as when it
    is told; by that ``also`` are receivers besides, ``reminders_ms`` the times between reminders (empty:
    ``repeat_interval_ms``), ``answer_by_ms`` the deadline and ``steps`` those of the policy ``escalation``."""

    path: list[StepView]
    receiver: str
    channels: list[str]
    group_key: str
    group_labels: dict[str, str]
    group_wait_ms: int
    group_interval_ms: int
    repeat_interval_ms: int
    muted_by: list[str]
    kept_by: list[str]
    told_at_ms: int | None
    priority: str
    also: list[ReceivingView]
    reminders_ms: list[int]
    answer_by_ms: int | None
    escalation: str
    steps: list[PlannedStepView]


class RouteAnswer(BaseModel):
    """``inhibited_by`` are the labels of a firing alert; ``silenced_by`` are ids."""

    labels: dict[str, str]
    at_ms: int
    told: bool
    priority: str
    inhibited_by: dict[str, str] | None
    silenced_by: list[str]
    destinations: list[DestinationView]


class ReplayRequest(BaseModel):
    """``rules`` is the text of a rule file; ``end_ms`` missing: now."""

    rules: Annotated[str, Field(max_length=RULES_CHARS_MAX)]
    start_ms: Annotated[int, Field(ge=0, le=LATEST_MS)]
    end_ms: Annotated[int | None, Field(ge=0, le=LATEST_MS)] = None


class ReceiverNotices(BaseModel):
    """Notices through one channel of a receiver; ``index`` is its place among those of its kind."""

    receiver: str
    channel: str
    index: int
    count: int


class RuleNoiseView(BaseModel):
    """``short``: over within 5 minutes; ``flaps``: came back within the hour; ``noise``: notices a day, weighted by
    the share of alerts that were either."""

    name: str
    alerts: int
    short: int
    flaps: int
    notices: int
    noise: float


class PersonNotices(BaseModel):
    """What escalations would have told one person if nobody had answered."""

    person: str
    count: int


class ReplayAnswer(BaseModel):
    """``incidents`` are counted by the priority with which they opened. ``inhibited``, ``muted`` and ``kept`` count
    alerts that looks at groups left out: for inhibition, for time intervals, and for quiet hours and sessions of
    priorities. ``failures`` are rules by name."""

    start_ms: int
    end_ms: int
    notices: list[ReceiverNotices]
    people: list[PersonNotices]
    incidents: dict[Priority, int]
    rules: list[RuleNoiseView]
    inhibited: int
    muted: int
    kept: int
    failures: dict[str, str]


def whatif_router(
    route: Callable[[Labels, int], Awaitable[WhatIf]],
    replay: Callable[[str, int, int], dict[str, Any]],
    now_ms: Callable[[], int],
) -> APIRouter:
    """``replay`` takes the text of a rule file, and the beginning and end of the stretch of history; it may block."""
    router = APIRouter(prefix="/whatif", tags=["what if"], responses={400: {"model": ErrorAnswer}})

    @router.post("/route")
    async def ask_route(question: RouteQuestion) -> RouteAnswer:
        """Where an alert with these labels would go, what would keep it quiet, and when who would be told."""
        at_ms = now_ms() if question.at_ms is None else question.at_ms
        return RouteAnswer.model_validate(as_json(await route(Labels(question.labels), at_ms)))

    @router.post("/replay")
    def ask_replay(question: ReplayRequest) -> ReplayAnswer:
        """Run rules and the routes in force over stored history: how many notices, to whom, and how noisy."""
        end_ms = now_ms() if question.end_ms is None else question.end_ms
        return ReplayAnswer.model_validate(replay(question.rules, question.start_ms, end_ms))

    return router
