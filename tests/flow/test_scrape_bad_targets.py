"""Targets that misbehave: each has a clear error beside it and ``up`` 0, and a good one beside them goes on."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from fenghuo.metrics.collect.scrape.status import Health
from flow.scraping import TEXT, Lab, job, laboratory, says, site

pytestmark = pytest.mark.anyio


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with laboratory(tmp_path / "store") as lab:
        yield lab


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response(text="a 1\n")


async def drips(request: web.Request) -> web.StreamResponse:
    """A body that begins at once and never ends."""
    response = web.StreamResponse(headers={"Content-Type": TEXT})
    await response.prepare(request)
    for _ in range(100):
        await response.write(b"a 1\n")
        await asyncio.sleep(0.05)
    return response


async def breaks(request: web.Request) -> web.StreamResponse:
    """A body that is shorter than it said."""
    response = web.StreamResponse(headers={"Content-Type": TEXT, "Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"a 1\n")
    assert request.transport is not None
    request.transport.close()
    return response


async def circle(request: web.Request) -> web.Response:
    raise web.HTTPFound("/circle")


PATIENT = {"scrape_interval": "2s", "scrape_timeout": "2s"}
"""For what takes several requests, or much work, on a machine that is busy."""
IN_TIME = {"scrape_interval": "1s", "scrape_timeout": "1s"}
"""For what must answer in time however busy the machine is."""
HURRIED = {"scrape_interval": "200ms", "scrape_timeout": "150ms"}
"""For what never answers in time."""
BOMB = gzip.compress(b"# " + b"0" * 60_000_000 + b"\n", 9)

CASES = {
    "/garbage": (says(bytes(range(256)) * 20), {}, "line 1: "),
    "/half": (says("a 1\nb{x= 2\n"), {}, "line 2: "),
    "/error": (says("oh", status=500), {}, "server returned HTTP status 500 Internal Server Error"),
    "/slow": (slow, HURRIED, "no complete answer within the scrape timeout of 150ms"),
    "/drips": (drips, HURRIED, "no complete answer within the scrape timeout of 150ms"),
    "/breaks": (breaks, {}, "the connection broke in the middle of the body"),
    "/long": (says("a 1\n" * 100), {"body_size_limit": "400B"}, "body size limit exceeded: 400 bytes or more"),
    "/bomb": (
        says(BOMB, TEXT, 200, **{"Content-Encoding": "gzip"}),
        {"body_size_limit": "1MB", **PATIENT},
        "body size limit exceeded",
    ),
    "/torn": (says(BOMB[:5000], TEXT, 200, **{"Content-Encoding": "gzip"}), {}, "gzip data ends early"),
    "/brotli": (says("xx", TEXT, 200, **{"Content-Encoding": "br"}), {}, "Content-Encoding 'br', not gzip"),
    "/html": (says("<html>sign in</html>", "text/html"), {}, "Content-Type 'text/html' is not a metrics format"),
    "/circle": (circle, PATIENT, "stopped after 10 redirects"),
    "/moved": (says("", status=302, Location="/"), {"follow_redirects": False}, "HTTP status 302 Found"),
    "/limit": (says("a 1\nb 2\n"), {"sample_limit": 1}, "sample_limit exceeded (samples: 2, limit: 1)"),
    "/labels": (says('a{b="c"} 1\n'), {"label_limit": 3}, "label_limit exceeded"),
    "/nowhere": (says(""), {"params": {"x": ["y"]}, "metrics_path": "/else"}, "HTTP status 404 Not Found"),
}


@pytest.mark.parametrize("path", CASES)
async def test_a_bad_target_says_what_is_wrong_and_disturbs_nobody(path: str, lab: Lab) -> None:
    handler, keys, complaint = CASES[path]
    async with site({path: handler, "/fine": says("fine 1\n")}) as address:
        good = job("good", address, metrics_path="/fine", **IN_TIME)
        await lab.scraper.apply([good, job("bad", address, **{**IN_TIME, "metrics_path": path, **keys})])
        assert complaint in await lab.down("bad")
        await lab.seen("good", after_ms=lab.target("bad").last_scrape_ms or 0)

        assert lab.target("good").health is Health.UP
        assert set(lab.values("up", job="good")) == {1.0}
        assert lab.values("a", job="bad") == []
        assert lab.registry.get_sample_value("fenghuo_unexpected_faults_total", {"part": "scrape"}) is None


async def test_nobody_listening_is_a_refused_connection(lab: Lab) -> None:
    async with site({}) as address:
        pass
    await lab.scraper.apply([job("bad", address)])
    error = await lab.down("bad")

    assert f"cannot connect to {address}" in error
    assert "refused" in error


async def test_a_name_that_nobody_knows_is_named(lab: Lab) -> None:
    await lab.scraper.apply([job("bad", "no-such-host.invalid:80", scrape_interval="2s", scrape_timeout="2s")])
    assert "no-such-host.invalid" in await lab.down("bad")


async def test_something_that_is_not_http_is_told_apart(lab: Lab) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        await lab.scraper.apply([job("bad", f"{host}:{port}")])
        assert f"http://{host}:{port}/metrics: the answer is not HTTP" in await lab.down("bad")


async def test_tls_to_a_plain_server_is_a_tls_failure(lab: Lab) -> None:
    async with site({"/metrics": says("a 1\n")}) as address:
        await lab.scraper.apply([job("bad", address, scheme="https", scrape_interval="2s", scrape_timeout="2s")])
        assert "TLS" in await lab.down("bad")


async def test_a_password_file_that_is_missing_is_named_and_mended_without_a_reload(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "password"
    async with site({"/metrics": says("a 1\n")}) as address:
        await lab.scraper.apply([job("bad", address, basic_auth={"username": "u", "password_file": str(file)})])
        assert str(file) in await lab.down("bad")
        file.write_text("secret\n")
        await lab.until(lambda: lab.target("bad").health is Health.UP)


async def test_duplicate_series_cost_the_second_of_them_only(lab: Lab) -> None:
    async with site({"/metrics": says("a 1\na 2\nb 3\n")}) as address:
        await lab.scraper.apply([job("twice", address)])
        await lab.seen("twice")

        assert lab.target("twice").health is Health.UP
        assert (lab.values("a")[0], lab.values("b")[0]) == (1.0, 3.0)
        rejected = lab.registry.get_sample_value("fenghuo_scrape_samples_total", {"outcome": "duplicate_series"})
        assert rejected is not None
        assert rejected >= 1


async def test_a_target_that_recovers_is_up_again(lab: Lab) -> None:
    answers = [says("a 1\n"), says("a {{\n")]

    async def changing(request: web.Request) -> web.StreamResponse:
        return await answers[0](request)

    async with site({"/metrics": changing}) as address:
        await lab.scraper.apply([job("mood", address)])
        await lab.seen("mood")
        answers.reverse()
        await lab.until(lambda: lab.target("mood").health is Health.DOWN)
        answers.reverse()
        await lab.until(lambda: lab.target("mood").health is Health.UP)

        ups = lab.values("up")
        assert ups[0] == ups[-1] == 1.0
        assert 0.0 in ups
        assert "stale" in lab.values("a")
        assert lab.values("scrape_series_added", job="mood")[-1] == 0.0
