"""What the panel's server answers, path by path."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fenghuo.web import Panel, panel_routes
from fenghuo.web.panel_app import accepts_gzip

pytestmark = pytest.mark.anyio

SCRIPT = b"console.log('panel')"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<html>the page</html>", encoding="utf-8")
    (tmp_path / "boot.js").write_bytes(b"boot()")
    (tmp_path / "assets" / "index-3f2a.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "index-3f2a.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / ".sources").write_text("a note of the build", encoding="utf-8")
    return tmp_path


def client_of(directory: Path) -> httpx.AsyncClient:
    api = Route("/api/v1/query", lambda _request: PlainTextResponse("an answer"))
    app = Starlette(routes=[api, *panel_routes(directory)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://panel")


CASES = [
    # path, status, media type, what the body contains
    ("/", 200, "text/html; charset=utf-8", "the page"),
    ("/index.html", 200, "text/html; charset=utf-8", "the page"),
    ("/sign-in?next=/", 200, "text/html; charset=utf-8", "the page"),
    ("/alerts/deep/path", 200, "text/html; charset=utf-8", "the page"),
    ("/healthy-page-of-the-panel", 200, "text/html; charset=utf-8", "the page"),
    ("/assets/index-3f2a.js", 200, "text/javascript; charset=utf-8", "panel"),
    ("/boot.js", 200, "text/javascript; charset=utf-8", "boot()"),
    ("/assets/index-gone.js", 404, "application/json", "there is nothing at /assets/index-gone.js"),
    ("/favicon.ico", 404, "application/json", "not_found"),
    ("/.sources", 404, "application/json", "not_found"),
    ("/assets/index-3f2a.js.gz", 404, "application/json", "not_found"),
    ("/../panel_app.py", 404, "application/json", "not_found"),
    ("/%2e%2e/panel_app.py", 404, "application/json", "not_found"),
    ("/api/v1/query", 200, "text/plain; charset=utf-8", "an answer"),
    ("/api/v1/no_such_thing", 404, "application/json", "there is nothing at /api/v1/no_such_thing"),
    ("/metrics", 404, "application/json", "not_found"),
    ("/-/ready", 404, "application/json", "not_found"),
]


@pytest.mark.parametrize(("path", "status", "media_type", "text"), CASES)
async def test_each_path_gets_its_file_the_page_or_a_404(
    built: Path, path: str, status: int, media_type: str, text: str
) -> None:
    async with client_of(built) as client:
        response = await client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, media_type)
    assert text in response.text


async def test_hashed_files_may_be_kept_for_ever_and_the_page_is_asked_for_again(built: Path) -> None:
    async with client_of(built) as client:
        script = await client.get("/assets/index-3f2a.js")
        page = await client.get("/")
        boot = await client.get("/boot.js")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert page.headers["cache-control"] == boot.headers["cache-control"] == "no-cache"


async def test_the_page_is_served_under_a_strict_policy(built: Path) -> None:
    async with client_of(built) as client:
        headers = (await client.get("/")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("br", None), ("gzip;q=0", None)])
async def test_the_compressed_twin_is_sent_to_whom_it_may_concern(
    built: Path, accepted: str, encoding: str | None
) -> None:
    async with client_of(built) as client:
        response = await client.get("/assets/index-3f2a.js", headers={"accept-encoding": accepted})
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.content == SCRIPT


async def test_a_version_the_client_holds_is_not_sent_again(built: Path) -> None:
    async with client_of(built) as client:
        first = await client.get("/")
        again = await client.get("/", headers={"if-none-match": first.headers["etag"]})
        (built / "index.html").write_text("<html>a newer page</html>", encoding="utf-8")
    async with client_of(built) as client:
        newer = await client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert newer.status_code == 200
    assert "a newer page" in newer.text


async def test_only_reading_is_answered(built: Path) -> None:
    async with client_of(built) as client:
        head = await client.head("/")
        post = await client.post("/")
        api = await client.post("/api/v1/no_such_thing")
    assert (head.status_code, head.content) == (200, b"")
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD")
    assert api.status_code == 404


async def test_without_a_panel_a_page_says_in_two_languages_how_to_get_one(tmp_path: Path) -> None:
    assert not Panel(tmp_path / "absent").built
    async with client_of(tmp_path / "absent") as client:
        page = await client.get("/")
        api = await client.get("/api/nothing")
    assert page.status_code == 200
    assert "npm run build" in page.text
    assert "烽火正在运行" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "content-security-policy" in page.headers
    assert api.status_code == 404


def test_a_panel_knows_that_it_was_built(built: Path) -> None:
    assert Panel(built).built


@pytest.mark.parametrize(
    ("header", "allowed"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("", False), ("br", False), ("gzip; q=0", False), ("gzip;q=0.0", False)],
)
def test_accept_encoding_is_read(header: str, allowed: bool) -> None:
    assert accepts_gzip(header) is allowed
