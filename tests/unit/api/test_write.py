"""How remote write requests are answered; what becomes of their samples is the receiver's matter."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from fenghuo.api.prometheus import write
from fenghuo.api.prometheus.write import WriteApi
from fenghuo.base.errors import OperatingError
from fenghuo.base.limits import Limit, Policy
from fenghuo.metrics.receive.receipt import Receipt, Version

pytestmark = pytest.mark.anyio

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


@dataclass
class FakeReceiver:
    """Answers what a test wants, and remembers what it was asked."""

    receipt: Receipt = field(default_factory=Receipt)
    error: OperatingError | None = None
    asked: list[tuple[bytes, Version, str]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, body: bytes, version: Version, encoding: str) -> Receipt:
        self.asked.append((body, version, encoding))
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        return self.receipt


@pytest.fixture
def receiver() -> FakeReceiver:
    receiver = FakeReceiver()
    receiver.go_on.set()
    return receiver


@pytest.fixture
async def client(receiver: FakeReceiver) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=WriteApi(receiver).routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


async def post(client: httpx.AsyncClient, content_type: str = V1, encoding: str = "snappy") -> httpx.Response:
    headers = {"Content-Type": content_type, "Content-Encoding": encoding}
    return await client.post("/api/v1/write", content=b"body", headers=headers)


@pytest.mark.parametrize(
    ("content_type", "encoding", "version", "compression"),
    [
        (V1, "snappy", Version.V1, "snappy"),
        ("", "", Version.V1, "snappy"),
        ("application/x-protobuf;proto=prometheus.WriteRequest", "zstd", Version.V1, "zstd"),
        (V2, "Snappy", Version.V2, "snappy"),
        ('Application/X-Protobuf; PROTO="io.prometheus.write.v2.Request"; x=y', "snappy", Version.V2, "snappy"),
    ],
)
async def test_what_the_headers_say_is_handed_on(
    client: httpx.AsyncClient,
    receiver: FakeReceiver,
    content_type: str,
    encoding: str,
    version: Version,
    compression: str,
) -> None:
    assert (await post(client, content_type, encoding)).status_code == 204
    assert receiver.asked == [(b"body", version, compression)]


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json", "snappy"),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy"),
        (V1, "gzip"),
    ],
)
async def test_other_formats_are_unsupported(
    client: httpx.AsyncClient, receiver: FakeReceiver, content_type: str, encoding: str
) -> None:
    assert (await post(client, content_type, encoding)).status_code == 415
    assert receiver.asked == []


async def test_counts_stand_in_the_headers_of_version_2_only(client: httpx.AsyncClient, receiver: FakeReceiver) -> None:
    receiver.receipt = Receipt(samples=7, exemplars=2)
    answer = await post(client, V2)
    assert {name: value for name, value in answer.headers.items() if name.startswith("x-prometheus")} == {
        "x-prometheus-remote-write-samples-written": "7",
        "x-prometheus-remote-write-histograms-written": "0",
        "x-prometheus-remote-write-exemplars-written": "2",
    }
    assert not any(name.startswith("x-") for name in (await post(client)).headers)


@pytest.mark.parametrize(
    ("receipt", "status", "text"),
    [
        (Receipt(samples=3, refused={"too_old": 2}), 400, "3 samples stored, refused: 2 too_old\n"),
        (Receipt(unreadable="no message"), 400, "no message\n"),
        (Receipt(unreadable="too long", too_large=True), 413, "too long\n"),
    ],
)
async def test_refusals_are_final(
    client: httpx.AsyncClient, receiver: FakeReceiver, receipt: Receipt, status: int, text: str
) -> None:
    receiver.receipt = receipt
    answer = await post(client)
    assert (answer.status_code, answer.text) == (status, text)


@pytest.mark.parametrize(("retryable", "status"), [(True, 503), (False, 500)])
async def test_a_store_that_cannot_write_is_tried_again(
    client: httpx.AsyncClient, receiver: FakeReceiver, retryable: bool, status: int
) -> None:
    receiver.error = OperatingError("the disk is full", retryable=retryable)
    answer = await post(client)
    assert answer.status_code == status
    assert answer.headers["retry-after"] == "1"
    assert "the disk is full" in answer.text


async def test_too_many_at_the_same_time_are_asked_to_come_again(
    client: httpx.AsyncClient, receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit("few", 3, Policy.REJECT, "Few.")
    monkeypatch.setattr(write, "AT_ONCE", limit)
    receiver.go_on.clear()
    answers: list[int] = []

    async def one() -> None:
        answers.append((await post(client)).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(one)
        with anyio.fail_after(10):
            while len(answers) < 2:
                await anyio.lowlevel.checkpoint()
        assert answers == [503, 503]
        receiver.go_on.set()
    assert sorted(answers) == [204, 204, 204, 503, 503]
    assert limit.hits == 2


async def test_vmagent_is_told_that_zstd_is_understood(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/write", params={"get_vm_proto_version": ""})).text == "1"
    assert (await client.get("/api/v1/write")).status_code == 400
