"""The receiver suite of Prometheus' compliance project for remote write 2.0, case by case.

Each case is made into a request and sent to the handler with a real store behind it; the answer's status and counts
are compared with what the case expects. Native histograms are not stored yet: those cases must be refused with 400,
say so, and still store whatever else the request holds.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from fenghuo.api.prometheus.write import WriteApi
from fenghuo.base.clock import ManualClock
from fenghuo.metrics.receive.metadata import PushedMetadata
from fenghuo.metrics.receive.metrics import ReceiveMetrics
from fenghuo.metrics.receive.receiver import Receiver
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN, Exemplar, Metadata
from fenghuo.wire.remote_write import OutgoingSeries, encode_v1, encode_v2, packed
from fenghuo.wire.remote_write.protobuf import fields, length_field, varint_field
from material import CONFORMANCE

CASES_FILE = CONFORMANCE / "compliance" / "remotewrite" / "receiver_cases.json"
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not CASES_FILE.exists(), reason="the conformance material is not beside the checkout"),
]
CASES = json.loads(CASES_FILE.read_text())["cases"] if CASES_FILE.exists() else []

NOW_MS = 1_750_000_000_000
HEADERS = {
    "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "2.0.0",
}
UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    clock, registry = ManualClock(NOW_MS), CollectorRegistry()
    store = Store.open(tmp_path, StoreSettings(), clock, registry)
    receiver = Receiver(store, PushedMetadata(), ReceiveMetrics(registry), clock)
    transport = httpx.ASGITransport(Starlette(routes=WriteApi(receiver.receive).routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client
    store.close()


def time_of(entry: dict[str, Any]) -> int:
    found = re.fullmatch(r"-(\d+)([smh])", entry.get("offset", ""))
    return NOW_MS - (int(found[1]) * UNITS_MS[found[2]] if found else 0)


def value_of(text: str) -> float:
    return float(STALE_NAN) if text == "StaleNaN" else float(text)


def trace(value: float, time_ms: int) -> Exemplar:
    return Exemplar(Labels({"trace_id": "a", "span_id": "b"}), value, time_ms)


def with_histogram(message: bytes, name: str, *, exemplar: bool) -> bytes:
    """The message with a series that has an empty native histogram, and perhaps an exemplar.

    Its texts go behind the others.
    """
    count = sum(number == 4 for number, _, _, _ in fields(message, 0, len(message)))
    texts = length_field(4, b"__name__") + length_field(4, name.encode())
    series = length_field(1, bytes([count, count + 1])) + length_field(3, b"")
    if exemplar:
        series += length_field(4, struct.pack("<Bd", 0x11, 1.0) + varint_field(3, NOW_MS))
    return message + texts + length_field(5, series)


def series_of(case: dict[str, Any]) -> list[OutgoingSeries]:
    """The series of a case. What its description says in words is spelled out here."""
    request, expect = case["request"], case["expect"]
    metadata = request.get("metadata")
    said = Metadata(metadata["type"].lower(), metadata.get("help", ""), metadata.get("unit", "")) if metadata else None
    if case["name"].startswith("50 counters"):
        return [
            OutgoingSeries(
                Labels({"__name__": f"c{number}_total"}),
                [(NOW_MS, float(number))],
                [trace(1.0, NOW_MS)],
                Metadata("counter", "Counts."),
            )
            for number in range(50)
        ]
    if "series" in request:
        samples = [(NOW_MS, 1.0)] if expect.get("samples_written") else []
        exemplars = [trace(float(each["value"]), NOW_MS) for each in request.get("exemplars", [])]
        return [OutgoingSeries(Labels(request["series"]), samples, exemplars, said)]
    wanted = expect.get("exemplars_written", 1 if "exemplars" in request else 0)
    out = []
    for number, sample in enumerate(request.get("samples", [])):
        time_ms, value = time_of(sample), value_of(sample["value"])
        exemplars = [trace(value, time_ms)] if number < wanted else []
        out.append(OutgoingSeries(Labels(sample["labels"]), [(time_ms, value)], exemplars, said))
    return out


def body_of(case: dict[str, Any]) -> bytes:
    series = series_of(case)
    if case["group"] == "rw1":
        return encode_v1(series)
    message = encode_v2(series or [])
    names = [each["labels"].get("__name__", "") for each in case["request"].get("histograms", [])]
    wanted = case["expect"].get("histograms_written", 0)
    names += [f"histogram_{number}" for number in range(wanted - len(names))]
    for name in names:
        message = with_histogram(message, name, exemplar=bool(case["expect"].get("exemplars_written")))
    return message


@pytest.mark.parametrize("case", CASES, ids=[f"{case['group']}: {case['name']}" for case in CASES])
async def test_the_receiver_answers_as_the_suite_asks(case: dict[str, Any], client: httpx.AsyncClient) -> None:
    expect = case["expect"]
    headers = {**HEADERS, **case["request"].get("header", {})}
    if case["group"] == "rw1":
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
    body = packed(body_of(case))
    if "corrupt" in case["name"]:
        body = b"\xff" + body[1:]
    answer = await client.post("/api/v1/write", content=body, headers=headers)
    written = {word: answer.headers.get(WRITTEN.format(word.title()), "0") for word in ("samples", "exemplars")}
    if expect.get("histograms_written") or "bad count" in case["name"]:
        assert answer.status_code == 400
        assert "native_histogram" in answer.text
        assert answer.headers[WRITTEN.format("Histograms")] == "0"
    else:
        assert str(answer.status_code).startswith(expect["status"][:1]), answer.text
        assert answer.status_code in (204, 400, 415)
        if expect["status"][0] == "4":
            assert answer.status_code == int(expect["status"][:3])
    for word, count in written.items():
        if f"{word}_written" in expect:
            assert int(count) == expect[f"{word}_written"], answer.text
        if f"{word}_written_max" in expect:
            assert int(count) <= expect[f"{word}_written_max"]
    if case["group"] == "rw1":
        assert not any(name.lower().startswith("x-prometheus") for name in answer.headers)


async def test_the_whole_suite_is_here() -> None:
    assert len(CASES) == 112
