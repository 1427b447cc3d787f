"""``/api/fenghuo/oncall``: who is on call, and taking over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from fenghuo.alerting.oncall.ical import calendar
from fenghuo.alerting.oncall.schedule import Roster, Shift
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.oncall.settings import DAY_MS
from fenghuo.api.audit.middleware import note_of
from fenghuo.api.auth.identity import OPEN_FEED, Identity
from fenghuo.api.own.errors import ErrorAnswer, OwnApiError
from fenghuo.api.own.signatures import Signatures
from fenghuo.model.oncall import Override

FEED_DAYS = (31, 180)
"""What a feed covers: days before now and after."""
GAPS_DAYS = 14
"""How far gaps are looked for."""

Name = Annotated[str, Field(min_length=1, max_length=255)]
REFUSALS: dict[int | str, dict[str, type[ErrorAnswer]]] = {400: {"model": ErrorAnswer}}


class ShiftView(BaseModel):
    """``person`` null: nobody. ``layer`` counts from 0; ``override`` is the number of the override that says so."""

    start_ms: int
    end_ms: int
    person: str | None
    layer: int | None
    override: int | None


class ScheduleView(BaseModel):
    """``next`` is who takes over, and when; ``gaps`` are those of the next two weeks."""

    name: str
    now: str | None
    next: ShiftView | None
    gaps: list[ShiftView]


class PersonView(BaseModel):
    """``contacts`` are kinds only; addresses are nobody's business here."""

    key: str
    name: str
    contacts: list[str]


class OverrideView(BaseModel):
    id: int
    schedule: str
    person: str
    start_ms: int
    end_ms: int
    by: str
    made_ms: int


class OverrideRequest(BaseModel):
    schedule: Name
    person: Name
    start_ms: int
    end_ms: int


class SwapRequest(BaseModel):
    """The shifts that hold the two moments change hands."""

    schedule: Name
    one_ms: int
    other_ms: int


class FeedView(BaseModel):
    """``path`` is secret: whoever has it reads the calendar without signing in."""

    path: str


