"""Chromium, and a server to look at.

``panel_url`` and ``credentials`` are all that the tests of the panel know of the server behind it. Tests that need
a certain state of the world (alerts, a gap, a server that goes away) take ``server`` and set its scenario.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from accept.conftest import start_module_server, start_process, start_server
from browser.fake_server import NAME, PASSWORD, FakeServer, Scenario, running
from browser.watching import Visit
from fenghuo.web import Panel

# Fixtures of the accept tests, for the panel over the real program.
__all__ = ["start_module_server", "start_process", "start_server"]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Chromium refuses its sandbox to root, and must not speak to anybody but the server under test."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file. Playwright's loop runs in this thread, so no wider than a file."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if chromium is None:
        pytest.skip(f"none of {', '.join(CHROMIUM_NAMES)} is installed")
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield chrome
        chrome.close()


@pytest.fixture(scope="module")
def running_server() -> Iterator[tuple[FakeServer, str]]:
    if not Panel().built:
        pytest.skip("the panel is not built: run `npm ci && npm run build` in ui/")
    server = FakeServer()
    with running(server) as url:
        yield server, url


@pytest.fixture
def server(running_server: tuple[FakeServer, str]) -> FakeServer:
    """The server behind the panel, in its calm state."""
    running_server[0].scenario = Scenario()
    return running_server[0]


@pytest.fixture
def panel_url(running_server: tuple[FakeServer, str], server: FakeServer) -> str:
    return running_server[1]


@pytest.fixture
def credentials() -> tuple[str, str]:
    """Name and password that the server behind ``panel_url`` accepts."""
    return NAME, PASSWORD


@pytest.fixture
def visit(browser: Browser, panel_url: str, credentials: tuple[str, str]) -> Iterator[Visit]:
    """A new visitor: English, light, 1440 pixels wide. Nothing may go wrong in the page, and nothing leave."""
    visitor = Visit(browser, panel_url, credentials)
    yield visitor
    visitor.close()
    assert visitor.problems == []
    assert visitor.foreign_requests == []
