"""The pages of people on duty over the real program: answer an incident, silence an alert, stand in for somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from accept.server import Server, StartServer, first_password
from browser.watching import Visit
from fenghuo.web import Panel

pytestmark = [pytest.mark.browser, pytest.mark.accept, pytest.mark.slow]

CONFIG = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
route:
  receiver: desk
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
receivers: [{name: desk}]
inhibit_rules:
  - source_matchers: [alertname="HostDown"]
    target_matchers: [alertname="DiskFull"]
    equal: [instance]
people:
  zhang: {name: 张伟, contacts: [{kind: email, to: zhang@example.com}]}
  li: {name: Li Na, contacts: [{kind: email, to: li@example.com}]}
escalations:
  ladder: {steps: [{after: 1h, targets: ['person:zhang']}, {after: 1h, targets: ['person:li']}]}
priorities: {P1: {escalation: ladder}}
schedules:
  primary:
    zone: Asia/Shanghai
    layers: [{people: [zhang], start: 2026-01-01, rotation: weekly}]
heartbeats: {backup: {period: 1h}}
"""
PAGES = (
    "/alerts",
    "/incidents",
    "/incidents/INC-1",
    "/silences",
    "/silences/new",
    "/on-call",
    "/deliveries",
    "/heartbeats",
)


SEEN_BY_A_VIEWER = {"user": {"name": "guest", "role": "viewer"}, "csrf_token": ""}


NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, a, [role=img]')]
    .filter(node => !(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.length))
    .map(node => node.outerHTML)"""


def alert(name: str, severity: str, **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": severity, **labels},
        "annotations": {"summary": f"{name} on {labels.get('instance', 'all hosts')}"},
        "generatorURL": "http://elsewhere.example/graph?g0.expr=node_load1&g0.tab=1",
    }


@pytest.fixture(scope="module")
def duty(tmp_path_factory: pytest.TempPathFactory, start_module_server: StartServer) -> Server:
    """A server on which a host is down, the disk of the same host is inhibited, and certificates end."""
    if not Panel().built:
        pytest.skip("the panel is not built: run `npm ci && npm run build` in ui/")
    folder: Path = tmp_path_factory.mktemp("duty")
    server = start_module_server(folder / "data", CONFIG)
    alerts = [
        alert("HostDown", "critical", instance="db-1"),
        alert("DiskFull", "warning", instance="db-1"),
        *(alert("CertificateEnds", "info", instance=f"web-{number}") for number in range(8)),
    ]
    assert server.client.post("/api/v2/alerts", json=alerts).status_code == 200
    return server


@pytest.fixture
def visit(browser: Browser, duty: Server) -> Iterator[Visit]:
    """A visitor who has not signed in. Nothing may go wrong in the page, and nothing leave."""
    visitor = Visit(browser, duty.url, ("admin", first_password(duty)))
    yield visitor
    visitor.close()
    assert visitor.problems == []
    assert visitor.foreign_requests == []


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def test_an_incident_is_acknowledged_with_a_comment_then_resolved_and_reopened(visit: Visit, duty: Server) -> None:
    page = visit.sign_in("/incidents", ready=".incidents")
    first = page.locator(".incidents li").first
    expect(first).to_contain_text("HostDown")
    expect(first).to_contain_text("P1")
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="HostDown")).to_be_visible()
    expect(page.locator(".page-head")).to_contain_text("Open")

    page.get_by_label("Comment", exact=True).fill("on my way")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".page-head")).to_contain_text("Acknowledged")
    said = page.locator(".line li", has_text="on my way")
    expect(said).to_contain_text("admin, through panel")
    expect(page.get_by_label("Comment", exact=True)).to_have_value("")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)

    page.get_by_label("Assign to").select_option("li")
    page.get_by_role("button", name="Assign").click()
    expect(page.locator("dl")).to_contain_text("AssigneeLi Na")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".page-head")).to_contain_text("Resolved")
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator(".page-head")).to_contain_text("Open")
    expect(page.locator("dl")).to_contain_text("ladder · waits · step 1 of 2")
    page.get_by_role("button", name="Escalate").click()
    page.get_by_role("button", name="Tell the next people now").click()
    # Nobody can be reached here, and then the next step follows at once.
    expect(page.locator("dl")).to_contain_text("over: nobody answered", timeout=20_000)
    expect(page.locator(".line li", has_text="Not reached").first).to_be_visible()
    number = page.url.rpartition("/")[2]
    incident = duty.client.get(f"/api/fenghuo/incidents/{number}").json()
    assert (incident["state"], incident["assignee"]) == ("open", "li")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the draft").click()
    assert "on my way" in download.value.path().read_text()


def test_what_the_program_wrote_on_a_time_line_is_said_in_the_chosen_language(visit: Visit) -> None:
    page = visit.sign_in("/incidents/INC-1", ready=".line")
    opened = page.locator(".line li").last
    expect(opened).to_contain_text("P1, 1 alert firing")
    page.get_by_label("简体中文").check(force=True)
    expect(opened).to_contain_text("P1，1 条告警触发")
    expect(page.locator(".line")).not_to_contain_text("firing")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载初稿").click()
    assert "## 时间线" in download.value.path().read_text()
    page.get_by_label("English").check(force=True)
    expect(opened).to_contain_text("P1, 1 alert firing")


def test_an_alert_is_silenced_from_its_row_and_the_silence_ended(visit: Visit, duty: Server) -> None:
    page = visit.sign_in("/alerts", ready=".group")
    inhibited = card(page, "DiskFull")
    expect(inhibited).to_contain_text("Inhibited: HostDown fires and explains it")
    storm = card(page, "CertificateEnds")
    expect(storm.locator("li.alert")).to_have_count(5)
    storm.get_by_role("button", name="Show 3 more").click()
    expect(storm.locator("li.alert")).to_have_count(8)

    storm.get_by_role("button", name="instanceweb-3").click()
    expect(page.get_by_label("Filter")).to_have_value('{instance="web-3"}')
    expect(page.locator("li.alert")).to_have_count(1)
    storm.get_by_role("link", name="Silence", exact=True).click()
    expect(page.get_by_label("Label").first).to_have_value("alertname")
    matches = page.locator("section", has=page.get_by_role("heading", name="Fires now and matches"))
    expect(matches.locator("li")).to_have_count(1)
    page.get_by_role("button", name="Silence", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Say why, in a comment.")
    page.get_by_label("Comment").fill("renewed on Monday")
    page.get_by_role("button", name="4 h").click()
    page.get_by_role("button", name="Silence", exact=True).click()

    expect(page).to_have_url(re.compile("/alerts"))
    expect(storm).to_contain_text("renewed on Monday")
    (silence,) = duty.client.get("/api/v2/silences", params={"expired": "false"}).json()
    assert silence["createdBy"] == "admin"
    assert {each["name"]: each["value"] for each in silence["matchers"]}["instance"] == "web-3"

    storm.get_by_role("link", name="renewed on Monday").click()
    expect(page.get_by_role("heading", name="Change silence")).to_be_visible()
    page.get_by_label("Comment").fill("renewed on Tuesday")
    page.get_by_role("button", name="Save").click()
    expect(storm).to_contain_text("renewed on Tuesday")
    page.get_by_role("navigation").get_by_role("link", name="Silences").click()
    item = page.locator(".silences > li", has_text="renewed on Tuesday")
    expect(item).to_contain_text("keeps 1 alert quiet")
    item.get_by_role("button", name="End").click()
    item.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("Nothing is silenced.")).to_be_visible()


def test_somebody_stands_in_and_the_override_is_taken_back(visit: Visit) -> None:
    page = visit.sign_in("/on-call", ready=".timeline")
    primary = card(page, "primary")
    expect(primary.locator(".now b")).to_have_text("张伟")
    primary.get_by_role("button", name="Override").click()
    form = primary.get_by_role("form", name="Override")
    form.get_by_label("Person").select_option("li")
    form.get_by_role("button", name="Put on call").click()
    expect(primary.locator(".now b")).to_have_text("Li Na")
    expect(form).to_have_count(0)
    page.get_by_role("button", name="Take back").click()
    expect(primary.locator(".now b")).to_have_text("张伟")

    primary.get_by_role("button", name="Calendar").click()
    expect(page.get_by_label("Address of the calendar")).to_have_value(re.compile(r"^http://.*/primary\.ics$"))


def test_sessions_of_a_market_stand_behind_charts_and_are_remembered(visit: Visit) -> None:
    page = visit.sign_in("/graph?g0.expr=vector(1)&g0.tab=0", ready=".time-chart canvas")
    with page.expect_response(re.compile(r"trading/sessions\?market=SHFE\.au")) as answer:
        page.get_by_label("Trading sessions").select_option("SHFE.au")
    assert answer.value.status == 200
    page.reload()
    expect(page.get_by_label("Trading sessions")).to_have_value("SHFE.au")


def test_what_is_shown_stays_when_the_server_is_gone_and_what_never_was_is_said(visit: Visit, duty: Server) -> None:
    page = visit.sign_in("/alerts", ready=".group")
    visit.expect_failing("401", "404", "ERR_")
    page.context.set_offline(True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer. What you see is")
    expect(page.locator(".group").first).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("alert")).to_have_count(0)

    page.goto(f"{duty.url}/incidents/INC-999")
    expect(page.get_by_role("alert")).to_contain_text("INC-999")
    page.goto(f"{duty.url}/silences/never-was")
    expect(page.get_by_role("alert")).to_contain_text("404")
    expect(page.get_by_role("button", name="Try now")).to_be_visible()


def test_a_page_that_the_server_no_longer_has_brings_the_newer_panel(visit: Visit) -> None:
    page = visit.sign_in("/alerts", ready=".group")
    visit.expect_failing("401", "404")
    page.evaluate("window.older = true")
    loaded_anew: list[str] = []
    page.on("request", lambda request: loaded_anew.append(request.url) if request.is_navigation_request() else None)
    page.route(
        "**/assets/SilencesPage-*.js",
        lambda route: route.continue_() if loaded_anew else route.fulfill(status=404),
    )
    page.get_by_role("navigation").get_by_role("link", name="Silences").click()
    expect(page.get_by_role("heading", name="Silences")).to_be_visible()
    assert page.evaluate("window.older") is None
    assert loaded_anew == [f"{visit.url}/silences"]


def test_addresses_in_the_way_of_alertmanager_lead_to_their_pages(visit: Visit) -> None:
    page = visit.sign_in("/#/alerts?receiver=desk", ready=".group")
    expect(page).to_have_url(f"{visit.url}/alerts?receiver=desk")
    page.goto(f"{visit.url}/#/alerts?receiver=a%26b")
    expect(page).to_have_url(f"{visit.url}/alerts?receiver=a%26b")
    expect(page.get_by_text("No alert meets this filter.")).to_be_visible()
    page.get_by_role("button", name="Receiver a&b").click()
    expect(page).to_have_url(f"{visit.url}/alerts")
    expect(page.locator(".group").first).to_be_visible()
    page.goto(f"{visit.url}/#/silences")
    expect(page).to_have_url(f"{visit.url}/silences")


def test_whoever_may_only_look_is_offered_nothing_to_change(visit: Visit, duty: Server) -> None:
    page = visit.sign_in("/alerts", ready=".group")
    page.route("**/api/fenghuo/session", lambda route: route.fulfill(json=SEEN_BY_A_VIEWER))
    page.reload()
    expect(page.locator(".group").first).to_be_visible()
    expect(page.get_by_role("link", name="Silence", exact=True)).to_have_count(0)
    page.goto(f"{duty.url}/incidents/INC-1")
    expect(page.get_by_text("Your account may look but not change anything.")).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_every_page_fits_a_phone_names_its_controls_and_needs_no_charts(visit: Visit) -> None:
    page = visit.new_page(width=360, height=740, locale="zh-CN", color_scheme="dark")
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    visit.expect_failing("401")
    page.goto(f"{visit.url}/alerts")
    page.get_by_label("用户名").fill("admin")
    page.get_by_label("密码", exact=True).fill(visit.password)
    page.get_by_role("button", name="登录").press("Enter")
    page.locator(".group").first.wait_for()
    for path in PAGES:
        page.goto(visit.url + path)
        expect(page.locator("main.page")).to_have_attribute("aria-busy", "false")
        expect(page.locator("main .card").first).to_be_visible()
        expect(page.get_by_role("status", name="正在加载")).to_have_count(0)
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), path
        assert page.evaluate(NAMELESS) == [], path
    assert not [url for url in loaded if "TimeChart" in url]
