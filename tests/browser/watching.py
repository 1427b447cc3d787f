"""A visitor of the panel whose page is watched: errors it logs, and requests that leave its server."""

from __future__ import annotations

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request

DRAWN_SCRIPT = """
canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })
    copy.drawImage(canvas, 0, 0)
    const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data
    let drawn = 0
    for (let index = 3; index < pixels.length; index += 4) if (pixels[index] > 0) drawn += 1
    return drawn / (pixels.length / 4)
}
"""

STILL_SCRIPT = """
const still = new CSSStyleSheet()
still.replaceSync('*, *::before, *::after { transition: none !important; animation: none !important }')
document.adoptedStyleSheets = [...document.adoptedStyleSheets, still]
"""
"""Menus and dialogs stand where they are at once: a click on something that moves may miss it."""


class Visit:
    """One browser profile with one page."""

    def __init__(self, browser: Browser, url: str, credentials: tuple[str, str]) -> None:
        self.url = url
        self.problems: list[str] = []
        self.foreign_requests: list[str] = []
        self._browser = browser
        self._credentials = credentials
        self._contexts: list[Page] = []
        self._expected: tuple[str, ...] = ()
        self.page = self.new_page()

    def new_page(
        self, *, locale: str = "en-GB", color_scheme: str = "light", width: int = 1440, height: int = 900
    ) -> Page:
        """A page of a fresh profile; ``visit.page`` becomes it."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme=color_scheme,  # type: ignore[arg-type]
        )
        context.add_init_script(STILL_SCRIPT)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)
        self._contexts.append(page)
        self.page = page
        return page

    def expect_failing(self, *texts: str) -> None:
        """What the browser logs for answers that this test wants to be errors (``401``, ``ERR_CONNECTION``)."""
        self._expected = texts

    @property
    def password(self) -> str:
        return self._credentials[1]

    def sign_in(self, path: str = "/", ready: str = ".resources canvas") -> Page:
        """Open a page as somebody who signed in by the form, and wait until it shows what ``ready`` selects."""
        name, password = self._credentials
        self.expect_failing("401", *self._expected)
        self.page.goto(self.url + path)
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator(ready).first.wait_for()
        return self.page

    def drawn_share(self, index: int) -> float:
        """The share of a chart's pixels that are not empty, from 0 to 1."""
        share: float = self.page.locator(".time-chart canvas").nth(index).evaluate(DRAWN_SCRIPT)
        return share

    def close(self) -> None:
        for page in self._contexts:
            page.context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        expected = any(text in message.text for text in self._expected)
        if message.type in ("error", "warning") and not expected:
            self.problems.append(f"{message.type}: {message.text}")

    def _on_error(self, error: Error) -> None:
        self.problems.append(f"exception: {error}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(self.url + "/") and not request.url.startswith(("data:", "blob:")):
            self.foreign_requests.append(request.url)
