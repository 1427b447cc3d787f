"""``alerts`` and ``alerts/groups``: what fires, and taking reports of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.alerting.matcher import AlertMatcher, match_all, parse_matcher
from fenghuo.alerting.parts import AlertView, GroupView
from fenghuo.api.alertmanager.answer import (
    RefusedRequest,
    answering,
    flag,
    json_answer,
    label_set,
    parsed_json,
    required,
    time_of,
    time_text,
    wrong_type,
)
from fenghuo.api.alertmanager.handlers import AlertingHandlers
from fenghuo.base.errors import InputError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels

READ_AT_ONCE_BYTES = 32_768
"""Bodies above this, some eighty alerts, are read in a worker thread: they would hold the event loop for more than
two milliseconds."""


class AlertApi(AlertingHandlers):
    """The handlers about alerts."""

    def routes(self) -> list[Route]:
        return [
            Route("/api/v2/alerts", answering(self.alerts), methods=["GET"]),
            Route("/api/v2/alerts", answering(self.post), methods=["POST"]),
            Route("/api/v2/alerts/groups", answering(self.groups), methods=["GET"]),
        ]

    async def alerts(self, request: Request) -> Response:
        wanted = _Filter(request)
        return await asyncio.to_thread(_alerts_answer, await self._alerting.alerts(), wanted)

    async def groups(self, request: Request) -> Response:
        wanted, muted = _Filter(request), flag(request, "muted", default=True)
        return await asyncio.to_thread(_groups_answer, await self._alerting.groups(), wanted, muted=muted)

    async def post(self, request: Request) -> Response:
        """Takes what is good; one bad alert of many makes the answer a refusal, but spoils no other."""
        body = await request.body()
        if len(body) > READ_AT_ONCE_BYTES:
            good, bad = await asyncio.to_thread(self._read, body)
        else:
            good, bad = self._read(body)
        await self._alerting.report(good)
        if bad:
            raise RefusedRequest(400, "; ".join(dict.fromkeys(bad)))
        return Response(status_code=200)

    def _read(self, text: bytes) -> tuple[list[Alert], list[str]]:
        """The alerts in a body, and what is wrong with the others. Raises RefusedRequest for a body that is none."""
        body = parsed_json(text, "alerts")
        if not isinstance(body, list):
            raise wrong_type("alerts", "array")
        posted = [self._posted(item, number) for number, item in enumerate(body)]
        good = [alert for alert in posted if isinstance(alert, Alert)]
        return good, [fault for fault in posted if isinstance(fault, str)]

    def _posted(self, item: Any, place: int) -> Alert | str:
        """The alert, or what is wrong with it."""
        if not isinstance(item, dict):
            raise wrong_type(str(place), "object")
        labels = Labels(label_set(required(item.get("labels"), f"{place}.labels"), f"{place}.labels"))
        annotations = Labels(label_set(item.get("annotations"), f"{place}.annotations"))
        starts_ms, ends_ms = time_of(item.get("startsAt"), "startsAt"), time_of(item.get("endsAt"), "endsAt")
        link = item.get("generatorURL") or ""
        if not isinstance(link, str):
            raise wrong_type(f"{place}.generatorURL", "string")
        if not labels:
            return "at least one label pair required"
        for pairs, what in ((labels, "label"), (annotations, "annotation")):
            if pairs.pairs and not pairs.pairs[0][0]:
                return f'invalid {what} set: invalid name ""'
        if starts_ms is None:
            starts_ms = self._now_ms() if ends_ms is None else min(self._now_ms(), ends_ms)
        if ends_ms is not None and ends_ms < starts_ms:
            return "start time must be before end time"
        return Alert(labels, starts_ms, ends_ms, annotations, link)


class _Filter:
    """What the parameters of a request leave."""

    def __init__(self, request: Request) -> None:
        self._active = flag(request, "active", default=True)
        self._silenced = flag(request, "silenced", default=True)
        self._inhibited = flag(request, "inhibited", default=True)
        self._matchers = matchers_of(request, "filter")
        self._receiver: re.Pattern[str] | None = None
        if text := request.query_params.get("receiver"):
            try:
                self._receiver = re.compile(f"^(?:{text})$")
            except re.error as error:
                raise RefusedRequest(400, f"failed to parse receiver param: {error}") from error

    def alert(self, view: AlertView, receivers: tuple[str, ...] | None = None) -> bool:
        if not self._active and not view.suppressed:
            return False
        if not self._silenced and view.silenced_by:
            return False
        if not self._inhibited and view.inhibited_by is not None:
            return False
        if self._receiver is not None and not any(map(self._receiver.match, receivers or view.receivers)):
            return False
        return match_all(self._matchers, view.alert.labels)


def matchers_of(request: Request, name: str) -> list[AlertMatcher]:
    """The matchers in a parameter that may repeat. Raises RefusedRequest for one that is none."""
    try:
        return [parse_matcher(text) for text in request.query_params.getlist(name)]
    except InputError as error:
        raise RefusedRequest(400, error.message) from error


def _alerts_answer(alerts: Iterable[AlertView], wanted: _Filter) -> Response:
    return json_answer(_written(view for view in alerts if wanted.alert(view)))


def _groups_answer(groups: Iterable[GroupView], wanted: _Filter, *, muted: bool) -> Response:
    """``muted`` says whether groups are shown of which nothing is told."""
    found = []
    for group in groups:
        views = [view for view in group.alerts if wanted.alert(view, receivers=(group.receiver,))]
        if views and (muted or not all(view.suppressed or view.muted_by for view in views)):
            found.append(_group_json(group, views))
    return json_answer(found)


def _written(views: Iterable[AlertView]) -> list[orjson.Fragment]:
    """By fingerprint. Written one by one: writing thousands in one go would keep every other thread waiting."""
    ordered = sorted(views, key=lambda view: view.fingerprint)
    return [orjson.Fragment(orjson.dumps(alert_json(view))) for view in ordered]


def alert_json(view: AlertView) -> dict[str, object]:
    alert = view.alert
    assert alert.ends_at_ms is not None
    return {
        "annotations": dict(alert.annotations.pairs),
        "endsAt": time_text(alert.ends_at_ms),
        "fingerprint": f"{view.fingerprint:016x}",
        "receivers": [{"name": name} for name in view.receivers],
        "startsAt": time_text(alert.starts_at_ms),
        "status": {
            "inhibitedBy": [] if view.inhibited_by is None else [f"{view.inhibited_by.fingerprint():016x}"],
            "mutedBy": list(view.muted_by),
            "silencedBy": list(view.silenced_by),
            "state": "suppressed" if view.suppressed else "active",
        },
        "updatedAt": time_text(alert.updated_at_ms),
        "generatorURL": alert.generator_url,
        "labels": dict(alert.labels.pairs),
    }


def _group_json(group: GroupView, views: Iterable[AlertView]) -> Mapping[str, object]:
    return {
        "alerts": _written(views),
        "labels": dict(group.labels.pairs),
        "receiver": {"name": group.receiver},
        "routeLabels": dict(group.route_labels.pairs),
    }
