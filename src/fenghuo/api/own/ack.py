"""The page behind the link of a notice: a person with a phone answers an incident, without signing in.

GET shows and changes nothing, because chat programs fetch links to preview them. POST acts, once for each link.
Plain HTML without a script, in Chinese and English.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.book import Act, UnknownIncidentError
from fenghuo.alerting.incident.links import TRIAL as TRIAL_LINK
from fenghuo.alerting.incident.links import Grant
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.telling import ANSWER_PATH
from fenghuo.api.audit.actions import ANSWER
from fenghuo.api.audit.middleware import note_of
from fenghuo.api.own.ack_page import ESCALATE, Page, form_page, said_page
from fenghuo.api.params import read_params
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.incident import SYSTEM, Actor, Incident

log = logging.getLogger(__name__)

NAME_CHARS_MAX = 60
MINUTE_MS: Final = 60_000
FORGED_SAID_MS: Final = MINUTE_MS
"""How often the log tells of forged links: anybody can make any number of them."""
SNOOZES_MS: Final[Mapping[str, int]] = {"snooze30": 30 * MINUTE_MS, "snooze120": 120 * MINUTE_MS}

TRIAL: Final = (
    "这是测试消息的链接，真正的告警会在这里等待确认。",
    "This link belongs to a test. That of an alert leads to its incident, to be answered.",
)
FORGED: Final = ("这个链接无效。", "This link is not valid.")
EXPIRED: Final = ("这个链接已过期，请用最新的消息。", "This link is over. Use the newest message.")
USED: Final = ("这个链接已经用过。", "This link has been used already.")
GONE: Final = ("这个事件已不存在。", "This incident is not known any more.")
NO_NAME: Final = ("请写上你的名字。", "Say who you are.")
NO_ACTION: Final = ("请选择要做什么。", "Choose what to do.")
NO_ESCALATION: Final = ("没有为它设置升级策略。", "No escalation is set for it.")
UNAVAILABLE: Final = ("现在做不到，请稍后再试。", "This cannot be done now. Try again soon.")
DONE: Final[Mapping[str, tuple[str, str]]] = {
    "acknowledge": ("已确认，不再重复提醒。", "Acknowledged. You are not reminded again."),
    "snooze30": ("已推迟 30 分钟。", "Snoozed for 30 minutes."),
    "snooze120": ("已推迟 2 小时。", "Snoozed for 2 hours."),
    "resolve": ("已标记为解决。", "Marked as resolved."),
    "escalate": ("已升级，正在通知下一批人。", "Escalated. The next people are being told."),
}


class AnswerPage:
    """``/a/<token>``."""

    def __init__(self, alerting: Alerting, now_ms: Callable[[], int], headers: Mapping[str, str]) -> None:
        """``headers`` are those of every page."""
        self._alerting = alerting
        self._now_ms = now_ms
        self._headers = {**headers, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
        self._forged_since = (-FORGED_SAID_MS, 0)
        """When the log last told of a forged link, and how many came since."""

    def routes(self) -> Sequence[Route]:
        return [Route(f"{ANSWER_PATH}{{token}}", self._answer, methods=["GET", "POST"])]

    async def _answer(self, request: Request) -> Response:
        try:
            status, page = await self._page(request)
        except OperatingError as error:
            log.error("a link could not be answered: %s", error)
            status, page = 503, said_page(UNAVAILABLE)
        return HTMLResponse(page.html, status, self._headers)

    async def _page(self, request: Request) -> tuple[int, Page]:
        posted, note = request.method == "POST", note_of(request)
        if request.path_params["token"] == TRIAL_LINK:
            return 200, said_page(TRIAL)
        grant = self._alerting.links.read(request.path_params["token"])
        if grant is None:
            note.action, note.detail["link"] = ANSWER, "forged"
            return self._forged(request)
        note.subject, note.actor, note.via = f"INC-{grant.incident}", grant.person, "link"
        try:
            incident = await self._alerting.incidents.get(grant.incident)
        except UnknownIncidentError:
            return 410, said_page(GONE)
        if grant.expires_ms <= self._now_ms():
            note.detail["link"] = "expired"
            return await self._refused(incident, "expired", EXPIRED, posted=posted)
        if await self._alerting.incidents.link_used(grant.nonce):
            note.detail["link"] = "used"
            return await self._refused(incident, "used", USED, posted=posted)
        if posted:
            return await self._act(request, grant, incident)
        return 200, self._form(incident, grant, wanted=request.query_params.get("do", ""))

    def _form(
        self, incident: Incident, grant: Grant, complaint: tuple[str, str] | None = None, wanted: str = ""
    ) -> Page:
        escalates = self._alerting.escalations.possible(incident)
        return form_page(incident, grant.person, complaint, wanted, may_escalate=escalates)

    async def _act(self, request: Request, grant: Grant, incident: Incident) -> tuple[int, Page]:
        try:
            params = await read_params(request)
        except InputError:
            return 400, self._form(incident, grant, NO_ACTION)
        action, name = params.get("action"), grant.person or params.get("name").strip()[:NAME_CHARS_MAX]
        note = note_of(request)
        note.actor, note.detail["answer"] = name, action[:NAME_CHARS_MAX]
        if action not in DONE:
            return 400, self._form(incident, grant, NO_ACTION)
        if action == ESCALATE[0] and not self._alerting.escalations.possible(incident):
            return 400, self._form(incident, grant, NO_ESCALATION)
        if not name:
            return 400, self._form(incident, grant, NO_NAME)
        book, actor = self._alerting.incidents, Actor(name, "link")
        deed = _deed(action, actor)
        try:
            deed(incident, self._now_ms())  # What cannot be done leaves the link as it is.
        except InputError as error:
            return 409, said_page((error.message, ""), incident)
        if not await book.use_link(grant.nonce, grant.expires_ms):
            note.detail["link"] = "used"
            return await self._refused(incident, "used", USED, posted=True)
        try:
            if action == ESCALATE[0]:
                now = await self._alerting.escalations.escalate(grant.incident, actor)
            else:
                now = await book.act(grant.incident, deed)
        except InputError as error:
            return 409, said_page((error.message, ""), await book.get(grant.incident))
        return 200, said_page(DONE[action], now)

    def _forged(self, request: Request) -> tuple[int, Page]:
        self._alerting.incident_instruments.links_refused.labels("forged").inc()
        said_ms, untold = self._forged_since
        now_ms = self._now_ms()
        if 0 <= now_ms - said_ms < FORGED_SAID_MS:
            self._forged_since = (said_ms, untold + 1)
            return 404, said_page(FORGED)
        self._forged_since = (now_ms, 0)
        client = request.client.host if request.client else "somewhere"
        more = f", and {untold} before it that were not told of" if untold else ""
        log.warning("a forged link to answer an incident was used from %s%s", client, more)
        return 404, said_page(FORGED)

    async def _refused(self, incident: Incident, why: str, words: tuple[str, str], *, posted: bool) -> tuple[int, Page]:
        """Only a POST is worth a line on the time line: previews fetch old links all the time."""
        if posted:
            self._alerting.incident_instruments.links_refused.labels(why).inc()
            incident = await self._alerting.incidents.act(
                incident.number, lambda now, at_ms: machine.refuse_link(now, SYSTEM, at_ms, why)
            )
        return 410, said_page(words, incident)


def _deed(action: str, actor: Actor) -> Act:
    if action in SNOOZES_MS:
        return lambda now, at_ms: machine.snooze(now, actor, at_ms, SNOOZES_MS[action])
    acts = {"acknowledge": machine.acknowledge, "resolve": machine.resolve, "escalate": machine.escalate}
    act = acts[action]
    return lambda now, at_ms: act(now, actor, at_ms)