class Feeds:
    """Makes and reads the secret part of a feed's path: its subject and a signature of that."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures

    def path(self, kind: str, name: str) -> str:
        return f"{OPEN_FEED}{self._signatures.of('feed', kind, name)}/{kind}/{name}.ics"

    def holds(self, signature: str, kind: str, name: str) -> bool:
        return self._signatures.holds(signature, "feed", kind, name)


def oncall_router(oncall: OnCall, feeds: Feeds, now_ms: Callable[[], int]) -> APIRouter:
    """Handlers that read the database are plain functions, which run in worker threads."""
    router = APIRouter(prefix="/oncall", tags=["on-call"], responses=REFUSALS)
    _add_reading(router, oncall, now_ms)
    _add_changing(router, oncall)
    _add_feeds(router, oncall, feeds, now_ms)
    return router


def _add_reading(router: APIRouter, oncall: OnCall, now_ms: Callable[[], int]) -> None:
    @router.get("/schedules")
    def schedules() -> list[ScheduleView]:
        """Every schedule with who is on call now, who is next, and the gaps of two weeks."""
        return [_schedule(oncall.roster(name), now_ms()) for name in oncall.settings.schedules]

    @router.get("/schedules/{name}")
    def shifts(name: Name, start_ms: int | None = None, end_ms: int | None = None) -> list[ShiftView]:
        """The shifts of a span, gaps included; two weeks from now unless told otherwise."""
        start = now_ms() if start_ms is None else start_ms
        end = start + GAPS_DAYS * DAY_MS if end_ms is None else end_ms
        return [_shift(shift) for shift in oncall.shifts(name, start, end)]

    @router.get("/people")
    def people() -> list[PersonView]:
        """Everybody who can be on call."""
        return [
            PersonView(key=key, name=person.name or key, contacts=[contact.kind for contact in person.contacts])
            for key, person in oncall.settings.people.items()
        ]

    @router.get("/overrides")
    def overrides(schedule: str = "") -> list[OverrideView]:
        """Overrides that are not over yet."""
        return [_override(each) for each in oncall.overrides(schedule)]


def _add_changing(router: APIRouter, oncall: OnCall) -> None:
    @router.post("/overrides", status_code=201)
    def override(wanted: OverrideRequest, request: Request) -> OverrideView:
        """Put somebody on call for a while."""
        by = _who(request)
        note = note_of(request)
        note.subject, note.detail["person"] = wanted.schedule, wanted.person
        note.detail |= {"start_ms": wanted.start_ms, "end_ms": wanted.end_ms}
        return _override(oncall.override(wanted.schedule, wanted.person, wanted.start_ms, wanted.end_ms, by))

    @router.delete("/overrides/{number}", status_code=204)
    def cancel(number: Annotated[int, Path(ge=1)]) -> None:
        """Take an override back."""
        oncall.cancel(number)

    @router.post("/swaps", status_code=201)
    def swap(wanted: SwapRequest, request: Request) -> list[OverrideView]:
        """Exchange two shifts."""
        note = note_of(request)
        note.subject, note.detail["moments_ms"] = wanted.schedule, [wanted.one_ms, wanted.other_ms]
        return [_override(each) for each in oncall.swap(wanted.schedule, wanted.one_ms, wanted.other_ms, _who(request))]


def _add_feeds(router: APIRouter, oncall: OnCall, feeds: Feeds, now_ms: Callable[[], int]) -> None:
    @router.get("/feeds")
    def feed_path(schedule: Annotated[str, Query()] = "", person: Annotated[str, Query()] = "") -> FeedView:
        """The path of the iCalendar feed of a schedule or of a person."""
        if bool(schedule) == bool(person):
            raise OwnApiError(400, "bad_request", "name a schedule or a person")
        if schedule:
            oncall.roster(schedule)
            return FeedView(path=feeds.path("schedule", schedule))
        oncall.person(person)
        return FeedView(path=feeds.path("person", person))

    @router.get("/feed/{signature}/{kind}/{name}.ics", response_class=Response)
    def feed(signature: str, kind: str, name: str) -> Response:
        """An iCalendar feed. Its path is its key."""
        if kind not in ("schedule", "person") or not feeds.holds(signature, kind, name):
            raise OwnApiError(404, "not_found", "there is no such feed")
        names = [name] if kind == "schedule" else list(oncall.settings.schedules)
        now = now_ms()
        shifts = [
            (schedule, shift)
            for schedule in names
            for shift in oncall.shifts(schedule, now - FEED_DAYS[0] * DAY_MS, now + FEED_DAYS[1] * DAY_MS)
            if kind == "schedule" or shift.person == name
        ]
        return Response(calendar(f"Fenghuo · {name}", shifts, now), media_type="text/calendar; charset=utf-8")


def _who(request: Request) -> str:
    identity: Identity = request.state.identity
    return identity.name


def _schedule(roster: Roster, now_ms: int) -> ScheduleView:
    following = roster.next_after(now_ms)
    return ScheduleView(
        name=roster.name,
        now=roster.at(now_ms).person,
        next=None if following is None else _shift(following),
        gaps=[_shift(gap) for gap in roster.gaps(now_ms, now_ms + GAPS_DAYS * DAY_MS)],
    )


def _shift(shift: Shift) -> ShiftView:
    return ShiftView(
        start_ms=shift.start_ms, end_ms=shift.end_ms, person=shift.person, layer=shift.layer, override=shift.override
    )


def _override(override: Override) -> OverrideView:
    return OverrideView(
        id=override.id,
        schedule=override.schedule,
        person=override.person,
        start_ms=override.start_ms,
        end_ms=override.end_ms,
        by=override.by,
        made_ms=override.made_ms,
    )
