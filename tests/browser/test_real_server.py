"""The panel over the real program: what a newcomer sees after the first start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from accept.server import StartServer, first_password
from browser.watching import Visit
from fenghuo.web import Panel

pytestmark = [pytest.mark.browser, pytest.mark.accept, pytest.mark.slow]

FAST = "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n"


def test_a_newcomer_signs_in_and_sees_this_host(tmp_path: Path, browser: Browser, start_server: StartServer) -> None:
    if not Panel().built:
        pytest.skip("the panel is not built: run `npm ci && npm run build` in ui/")
    server = start_server(tmp_path / "data", FAST)
    server.value("count(irate(node_cpu_seconds_total[1m]))")
    visit = Visit(browser, server.url, ("admin", first_password(server)))
    page = visit.sign_in()

    expect(page.get_by_role("link", name="Skip to the content")).to_be_attached()
    for title in ("CPU", "Memory", "Disk"):
        card = page.locator("section", has=page.get_by_role("heading", name=title, exact=True))
        expect(card.locator(".number")).to_have_text(re.compile(r"^\d+(\.\d)?$"))
        expect(card.locator(".time-chart canvas")).to_be_visible()
    rows = page.locator("table tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Up")
    expect(rows.nth(1)).to_contain_text("node")

    page.get_by_role("button", name="Account: admin").click()
    page.get_by_role("button", name="Sign out").press("Enter")
    expect(page).to_have_url(f"{server.url}/sign-in")
    visit.close()
    assert visit.problems == []
    assert visit.foreign_requests == []
