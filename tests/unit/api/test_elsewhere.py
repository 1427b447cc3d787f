"""Requests that another engine answers: what it says is passed on, what is no answer becomes one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from fenghuo.api.prometheus import elsewhere
from fenghuo.api.prometheus.elsewhere import ElsewhereApi
from fenghuo.base.errors import OperatingError
from fenghuo.base.limits import Limit, Policy
from fenghuo.net.answer import Answer, HttpError, HttpFault, Incoming

pytestmark = pytest.mark.anyio

JSON = b'{"status":"success","data":{"resultType":"vector","result":[]}}'


@dataclass
class Engine:
    """Answers every question in the same way."""

    place: str = "http://vm:8428"
    status: int = 200
    content_type: str = "application/json"
    pieces: Sequence[bytes] = (JSON[:20], JSON[20:])
    encoding: str = ""
    error: Exception | None = None
    breaks: Exception | None = None
    """Raised after the pieces."""
    hold: asyncio.Event | None = None
    asked: list[tuple[str, list[tuple[str, str]], bool, bool]] = field(default_factory=list)
    left: int = 0

    @contextlib.asynccontextmanager
    async def ask(self, path: str, params: list[tuple[str, str]], *, post: bool, gzip: bool) -> AsyncIterator[Incoming]:
        self.asked.append((path, params, post, gzip))
        try:
            if self.hold is not None:
                await self.hold.wait()
            if self.error is not None:
                raise self.error
            headers = {"content-type": self.content_type, "server": "secret/1.0"}
            if self.encoding:
                headers["content-encoding"] = self.encoding
            head = Answer(self.status, "Reason", self.content_type, self.encoding, b"", headers)
            yield Incoming(head, self._pieces())
        finally:
            self.left += 1

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.breaks is not None:
            raise self.breaks


def client(engine: Engine) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=ElsewhereApi(engine).routes()))
    return httpx.AsyncClient(transport=transport, base_url="http://here", headers={"Accept-Encoding": "identity"})


async def test_questions_are_put_as_they_came() -> None:
    engine = Engine()
    async with client(engine) as ask:
        answer = await ask.get("/api/v1/query", params={"query": "up", "time": "1"})
        assert (answer.status_code, answer.content) == (200, JSON)
        assert "server" not in answer.headers
        await ask.post("/api/v1/query_range", data={"query": "up{a='&'}", "step": "1"}, params={"start": "1"})
        await ask.get("/api/v1/label/a%2Fb/values", params={"match[]": ["x", "y"]})
        await ask.get("/api/v1/metadata", params={"metric": "up"})
        await ask.get("/api/v1/series", headers={"Accept-Encoding": "gzip, br"})

    assert engine.asked == [
        ("/api/v1/query", [("query", "up"), ("time", "1")], True, False),
        ("/api/v1/query_range", [("query", "up{a='&'}"), ("step", "1"), ("start", "1")], True, False),
        ("/api/v1/label/a%2Fb/values", [("match[]", "x"), ("match[]", "y")], False, False),
        ("/api/v1/metadata", [("metric", "up")], False, False),
        ("/api/v1/series", [], True, True),
    ]
    assert engine.left == 5


async def test_an_error_in_json_keeps_its_words() -> None:
    body = b'{"status":"error","errorType":"bad_data","error":"no such function"}'
    async with client(Engine(status=400, pieces=[body])) as ask:
        answer = await ask.get("/api/v1/query", params={"query": "x("})
    assert (answer.status_code, answer.content) == (400, body)


@pytest.mark.parametrize(
    ("engine", "status", "kind", "message"),
    [
        (
            Engine(status=502, content_type="text/html", pieces=[b"<b>Bad</b>"]),
            503,
            "unavailable",
            "502 Reason: <b>Bad",
        ),
        (Engine(status=404, content_type="text/plain", pieces=[b"no route"]), 404, "not_found", "404 Reason: no route"),
        (Engine(status=400, content_type="", pieces=[b"x"] * 2000), 400, "bad_data", "400 Reason: xxx"),
        (Engine(error=OperatingError("the remote engine is away", retryable=True)), 503, "unavailable", "is away"),
    ],
)
async def test_what_is_no_answer_becomes_one(engine: Engine, status: int, kind: str, message: str) -> None:
    async with client(engine) as ask:
        answer = await ask.get("/api/v1/query", params={"query": "up"})
    assert (answer.status_code, answer.json()["errorType"]) == (status, kind)
    assert message in answer.json()["error"]
    assert len(answer.json()["error"]) < 700


async def test_compressed_answers_pass_untouched() -> None:
    engine = Engine(encoding="gzip", pieces=[b"\x1f\x8b", b"whatever"])
    transport = httpx.ASGITransport(Starlette(routes=ElsewhereApi(engine).routes()))
    asking = httpx.AsyncClient(transport=transport, base_url="http://here", headers={"Accept-Encoding": "gzip"})
    async with asking as ask, ask.stream("GET", "/api/v1/query") as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], raw) == ("gzip", b"\x1f\x8bwhatever")


async def test_an_answer_that_breaks_off_is_not_ended_well() -> None:
    engine = Engine(breaks=HttpError(HttpFault.CONNECTION, "the connection broke"))
    async with client(engine) as ask:
        with pytest.raises(HttpError, match="broke"):
            await ask.get("/api/v1/query", params={"query": "up"})


async def test_an_answer_that_is_too_large_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit("small", 100, Policy.REJECT, "For this test.")
    monkeypatch.setattr(elsewhere, "ANSWER_BYTES", limit)
    async with client(Engine(pieces=[b"x" * 60, b"x" * 60])) as ask:
        with pytest.raises(OperatingError, match="more than 100 bytes"):
            await ask.get("/api/v1/query", params={"query": "up"})
    assert limit.hits == 1


async def test_whoever_hangs_up_lets_go_of_the_engine() -> None:
    engine = Engine(hold=asyncio.Event())
    application = Starlette(routes=ElsewhereApi(engine).routes())
    gone = asyncio.Event()
    sent: list[Message] = []

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/query", "raw_path": b"/api/v1/query", "root_path": "",
        "query_string": b"query=up", "headers": [], "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    serving = asyncio.create_task(application(scope, receive, send))
    async with asyncio.timeout(10):
        while not engine.asked:
            await asyncio.sleep(0.001)
        gone.set()
        await serving
    assert (engine.left, sent) == (1, [])


async def test_only_so_many_are_asked_at_once() -> None:
    engine = Engine(hold=asyncio.Event())
    before = elsewhere.CONCURRENCY.hits
    async with client(engine) as ask, asyncio.timeout(20):
        asking = [asyncio.create_task(ask.get("/api/v1/query", params={"query": "up"})) for _ in range(25)]
        while len(engine.asked) < elsewhere.CONCURRENCY.default:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert len(engine.asked) == elsewhere.CONCURRENCY.default
        assert engine.hold is not None
        engine.hold.set()
        answers = await asyncio.gather(*asking)
    assert {json.dumps(answer.json()) for answer in answers} == {json.dumps(json.loads(JSON))}
    assert elsewhere.CONCURRENCY.hits == before + 5
