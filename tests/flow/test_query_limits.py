"""A query that would cost too much ends with Prometheus' error, is counted, and stops using the processor."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from fenghuo.api.prometheus.expressions import expression_routes
from fenghuo.api.prometheus.query import QueryApi
from fenghuo.app.glue import query_options
from fenghuo.app.settings import AppSettings
from fenghuo.base.clock import SystemClock
from fenghuo.metrics.promql import Engine, limits
from fenghuo.metrics.promql.settings import QuerySettings
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Exemplar
from fenghuo.model.selection import Selection
from promql_support.dense_store import DenseStore

pytestmark = pytest.mark.anyio

SERIES, SAMPLES, STEP_MS = 400, 500, 15_000


class WatchedStore(DenseStore):
    """Says when it is asked, and answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.selections = 0

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        self.selections += 1
        self.asked.set()
        assert self.may_answer.wait(10)
        return super().select(matchers, start_ms, end_ms)

    def exemplars(
        self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[Labels, list[Exemplar]]]:
        return []


class Server:
    """The query API over a store, with settings that a test may change."""

    def __init__(self) -> None:
        self.settings = QuerySettings()
        self.store = WatchedStore()
        for number in range(SERIES):
            labels = Labels({"__name__": "x", "number": str(number)})
            self.store.add(labels, [(at * STEP_MS, float((at * 7 + number) % 101)) for at in range(SAMPLES)])
        clock = SystemClock()
        engine = Engine(self.store, clock, options=lambda: query_options(AppSettings(query=self.settings)))
        api = QueryApi(engine, self.store, clock, lambda: self.settings)
        routes = [*api.routes(), *expression_routes(engine.parse)]
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url="http://x")

    def limit(self, **changed: Any) -> None:
        self.settings = self.settings.model_copy(update=changed)

    async def range(self, expression: str, step_s: int = 15, **params: str) -> httpx.Response:
        end_s = SAMPLES * STEP_MS // 1000
        given = {"query": expression, "start": "0", "end": str(end_s), "step": str(step_s), **params}
        return await self._client.get("/api/v1/query_range", params=given)

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self._client.get(path, params=params)

    async def aclose(self) -> None:
        await self._client.aclose()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.aclose()


