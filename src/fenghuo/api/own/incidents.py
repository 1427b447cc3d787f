"""Incidents over HTTP: look them up, answer them, write about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from fenghuo.alerting.escalation.engine import Escalations
from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.book import Act, IncidentBook, UnknownIncidentError, number_of
from fenghuo.alerting.incident.document import postmortem
from fenghuo.alerting.incident.wording import text_of
from fenghuo.api.auth.identity import Identity
from fenghuo.api.own.errors import ErrorAnswer, OwnApiError
from fenghuo.model.escalation import Escalation, EscalationState
from fenghuo.model.incident import Actor, Incident, IncidentEvent, IncidentState, IncidentTimes, Priority
from fenghuo.model.language import Language

DAY_MS = 86_400_000
REFUSALS: dict[int | str, dict[str, type[ErrorAnswer]]] = {400: {"model": ErrorAnswer}, 404: {"model": ErrorAnswer}}
InLanguage = Annotated[Language, Query(description="Of what the program wrote: zh; anything else is English.")]
Comment = Annotated[str, Field(max_length=machine.TEXT_CHARS_MAX)]


class EscalationView(BaseModel):
    """How far the escalation of an incident has come. ``step`` is the next one, or the one being taken; it and
    ``round`` count from 1. ``next_at_ms`` is null where no step is to come by itself."""

    policy: str
    state: EscalationState
    step: int
    steps: int
    round: int
    rounds: int
    next_at_ms: int | None


class IncidentSummary(BaseModel):
    """An incident as it stands. ``firing`` is how many of its alerts fire; ``due_ms`` is when somebody has to have
    answered, null once somebody has; ``overdue`` says that this moment is over."""

    id: str
    title: str
    priority: Priority
    state: IncidentState
    labels: dict[str, str]
    receiver: str
    group_key: str
    firing: int
    opened_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str
    snoozed_until_ms: int | None
    due_ms: int | None
    overdue: bool
    resolved_ms: int | None
    assignee: str
    postmortem_url: str
    escalation: EscalationView | None
    """Null where there is none, and when it is resolved."""


class EventView(BaseModel):
    """A line of the time line; ``data`` depends on ``kind``."""

    at_ms: int
    kind: str
    actor: str
    via: str
    text: str
    data: dict[str, Any]


class IncidentDetail(IncidentSummary):
    timeline: list[EventView]


class TimesView(BaseModel):
    """Means over the incidents of one priority; null where none was answered or resolved."""

    priority: Priority
    opened: int
    acknowledged: int
    resolved: int
    mtta_s: float | None
    mttr_s: float | None


class Said(BaseModel):
    comment: Comment = ""


class CommentRequest(BaseModel):
    text: Comment


class AssignRequest(BaseModel):
    """An empty ``person`` takes it from whoever had it."""

    person: str = Field(max_length=255)


class SnoozeRequest(Said):
    duration_s: int = Field(ge=1)


class PostmortemRequest(BaseModel):
    url: str = Field(max_length=2_000)


@dataclass(frozen=True, slots=True)
class Desk:
    """What is behind the API."""

    book: IncidentBook
    escalations: Escalations
    now_ms: Callable[[], int]

    def summary(self, incident: Incident) -> IncidentSummary:
        return IncidentSummary(**self.fields(incident))

    def fields(self, incident: Incident) -> dict[str, Any]:
        known = self.escalations.get(incident.number)
        return {**_fields(incident), "escalation": None if known is None else _escalation(known)}


def incident_router(book: IncidentBook, escalations: Escalations, now_ms: Callable[[], int]) -> APIRouter:
    desk = Desk(book, escalations, now_ms)
    router = APIRouter(prefix="/incidents", tags=["incidents"], responses=REFUSALS)
    _add_reading(router, desk)
    _add_answering(router, desk)
    _add_writing(router, desk)
    return router


def _add_reading(router: APIRouter, desk: Desk) -> None:
    @router.get("")
    async def incidents(
        state: Annotated[list[IncidentState], Query()] = [],  # noqa: B006 - FastAPI copies it
        priority: Annotated[list[Priority], Query()] = [],  # noqa: B006
        before: str = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[IncidentSummary]:
        """The newest first. ``before`` is the id from which the listing goes on."""
        found = await desk.book.find(state, priority, number_of(before) if before else None, limit)
        return [desk.summary(each) for each in found]

    @router.get("/statistics")
    async def statistics(days: Annotated[int, Query(ge=1, le=400)] = 30) -> list[TimesView]:
        """MTTA and MTTR of the incidents that opened in the last days, by priority."""
        return [_times(each) for each in await desk.book.times(desk.now_ms() - days * DAY_MS)]

    @router.get("/{incident_id}")
    async def incident(incident_id: str, language: InLanguage = Language.ENGLISH) -> IncidentDetail:
        """One incident with its time line, notices and delivery attempts included."""
        found = await _found(desk, incident_id)
        timeline = [_event(event, language) for event in await desk.book.timeline(found.number)]
        return IncidentDetail(**desk.fields(found), timeline=timeline)

    @router.get("/{incident_id}/postmortem.md", response_class=PlainTextResponse)
    async def document(incident_id: str, language: InLanguage = Language.ENGLISH) -> PlainTextResponse:
        """A Markdown document to fill in, with the time line."""
        found = await _found(desk, incident_id)
        text = postmortem(found, await desk.book.timeline(found.number), language)
        return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")


def _add_answering(router: APIRouter, desk: Desk) -> None:
    @router.post("/{incident_id}/acknowledge")
    async def acknowledge(incident_id: str, said: Said, request: Request) -> IncidentSummary:
        """Somebody works on it: nobody is reminded; what joins is told."""
        who = _who(request)
        return await _done(desk, incident_id, lambda now, at_ms: machine.acknowledge(now, who, at_ms, said.comment))

    @router.post("/{incident_id}/snooze")
    async def snooze(incident_id: str, wanted: SnoozeRequest, request: Request) -> IncidentSummary:
        """Nobody is reminded for a while."""
        who, duration_ms = _who(request), wanted.duration_s * 1000
        return await _done(
            desk, incident_id, lambda now, at_ms: machine.snooze(now, who, at_ms, duration_ms, wanted.comment)
        )

    @router.post("/{incident_id}/resolve")
    async def resolve(incident_id: str, said: Said, request: Request) -> IncidentSummary:
        """It is done, whatever its alerts say."""
        who = _who(request)
        return await _done(desk, incident_id, lambda now, at_ms: machine.resolve(now, who, at_ms, said.comment))

    @router.post("/{incident_id}/reopen")
    async def reopen(incident_id: str, said: Said, request: Request) -> IncidentSummary:
        """It is not done."""
        who = _who(request)
        return await _done(desk, incident_id, lambda now, at_ms: machine.reopen(now, who, at_ms, said.comment))

    @router.post("/{incident_id}/escalate")
    async def escalate(incident_id: str, said: Said, request: Request) -> IncidentSummary:
        """The next step of its escalation is taken now. What was answered is open again."""
        found = await _found(desk, incident_id)
        return desk.summary(await desk.escalations.escalate(found.number, _who(request), said.comment))


def _add_writing(router: APIRouter, desk: Desk) -> None:
    @router.post("/{incident_id}/assign")
    async def assign(incident_id: str, wanted: AssignRequest, request: Request) -> IncidentSummary:
        """Give it to somebody."""
        who = _who(request)
        return await _done(desk, incident_id, lambda now, at_ms: machine.assign(now, who, at_ms, wanted.person.strip()))

    @router.post("/{incident_id}/comment")
    async def comment(incident_id: str, wanted: CommentRequest, request: Request) -> IncidentSummary:
        """Write on the time line."""
        who = _who(request)
        return await _done(desk, incident_id, lambda now, at_ms: machine.comment(now, who, at_ms, wanted.text))

    @router.post("/{incident_id}/postmortem")
    async def link(incident_id: str, wanted: PostmortemRequest, request: Request) -> IncidentSummary:
        """Name the document that says what was learnt."""
        who = _who(request)
        return await _done(desk, incident_id, lambda now, at_ms: machine.link_postmortem(now, who, at_ms, wanted.url))


async def _found(desk: Desk, incident_id: str) -> Incident:
    try:
        return await desk.book.get(number_of(incident_id))
    except UnknownIncidentError as error:
        raise OwnApiError(404, "not_found", error.message, error.remedy) from error


async def _done(desk: Desk, incident_id: str, act: Act) -> IncidentSummary:
    found = await _found(desk, incident_id)
    return desk.summary(await desk.book.act(found.number, act))


def _who(request: Request) -> Actor:
    identity: Identity = request.state.identity
    return Actor(identity.name, identity.via)


def _fields(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "title": incident.title,
        "priority": incident.priority,
        "state": incident.state,
        "labels": dict(incident.labels.pairs),
        "receiver": incident.receiver,
        "group_key": incident.group_key,
        "firing": len(incident.firing),
        "opened_ms": incident.opened_ms,
        "acknowledged_ms": incident.acknowledged_ms,
        "acknowledged_by": incident.acknowledged_by,
        "snoozed_until_ms": incident.snoozed_until_ms,
        "due_ms": incident.due_ms,
        "overdue": incident.overdue,
        "resolved_ms": incident.resolved_ms,
        "assignee": incident.assignee,
        "postmortem_url": incident.postmortem_url,
    }


def _escalation(known: Escalation) -> EscalationView:
    comes = known.state in (EscalationState.WAITING, EscalationState.ACTING)
    return EscalationView(
        policy=known.policy.name,
        state=known.state,
        step=known.next_step + 1,
        steps=len(known.policy.steps),
        round=known.round + 1,
        rounds=known.policy.repeat + 1,
        next_at_ms=known.next_at_ms if comes else None,
    )


def _event(event: IncidentEvent, language: Language) -> EventView:
    return EventView(
        at_ms=event.at_ms,
        kind=event.kind,
        actor=event.actor.name,
        via=event.actor.via,
        text=text_of(event, language),
        data=dict(event.data),
    )


def _times(times: IncidentTimes) -> TimesView:
    return TimesView(
        priority=times.priority,
        opened=times.opened,
        acknowledged=times.acknowledged,
        resolved=times.resolved,
        mtta_s=times.mtta_s,
        mttr_s=times.mttr_s,
    )
