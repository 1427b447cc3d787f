"""The page behind a notice's link, for what needs a clock: links that are over, and incidents that have moved on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest
from starlette.applications import Starlette

from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.incident import book as book_module
from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.book import LINKS_REFUSED
from fenghuo.alerting.incident.links import LIFETIME_MS, TRIAL
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.service import Alerting
from fenghuo.api.own.ack import FORGED_SAID_MS, AnswerPage
from fenghuo.base.clock import ManualClock
from fenghuo.model.incident import SYSTEM, IncidentState
from fenghuo.state import open_state
from unit.alerting.bench import START_MS, Bench, settings_of

pytestmark = pytest.mark.anyio

CONFIG = """
route: {receiver: team, group_wait: 10s}
receivers: [{name: team, webhook_configs: [{url: 'http://team'}]}]
"""
ZHANG = {"action": "acknowledge", "name": "zhang"}


@dataclass
class Phone:
    """Somebody who got a link."""

    bench: Bench
    alerting: Alerting
    client: httpx.AsyncClient

    def path(self, person: str = "") -> str:
        return f"/a/{self.alerting.links.grant(1, self.bench.clock.now_ms(), person)}"


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    with open_state("sqlite://") as state:
        bench = Bench(ManualClock(START_MS), state)
        async with bench.service(CONFIG) as alerting:
            alerting.intake.put([bench.alert("Down", ends_s=10**6)])
            await bench.until(20)
            page = AnswerPage(alerting, bench.clock.now_ms, {"X-Frame-Options": "DENY"})
            transport = httpx.ASGITransport(Starlette(routes=page.routes()))
            async with httpx.AsyncClient(transport=transport, base_url="http://fenghuo") as client:
                yield Phone(bench, alerting, client)


async def test_a_notice_carries_a_link_that_works(phone: Phone) -> None:
    view = phone.bench.told[0].message.incident
    assert view is not None
    answer = await phone.client.get(view.answer_url)
    assert (answer.status_code, answer.headers["x-frame-options"]) == (200, "DENY")
    assert "INC-1" in answer.text


async def test_a_link_may_ask_for_an_action_and_does_nothing_by_itself(phone: Phone) -> None:
    path = phone.path()
    for wanted, first in (("snooze30", "snooze30"), ("acknowledge", "acknowledge"), ("<b>", "acknowledge")):
        page = (await phone.client.get(path, params={"do": wanted})).text
        buttons = re.findall(r'class="(\w*)" name="action" value="(\w+)"', page)
        assert buttons[0] == ("main", first)
        assert [style for style, _ in buttons[1:]] == ["", "", ""]
    assert (await phone.alerting.incidents.get(1)).state is IncidentState.OPEN
    assert (await phone.client.post(f"{path}?do=snooze30", data=ZHANG)).status_code == 200
    assert (await phone.alerting.incidents.get(1)).state is IncidentState.ACKNOWLEDGED, "what was pressed counts"


async def test_the_link_of_a_message_of_trial_says_so(phone: Phone) -> None:
    for method in ("GET", "POST"):
        answer = await phone.client.request(method, f"/a/{TRIAL}?do=acknowledge", data=ZHANG)
        assert answer.status_code == 200
        assert "测试消息" in answer.text
    assert phone.bench.metric("fenghuo_incident_links_refused_total", why="forged") is None


async def test_forged_links_fill_no_log(phone: Phone, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        assert (await phone.client.post("/a/forged", data=ZHANG)).status_code == 404
    phone.bench.clock.step_wall(FORGED_SAID_MS / 1000)
    for _ in range(2):
        assert (await phone.client.get("/a/forged")).status_code == 404
    said = [record.getMessage() for record in caplog.records if "forged" in record.getMessage()]
    first = "a forged link to answer an incident was used from 127.0.0.1"
    assert said == [first, f"{first}, and 19 before it that were not told of"]
    assert phone.bench.metric("fenghuo_incident_links_refused_total", why="forged") == 22


async def test_a_link_is_over_after_a_day(phone: Phone) -> None:
    path = phone.path()
    phone.bench.clock.step_wall(LIFETIME_MS / 1000)
    assert (await phone.client.get(path)).status_code == 410
    assert phone.bench.metric("fenghuo_incident_links_refused_total", why="expired") is None, "a preview is no use"
    assert (await phone.client.post(path, data=ZHANG)).status_code == 410
    assert phone.bench.metric("fenghuo_incident_links_refused_total", why="expired") == 1
    incident = await phone.alerting.incidents.get(1)
    assert incident.state is IncidentState.OPEN
    assert (await phone.alerting.incidents.timeline(1))[-1].text == "a link to answer was refused: expired"


async def test_a_used_link_cannot_fill_the_time_line(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "LINKS_REFUSED", replace(LINKS_REFUSED, default=7))
    monkeypatch.setattr(book_module, "EVENTS", replace(book_module.EVENTS, default=10))
    path, hits = phone.path(), book_module.LINKS_REFUSED.hits
    assert (await phone.client.post(path, data=ZHANG)).status_code == 200
    for _ in range(20):
        assert (await phone.client.post(path, data=ZHANG)).status_code == 410
    refused = [line for line in await phone.alerting.incidents.timeline(1) if "refused" in line.text]
    assert 0 < len(refused) < 7
    assert book_module.LINKS_REFUSED.hits == hits + 20 - len(refused)
    assert phone.bench.metric("fenghuo_incident_links_refused_total", why="used") == 20
    await phone.alerting.incidents.act(1, lambda now, at_ms: machine.abandoned(now, at_ms))
    assert (await phone.alerting.incidents.timeline(1))[-1].text == "its group of alerts is gone", (
        "there is room for it"
    )


async def test_a_link_for_a_person_answers_in_that_name(phone: Phone) -> None:
    path = phone.path("wang")
    assert 'name="name"' not in (await phone.client.get(path)).text
    assert (await phone.client.post(path, data={**ZHANG, "action": "snooze30"})).status_code == 200
    incident = await phone.alerting.incidents.get(1)
    assert (incident.state, incident.acknowledged_by) == (IncidentState.SNOOZED, "wang")


async def test_what_is_resolved_cannot_be_acknowledged(phone: Phone) -> None:
    mine, late = phone.path(), phone.path()
    assert (await phone.client.post(mine, data={**ZHANG, "action": "resolve"})).status_code == 200
    for action in ("acknowledge", "snooze30", "resolve"):
        answer = await phone.client.post(late, data={**ZHANG, "action": action})
        assert answer.status_code == 409
        assert "INC-1 is resolved" in answer.text
    await phone.alerting.incidents.act(1, lambda now, at_ms: machine.reopen(now, SYSTEM, at_ms))
    assert (await phone.client.post(late, data=ZHANG)).status_code == 200, "what could not be done cost no link"
    await phone.alerting.incidents.act(1, lambda now, at_ms: machine.resolve(now, SYSTEM, at_ms))
    assert "<form" not in (await phone.client.get(phone.path())).text


async def test_a_body_that_is_too_long_answers_nothing(phone: Phone) -> None:
    answer = await phone.client.post(phone.path(), data={**ZHANG, "more": "x" * 5_000_000})
    assert answer.status_code == 400
    assert (await phone.alerting.incidents.get(1)).state is IncidentState.OPEN


async def test_a_link_escalates_where_a_policy_is_set(phone: Phone) -> None:
    assert "escalate" not in (await phone.client.get(phone.path())).text
    path = phone.path("wang")
    answer = await phone.client.post(path, data={"action": "escalate"})
    assert answer.status_code == 400
    assert "没有为它设置升级策略" in answer.text
    policies = EscalationsSettings.model_validate(
        {
            "escalations": {
                "night": {"steps": [{"targets": ["receiver:team"]}, {"after": "1h", "targets": ["receiver:team"]}]}
            }
        }
    )
    table = PrioritiesSettings.model_validate({"P2": {"escalation": "night"}})
    await phone.alerting.apply(settings_of(CONFIG), None, table, policies)
    assert 'value="escalate"' in (await phone.client.get(path)).text, "a refused action leaves the link as it is"
    answer = await phone.client.post(path, data={"action": "escalate"})
    assert answer.status_code == 200
    assert "已升级" in answer.text
    await phone.bench.until(30)
    assert [told.message.reason for told in phone.bench.told] == ["first", "escalation"]
    lines = [(line.actor.name, line.actor.via) for line in await phone.alerting.incidents.timeline(1)]
    assert ("wang", "link") in lines
