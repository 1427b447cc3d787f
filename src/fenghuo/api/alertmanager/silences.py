"""``silences`` and ``silence/{id}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.alerting.matcher import AlertMatcher
from fenghuo.alerting.mute.silences import UnknownSilenceError
from fenghuo.api.alertmanager.alerts import matchers_of
from fenghuo.api.alertmanager.answer import (
    RefusedRequest,
    answering,
    flag,
    json_answer,
    label_set,
    read_json,
    required,
    time_of,
    time_text,
    wrong_type,
)
from fenghuo.api.alertmanager.handlers import AlertingHandlers
from fenghuo.api.audit.middleware import note_of
from fenghuo.base.errors import InputError
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence, SilenceState

_ORDER = {SilenceState.ACTIVE: 0, SilenceState.PENDING: 1, SilenceState.EXPIRED: 2}


class SilenceApi(AlertingHandlers):
    """The handlers about silences."""

    def routes(self) -> list[Route]:
        return [
            Route("/api/v2/silences", answering(self.silences), methods=["GET"]),
            Route("/api/v2/silences", answering(self.post), methods=["POST"]),
            Route("/api/v2/silence/{silence_id}", answering(self.silence), methods=["GET"]),
            Route("/api/v2/silence/{silence_id}", answering(self.delete), methods=["DELETE"]),
        ]

    async def silences(self, request: Request) -> Response:
        """Active ones first, those that end soonest before others; then pending ones; then what is over."""
        filters = matchers_of(request, "filter")
        shown = {state: flag(request, state.value, default=True) for state in SilenceState}
        now_ms = self._now_ms()
        known = self._alerting.silences
        found = [
            silence
            for silence in known.all()
            if shown[silence.state_at(now_ms)] and _fits(filters, known.matchers(silence))
        ]
        return json_answer([silence_json(each, now_ms) for each in sorted(found, key=lambda s: _place(s, now_ms))])

    async def silence(self, request: Request) -> Response:
        try:
            found = self._alerting.silences.get(request.path_params["silence_id"])
        except UnknownSilenceError:
            return Response(status_code=404)
        return json_answer(silence_json(found, self._now_ms()))

    async def post(self, request: Request) -> Response:
        wanted = _wanted(await read_json(request, "silence"))
        if wanted.starts_ms >= wanted.ends_ms:
            raise RefusedRequest(400, "Failed to create silence: start time must be before end time")
        if wanted.ends_ms < self._now_ms():
            raise RefusedRequest(400, "Failed to create silence: end time can't be in the past")
        note = note_of(request)
        note.detail |= {
            "matchers": [f"{each.name}{each.op.value}{each.value}" for each in wanted.conditions],
            "ends_ms": wanted.ends_ms,
            "created_by": wanted.created_by,
            "comment": wanted.comment,
        }
        try:
            note.subject = await self._alerting.silence(wanted)
            return json_answer({"silenceID": note.subject})
        except UnknownSilenceError as error:
            raise RefusedRequest(404, error.message) from error

    async def delete(self, request: Request) -> Response:
        try:
            await self._alerting.expire_silence(request.path_params["silence_id"])
        except UnknownSilenceError:
            return Response(status_code=404)
        except InputError as error:
            raise RefusedRequest(500, error.message) from error
        return Response(status_code=200)


def _wanted(body: Any) -> Silence:
    if not isinstance(body, dict):
        raise wrong_type("silence", "object")
    matchers = required(body.get("matchers"), "matchers")
    if not isinstance(matchers, list):
        raise wrong_type("matchers", "array")
    if not matchers:
        raise RefusedRequest(422, {"code": 612, "message": "matchers in body should have at least 1 items"})
    starts_ms = required(time_of(body.get("startsAt"), "startsAt"), "startsAt")
    ends_ms = required(time_of(body.get("endsAt"), "endsAt"), "endsAt")
    conditions = tuple(_condition(each, f"matchers.{number}") for number, each in enumerate(matchers))
    return Silence(
        id=_text(body, "id", optional=True),
        conditions=conditions,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        created_by=_text(body, "createdBy"),
        comment=_text(body, "comment"),
        annotations=Labels(label_set(body.get("annotations"), "annotations")),
    )


def _text(body: dict[str, Any], name: str, *, optional: bool = False) -> str:
    value = body.get(name)
    if value is None and optional:
        return ""
    if not isinstance(required(value, name), str):
        raise wrong_type(name, "string")
    return str(value)


def _condition(value: Any, place: str) -> Condition:
    if not isinstance(value, dict):
        raise wrong_type(place, "object")
    name, text = required(value.get("name"), f"{place}.name"), required(value.get("value"), f"{place}.value")
    is_regex = required(value.get("isRegex"), f"{place}.isRegex")
    is_equal = value.get("isEqual", True)
    if not isinstance(name, str) or not isinstance(text, str):
        raise wrong_type(place, "string")
    if not isinstance(is_regex, bool) or not isinstance(is_equal, bool):
        raise wrong_type(place, "boolean")
    op = {
        (False, True): MatchOp.EQUAL,
        (False, False): MatchOp.NOT_EQUAL,
        (True, True): MatchOp.REGEX,
        (True, False): MatchOp.NOT_REGEX,
    }[is_regex, is_equal]
    return Condition(name, text, op)


def _fits(filters: Sequence[AlertMatcher], matchers: Sequence[AlertMatcher]) -> bool:
    """Whether a silence's equality matchers, taken as labels, meet every filter."""
    labels = {matcher.name: matcher.value for matcher in matchers if matcher.op in (MatchOp.EQUAL, MatchOp.REGEX)}
    return all(each.matches(labels) for each in filters)


def _place(silence: Silence, now_ms: int) -> tuple[int, int]:
    state = silence.state_at(now_ms)
    moment_ms = {
        SilenceState.ACTIVE: silence.ends_ms,
        SilenceState.PENDING: silence.starts_ms,
        SilenceState.EXPIRED: -silence.ends_ms,
    }[state]
    return _ORDER[state], moment_ms


def silence_json(silence: Silence, now_ms: int) -> dict[str, object]:
    return {
        "id": silence.id,
        "status": {"state": silence.state_at(now_ms).value},
        "updatedAt": time_text(silence.updated_ms),
        "annotations": dict(silence.annotations),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": time_text(silence.ends_ms),
        "matchers": [_matcher_json(each) for each in silence.conditions],
        "startsAt": time_text(silence.starts_ms),
    }


def _matcher_json(condition: Condition) -> dict[str, object]:
    return {
        "isEqual": condition.op in (MatchOp.EQUAL, MatchOp.REGEX),
        "isRegex": condition.op in (MatchOp.REGEX, MatchOp.NOT_REGEX),
        "name": condition.name,
        "value": condition.value,
    }
