"""The panel's first page, in a real browser."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from browser.fake_server import FakeServer, firing
from browser.watching import Visit

pytestmark = pytest.mark.browser

DARK_PAGE = "rgb(15, 17, 21)"
LIGHT_PAGE = "rgb(245, 244, 241)"


def background(page: Page) -> str:
    color: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return color


def has_horizontal_scroll(page: Page) -> bool:
    scrolls: bool = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return scrolls


def test_a_wrong_password_is_refused_in_words_and_the_right_one_opens_the_overview(
    visit: Visit, credentials: tuple[str, str]
) -> None:
    visit.expect_failing("401")
    page = visit.page
    page.goto(visit.url)
    expect(page).to_have_url(f"{visit.url}/sign-in")

    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Enter your user name.")
    page.get_by_label("User name").fill(credentials[0])
    page.get_by_label("Password", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()

    page.get_by_label("Password", exact=True).fill(credentials[1])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visit.url}/")
    expect(page.get_by_role("heading", name="CPU")).to_be_visible()


def test_too_many_attempts_are_told_apart_from_a_wrong_password(visit: Visit) -> None:
    visit.expect_failing("401", "429")
    page = visit.page
    page.goto(visit.url)
    page.get_by_label("User name").fill("eager")
    page.get_by_label("Password", exact=True).fill("guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts")


def test_signing_in_leads_back_to_the_page_that_was_asked_for(visit: Visit) -> None:
    page = visit.sign_in("/?host=web-1")
    expect(page).to_have_url(f"{visit.url}/?host=web-1")


def test_signing_out_ends_the_session(visit: Visit) -> None:
    page = visit.sign_in()
    page.get_by_role("button", name="Account: admin").click()
    # By keyboard: the menu is still moving into its place, and a click may land where the button was.
    page.get_by_role("button", name="Sign out").press("Enter")
    expect(page).to_have_url(f"{visit.url}/sign-in")
    page.goto(visit.url)
    expect(page).to_have_url(f"{visit.url}/sign-in")


def test_a_session_that_ended_on_the_server_leads_back_to_sign_in(visit: Visit) -> None:
    page = visit.sign_in()
    page.context.clear_cookies()
    become_visible(page)
    expect(page).to_have_url(f"{visit.url}/sign-in?next=/")


def test_a_server_without_sign_in_opens_at_once_and_offers_no_account(visit: Visit, server: FakeServer) -> None:
    server.scenario.auth = False
    visit.page.goto(visit.url)
    expect(visit.page.get_by_role("heading", name="Memory")).to_be_visible()
    expect(visit.page.get_by_role("button", name=re.compile("Account"))).to_have_count(0)


def test_the_overview_shows_numbers_charts_and_targets_of_this_host(visit: Visit) -> None:
    page = visit.sign_in()
    expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    expect(page.get_by_text("4 of 4 targets up")).to_be_visible()
    expect(page.locator(".time-chart canvas")).to_have_count(4)
    shares = [visit.drawn_share(index) for index in range(4)]
    assert min(shares) > 0.01, shares

    memory = page.locator("section", has=page.get_by_role("heading", name="Memory"))
    expect(memory.locator(".number")).to_have_text(re.compile(r"^4\d\.\d$"))
    expect(memory).to_contain_text(re.compile(r"1\d\.\d GiB of 31\.2 GiB"))
    disk = page.locator("section", has=page.get_by_role("heading", name="Disk"))
    expect(disk.locator(".filesystems .mountpoint")).to_have_text(["/data", "/", "/boot/efi"])
    expect(disk.locator(".chip")).to_have_text("High")
    rows = page.locator("table tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("fenghuo")
    expect(page.get_by_text("None were sent yet.")).to_be_visible()


def test_hovering_a_chart_tells_time_and_values(visit: Visit) -> None:
    page = visit.sign_in()
    page.locator(".time-chart canvas").first.hover(position={"x": 300, "y": 80})
    tooltip = page.locator(".chart-tooltip")
    expect(tooltip).to_be_visible()
    expect(tooltip).to_contain_text(re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"))
    expect(tooltip).to_contain_text(re.compile(r"User\s*\d+\.\d %"))


def test_a_gap_in_the_samples_is_a_gap_in_the_chart(visit: Visit, server: FakeServer) -> None:
    page = visit.sign_in()
    whole = visit.drawn_share(0)
    server.scenario.gap = True
    page.reload()
    page.locator(".time-chart canvas").first.wait_for()
    # Ten of sixty minutes are missing, and the area below the line is most of what is drawn.
    assert whole * 0.7 < visit.drawn_share(0) < whole * 0.93


def test_alerts_are_listed_worst_first_and_speak_the_chosen_language(visit: Visit, server: FakeServer) -> None:
    server.scenario.alerts = [
        firing("HighLoad", "warning", "pending"),
        firing("HighDiskUsage", "warning", mountpoint="/data"),
        firing("HighCPUUsage", "critical"),
    ]
    server.scenario.down = {"10.2.0.17:8000": "connect: connection refused"}
    page = visit.sign_in()
    expect(page.get_by_role("heading", name="2 alerts are firing")).to_be_visible()
    expect(page.locator(".alerts strong")).to_have_text(["HighCPUUsage", "HighDiskUsage", "HighLoad"])
    first = page.locator(".alerts li").first
    expect(first).to_contain_text("Critical · Firing")
    expect(first).to_contain_text("HighCPUUsage on web-1 is over its limit")
    expect(first).to_contain_text("for 7 min")
    expect(first).to_contain_text("92.17")
    expect(page.locator("table tbody tr").nth(0)).to_contain_text("Down")
    expect(page.locator("table tbody tr").nth(1)).to_contain_text("connect: connection refused")

    page.get_by_label("简体中文").check(force=True)
    expect(page.get_by_role("heading", name="2 条告警正在触发")).to_be_visible()
    expect(first).to_contain_text("web-1 的 HighCPUUsage 超过阈值")


def test_what_strangers_write_into_labels_is_shown_as_text(visit: Visit, server: FakeServer) -> None:
    server.scenario.alerts = [firing("<img src=x onerror=alert(1)>", "critical", path="<b>bold</b>")]
    page = visit.sign_in()
    expect(page.locator(".alerts strong")).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.locator(".alerts b", has_text="bold")).to_have_count(0)


def test_the_host_can_be_chosen_where_there_are_several(visit: Visit, server: FakeServer) -> None:
    server.scenario.hosts = ("db-1", "web-1", "web-2")
    page = visit.sign_in()
    select = page.locator(".host-select")
    expect(select).to_contain_text("web-1")
    select.click()
    with page.expect_request(lambda request: "query_range" in request.url and "db-1" in request.url):
        page.locator(".n-base-select-option", has_text="db-1").click()
    expect(page).to_have_url(f"{visit.url}/?host=db-1")


def test_one_answer_that_fails_leaves_the_others_standing(visit: Visit, server: FakeServer) -> None:
    server.scenario.failing_query = "node_cpu_seconds_total"
    visit.expect_failing("503")
    page = visit.sign_in()
    cpu = page.locator("section", has=page.get_by_role("heading", name="CPU"))
    expect(cpu.get_by_role("alert")).to_have_text("This could not be loaded: query timed out in expression evaluation")
    expect(page.locator(".time-chart canvas")).to_have_count(3)


def test_a_host_without_samples_yet_is_told_when_to_expect_them(visit: Visit, server: FakeServer) -> None:
    server.scenario.auth = False
    server.scenario.hosts = ()
    visit.page.goto(visit.url)
    expect(visit.page.get_by_role("heading", name="No host metrics yet")).to_be_visible()


def test_a_server_that_goes_away_is_said_and_the_last_data_stay(visit: Visit) -> None:
    visit.expect_failing("ERR_")
    page = visit.sign_in()
    page.context.set_offline(True)
    become_visible(page)
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text(re.compile(r"The server does not answer\. What you see is \d+ s old\."))
    expect(page.locator(".time-chart canvas")).to_have_count(4)
    expect(page.get_by_role("heading", name="State unknown")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try now").click()
    expect(banner).to_have_count(0)
    expect(page.get_by_role("heading", name="All quiet")).to_be_visible()


def test_a_hidden_page_asks_nothing_and_a_shown_one_asks_at_once(visit: Visit) -> None:
    page = visit.page
    page.clock.install(time=time.time())
    visit.sign_in()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(16_000)
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    assert any("query_range" in url for url in asked), "a page that is looked at refreshes"

    set_hidden(page, hidden=True)
    asked.clear()
    page.clock.run_for(120_000)
    assert asked == []
    with page.expect_request(re.compile("query_range")):
        become_visible(page)


def test_theme_and_language_are_remembered(visit: Visit) -> None:
    page = visit.sign_in()
    assert background(page) == LIGHT_PAGE
    page.get_by_label("Dark").check(force=True)
    page.get_by_label("简体中文").check(force=True)
    assert background(page) == DARK_PAGE
    page.reload()
    expect(page.get_by_role("heading", name="平安无事")).to_be_visible()
    assert background(page) == DARK_PAGE
    assert page.evaluate("document.documentElement.lang") == "zh-CN"


@pytest.mark.parametrize(
    ("locale", "scheme", "title", "color"),
    [("zh-CN", "dark", "登录", DARK_PAGE), ("de-DE", "light", "Sign in", LIGHT_PAGE)],
)
def test_language_and_theme_follow_browser_and_system(
    visit: Visit, locale: str, scheme: str, title: str, color: str
) -> None:
    visit.expect_failing("401")
    page = visit.new_page(locale=locale, color_scheme=scheme)
    page.goto(visit.url)
    expect(page.get_by_role("button", name=title, exact=True)).to_be_visible()
    assert background(page) == color


def test_switching_works_before_sign_in_and_translates_what_is_said(visit: Visit) -> None:
    visit.expect_failing("401")
    page = visit.page
    page.goto(visit.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("简体中文").check(force=True)
    expect(page.get_by_role("alert")).to_have_text("请输入用户名。")
    page.get_by_label("深色").check(force=True)
    assert background(page) == DARK_PAGE


def test_the_page_fits_a_phone(visit: Visit, server: FakeServer) -> None:
    server.scenario.alerts = [firing("HighDiskUsage", "warning", mountpoint="/a/rather/long/mount/point/of/some/disk")]
    server.scenario.down = {"10.2.0.17:8000": 'Get "http://10.2.0.17:8000/metrics": ' + "x" * 80}
    server.scenario.hosts = ("web-1", "a-host-with-a-very-long-name.in.some.domain.example")
    page = visit.new_page(width=390, height=844)
    visit.expect_failing("401")
    page.goto(visit.url)
    assert not has_horizontal_scroll(page)
    visit.sign_in()
    assert not has_horizontal_scroll(page)
    expect(page.locator(".time-chart canvas")).to_have_count(4)


def test_everything_on_the_page_can_be_reached_and_named(visit: Visit) -> None:
    page = visit.sign_in()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, a, [role=img], [role=meter]')]
            .filter(node => !(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.length))
            .map(node => node.outerHTML)"""
    )
    assert nameless == []


def test_a_page_that_does_not_exist_leads_home(visit: Visit, server: FakeServer) -> None:
    server.scenario.auth = False
    visit.page.goto(f"{visit.url}/nowhere/at/all")
    visit.page.get_by_role("link", name="To the overview").click()
    expect(visit.page.get_by_role("heading", name="CPU")).to_be_visible()


def set_hidden(page: Page, *, hidden: bool) -> None:
    """Have the page believe its tab was left or shown."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden })
            document.dispatchEvent(new Event('visibilitychange'))
        }""",
        hidden,
    )


def become_visible(page: Page) -> None:
    """What makes the panel refresh at once."""
    set_hidden(page, hidden=False)
