"""Asking another engine: its answers become samples, and its troubles errors that say where."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock, settle
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.limits import Limit, Policy
from fenghuo.metrics.remote import engine as engine_module
from fenghuo.metrics.remote.engine import PROBE_S, RemoteEngine
from fenghuo.metrics.remote.settings import RemoteEngineSettings
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.net.answer import Answer, HttpError, HttpFault, Incoming

pytestmark = pytest.mark.anyio

VECTOR = (
    '{"status":"success","data":{"resultType":"vector","result":['
    '{"metric":{"__name__":"up","job":"a"},"value":[1,"1"]},{"metric":{},"value":[1,"+Inf"]}]}}'
)
ONE = '{"status":"success","data":{"resultType":"scalar","result":[1,"42"]}}'


@dataclass
class Fake:
    """Answers every question in the same way, and keeps what it was asked."""

    status: int = 200
    text: str = VECTOR
    error: HttpError | None = None
    hold: asyncio.Event | None = None
    asked: list[tuple[str, str, Mapping[str, str], dict[str, str]]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[Incoming]:
        self.asked.append((method, url, headers, dict(urllib.parse.parse_qsl((body or b"").decode()))))
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        yield Incoming(Answer(self.status, "Reason", "application/json", "", b""), self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self.text), 40):
            yield self.text[at : at + 40].encode()

    async def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
async def engine(fake: Fake, clock: ManualClock, registry: CollectorRegistry) -> RemoteEngine:
    settings = RemoteEngineSettings.model_validate({"url": "http://user:pw@vm:8428/prefix/", "timeout": "50ms"})
    return RemoteEngine(settings, clock, registry, fake)


async def asked(engine: RemoteEngine, expr: str = "up", time_ms: int = 1_234_567) -> list[tuple[Labels, float]]:
    return await asyncio.to_thread(engine.query, expr, time_ms)


async def test_a_vector_and_a_scalar_become_samples(engine: RemoteEngine, fake: Fake) -> None:
    assert await asked(engine) == [(Labels({"__name__": "up", "job": "a"}), 1.0), (EMPTY, float("inf"))]
    method, url, headers, form = fake.asked[0]
    assert (method, url) == ("POST", "http://user:pw@vm:8428/prefix/api/v1/query")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form == {"query": "up", "time": "1234.567"}

    fake.text = ONE
    assert await asked(engine) == [(EMPTY, 42.0)]


@pytest.mark.parametrize(
    ("status", "text", "error", "message"),
    [
        (400, '{"status":"error","errorType":"bad_data","error":"no such function"}', InputError, "no such function"),
        (422, '{"status":"error","errorType":"422","error":"too many"}', InputError, "too many"),
        (503, '{"status":"error","errorType":"timeout","error":"busy"}', OperatingError, "answers 503: busy"),
        (429, '{"status":"error","errorType":"x","error":"slow down"}', OperatingError, "answers 429: slow down"),
        (502, "<html>Bad Gateway</html>", OperatingError, "no answer of Prometheus' API: <html>Bad Gateway"),
        (200, "[]", OperatingError, "no answer of Prometheus' API"),
        (200, '{"status":"success","data":{"resultType":"vector","result":[{}]}}', OperatingError, "no answer"),
        (200, '{"status":"success","data":{"resultType":"matrix","result":[]}}', InputError, "not a vector or scalar"),
        (401, "who are you", OperatingError, "refuses these credentials: 401"),
    ],
)
async def test_what_is_no_vector_says_why(
    engine: RemoteEngine, fake: Fake, status: int, text: str, error: type[Exception], message: str
) -> None:
    fake.status, fake.text = status, text
    with pytest.raises(error, match=message) as caught:
        await asked(engine)
    assert "pw" not in str(caught.value)


async def test_an_answer_that_is_too_large_is_left(
    engine: RemoteEngine, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit("small", 100, Policy.REJECT, "For this test.")
    monkeypatch.setattr(engine_module, "RULE_ANSWER_BYTES", limit)
    with pytest.raises(InputError, match="more than 100 bytes"):
        await asked(engine)
    assert limit.hits == 1


async def test_an_engine_that_does_not_answer_is_a_trouble_until_it_does(
    engine: RemoteEngine, fake: Fake, clock: ManualClock, registry: CollectorRegistry
) -> None:
    fake.error = HttpError(HttpFault.CONNECTION, "cannot connect to vm:8428")
    async with engine:
        await settle()
        assert engine.trouble == "the remote engine at http://vm:8428 cannot be asked: cannot connect to vm:8428"
        assert registry.get_sample_value("fenghuo_remote_engine_up") == 0
        fake.error = None
        await clock.advance(PROBE_S + 1)
        assert engine.trouble == ""
        assert registry.get_sample_value("fenghuo_remote_engine_up") == 1
        assert registry.get_sample_value("fenghuo_remote_engine_requests_total", {"outcome": "failed"}) == 1


async def test_an_engine_that_is_silent_is_left_after_the_timeout(engine: RemoteEngine, fake: Fake) -> None:
    fake.hold = asyncio.Event()
    with pytest.raises(OperatingError, match=r"gave no answer within 0\.05 s"):
        await asked(engine)


async def test_nobody_waits_for_an_answer_when_the_server_stops(fake: Fake, clock: ManualClock) -> None:
    settings = RemoteEngineSettings.model_validate({"url": "http://vm:8428", "timeout": "1h"})
    engine = RemoteEngine(settings, clock, CollectorRegistry(), fake)
    fake.hold = asyncio.Event()
    asking = asyncio.create_task(asked(engine))
    async with asyncio.timeout(10):
        while not fake.asked:
            await asyncio.sleep(0.001)
        engine.abandon()
        with pytest.raises(OperatingError, match="stopping"):
            await asking
        with pytest.raises(OperatingError, match="stopping"):
            await asked(engine)
