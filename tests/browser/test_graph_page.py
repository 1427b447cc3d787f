"""The query page over the real program: where the links of notices and alerts lead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from accept.server import StartServer, first_password
from browser.watching import Visit
from fenghuo.web import Panel

pytestmark = [pytest.mark.browser, pytest.mark.accept, pytest.mark.slow]

FAST = "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n"


def test_an_expression_is_drawn_listed_and_refused(tmp_path: Path, browser: Browser, start_server: StartServer) -> None:
    if not Panel().built:
        pytest.skip("the panel is not built: run `npm ci && npm run build` in ui/")
    server = start_server(tmp_path / "data", FAST)
    server.value("node_load1")
    visit = Visit(browser, server.url, ("admin", first_password(server)))
    page = visit.sign_in()

    page.goto(f"{server.url}/graph?g0.expr=node_load1&g0.tab=0")
    expect(page.get_by_label("PromQL expression")).to_have_value("node_load1")
    expect(page.locator(".time-chart canvas")).to_be_visible()
    assert visit.drawn_share(0) > 0.005
    entry = page.locator(".legend li")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text("node_load1{")
    expect(entry.locator("b")).to_have_text(re.compile(r"^\d+(\.\d+)?$"))

    page.get_by_role("radio", name="Table").check(force=True)
    expect(page).to_have_url(re.compile(r"g0\.tab=1"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr td").nth(1)).to_have_text(re.compile(r"^\d+(\.\d+)?$"))

    _refused_then_mended(visit, page)
    visit.close()
    assert visit.problems == []
    assert visit.foreign_requests == []


def _refused_then_mended(visit: Visit, page: Page) -> None:
    visit.expect_failing("401", "400")
    field = page.get_by_label("PromQL expression")
    field.fill("rate(")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("parse error")
    field.fill("vector(1) +")
    field.press("Shift+Enter")
    field.press_sequentially("vector(41)")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("tbody tr td").nth(1)).to_have_text("42")
    page.go_back()
    expect(field).to_have_value("rate(")


def test_a_link_leads_there_through_sign_in(tmp_path: Path, browser: Browser, start_server: StartServer) -> None:
    if not Panel().built:
        pytest.skip("the panel is not built: run `npm ci && npm run build` in ui/")
    server = start_server(tmp_path / "data", FAST)
    visit = Visit(browser, server.url, ("admin", first_password(server)))
    visit.expect_failing("401", "400")
    page = visit.page
    page.goto(f"{server.url}/graph?g0.expr=1+%2B+1+%3D%3D+2&g0.tab=1&g0.range_input=2h")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(first_password(server))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("PromQL expression")).to_have_value("1 + 1 == 2")
    expect(page.get_by_role("alert")).to_contain_text("BOOL modifier")
    page.get_by_role("link", name="Overview").click()
    expect(page).to_have_url(f"{server.url}/")
    page.get_by_role("link", name="Query").click()
    expect(page.get_by_text("Enter an expression to see its series.")).to_be_visible()
    visit.close()
    assert visit.problems == []
    assert visit.foreign_requests == []