def failed(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    assert body.keys() == {"status", "errorType", "error"}
    assert body["status"] == "error"
    return response.status_code, body["errorType"], body["error"]


async def cpu_s_used_in(seconds: float) -> float:
    before = time.process_time()
    await asyncio.sleep(seconds)
    return time.process_time() - before


async def test_samples(server: Server) -> None:
    server.limit(samples_max=SERIES * SAMPLES // 2)
    hits = limits.SAMPLES_MAX.hits
    error = "query processing would load too many samples into memory in query execution"
    assert failed(await server.range("rate(x[5m])")) == (422, "execution", error)
    assert limits.SAMPLES_MAX.hits == hits + 1
    assert await cpu_s_used_in(0.3) < 0.1
    server.limit(samples_max=10 * SERIES * SAMPLES)
    assert (await server.range("rate(x[5m])")).status_code == 200


@pytest.mark.parametrize("asked", [{}, {"timeout": "200ms"}], ids=["the server's", "the client's"])
async def test_time(server: Server, asked: dict[str, str]) -> None:
    """The work ends with the answer, not when it would have been done."""
    server.limit(timeout_ms=60_000 if asked else 200)
    hits = limits.TIMEOUT_S.hits
    heavy = " + ".join(f"quantile_over_time(0.{number}, x[30m])" for number in range(1, 90))
    start_s = time.monotonic()
    answer = await server.range(heavy, **asked)
    assert failed(answer) == (503, "timeout", "query timed out in expression evaluation")
    assert time.monotonic() - start_s < 5
    assert limits.TIMEOUT_S.hits == hits + 1
    assert await cpu_s_used_in(0.5) < 0.15


async def test_a_client_cannot_ask_for_more_time(server: Server) -> None:
    server.limit(timeout_ms=200)
    heavy = " + ".join(f"quantile_over_time(0.{number}, x[30m])" for number in range(1, 90))
    assert failed(await server.range(heavy, timeout="1h"))[0] == 503
    assert failed(await server.range(heavy, timeout="0"))[0] == 503


async def test_concurrency(server: Server) -> None:
    """One that waits too long for its turn ends without having begun; one that waits less is answered."""
    server.limit(concurrency_max=1)
    hits = limits.CONCURRENCY.hits
    server.store.may_answer.clear()
    first = asyncio.create_task(server.range("x"))
    await asyncio.to_thread(server.store.asked.wait, 10)
    second = await server.range("x", timeout="50ms")
    assert failed(second) == (503, "timeout", "query timed out in query queue")
    assert server.store.selections == 1
    assert limits.CONCURRENCY.hits == hits + 1
    third = asyncio.create_task(server.range("x"))
    server.store.may_answer.set()
    assert [(await each).status_code for each in (first, third)] == [200, 200]


async def test_the_size_of_the_answer(server: Server) -> None:
    server.limit(answer_bytes_max=1_000_000)
    hits = limits.ANSWER_BYTES_MAX.hits
    status, word, error = failed(await server.range("x"))
    assert (status, word) == (422, "execution")
    assert error.startswith("the answer is larger than 1000000 bytes; ask for fewer series")
    assert limits.ANSWER_BYTES_MAX.hits == hits + 1
    assert await cpu_s_used_in(0.3) < 0.1
    assert (await server.range("sum(x)")).status_code == 200


async def test_points(server: Server) -> None:
    server.limit(points_max=100)
    hits = limits.POINTS_MAX.hits
    error = "exceeded maximum resolution of 100 points per timeseries. Try decreasing the query resolution (?step=XX)"
    assert failed(await server.range("sum(x)")) == (400, "bad_data", error)
    assert limits.POINTS_MAX.hits == hits + 1
    assert (await server.range("sum(x)", step_s=75)).status_code == 200


@pytest.mark.parametrize("path", ["query", "format_query", "parse_query", "query_exemplars"])
async def test_length(server: Server, path: str) -> None:
    server.limit(text_chars_max=20)
    hits = limits.TEXT_CHARS_MAX.hits
    status, word, error = failed(await server.get(f"/api/v1/{path}", query="x + x + x + x + x + x", start="0", end="1"))
    assert (status, word) == (400, "bad_data")
    assert "the query has 21 characters, and may have 20" in error
    assert limits.TEXT_CHARS_MAX.hits == hits + 1


@pytest.mark.parametrize(
    ("expression", "limit", "error"),
    [
        ("(" * 151 + "1" + ")" * 151, limits.NESTING_MAX, "expression is nested deeper than 150 levels"),
        ("x" + "[1m:]" * 251, limits.LEVELS_MAX, "expression has more than 250 levels"),
    ],
)
async def test_nesting(server: Server, expression: str, limit: Any, error: str) -> None:
    hits = limit.hits
    status, word, text = failed(await server.get("/api/v1/query", query=expression))
    assert (status, word) == (400, "bad_data")
    assert error in text
    assert limit.hits == hits + 1


async def test_trees_that_are_too_deep_for_json(server: Server) -> None:
    long = " + ".join(["x"] * 300)
    assert "more than 100 levels" in failed(await server.get("/api/v1/parse_query", query=long))[2]
    assert (await server.get("/api/v1/format_query", query=long)).status_code == 200


async def test_annotations(server: Server) -> None:
    """As many as Prometheus shows go with the answer, and how many there are besides."""
    names = [f"gauge{number:02}" for number in range(12)]
    for name in names:
        server.store.add(Labels({"__name__": name}), [(0, 1.0), (STEP_MS, 2.0)])
    expression = " or ".join(f"rate({name}[1m]) + quantile({number + 2}, x)" for number, name in enumerate(names[:11]))
    body = (await server.get("/api/v1/query", query=expression, time="15")).json()
    assert body["status"] == "success"
    assert len(body["warnings"]) == len(body["infos"]) == 11
    assert body["infos"][0].startswith("PromQL info: metric might not be a counter")
    assert body["warnings"][10] == "1 more warning annotations omitted"
    assert body["infos"][10] == "1 more info annotations omitted"


def test_settings_reach_the_engine() -> None:
    given = {"lookback_delta": "1m", "timeout": "10s", "max_samples": 7, "max_length": 9}
    options = query_options(AppSettings(query=QuerySettings.model_validate(given)))
    assert options == replace(options, lookback_ms=60_000, timeout_s=10.0, samples_max=7, text_chars_max=9)
