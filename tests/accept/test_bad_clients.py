"""Clients that send nonsense, too much, too slowly, or hang up: each is answered or let go, and others are served."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from accept.server import Server, StartServer

pytestmark = pytest.mark.accept

CONFIG = "global: {scrape_interval: 1s, scrape_timeout: 1s}\npacks: []\n"


@pytest.fixture(scope="module")
def server(start_module_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    server = start_module_server(tmp_path_factory.mktemp("clients") / "data", CONFIG)
    server.value('fenghuo_http_requests_total{job="fenghuo"}')
    return server


@pytest.fixture(autouse=True)
def is_well_after(server: Server) -> Iterator[None]:
    yield
    assert server.process.poll() is None, server.output
    assert server.query("vector(1)")[0]["value"][1] == "1"
    assert "Traceback" not in server.whole_output


def connect(server: Server) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.settimeout(10)
    return connection


def exchange(server: Server, sent: bytes) -> bytes:
    """What comes back until the server closes or has answered."""
    with connect(server) as connection:
        try:
            connection.sendall(sent)
            return connection.recv(4096)
        except OSError:
            return b""


def own_metric(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name))


def hits(server: Server, limit: str) -> float:
    return own_metric(server, f'fenghuo_limit_hits_total{{limit="{limit}"}}')


HEAD = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n"

NONSENSE = {
    "random bytes": os.urandom(5000),
    "zeros": bytes(100),
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS greeting": bytes.fromhex("16030100f1010000ed0303") + os.urandom(200),
    "a negative length": b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_a_bad_request(server: Server, name: str) -> None:
    assert exchange(server, NONSENSE[name]).startswith(b"HTTP/1.1 400 Bad Request")
    assert "Invalid HTTP request" not in server.whole_output, "a port scan does not fill the log"


def test_endless_headers_are_cut_off(server: Server) -> None:
    before = hits(server, "http_head_bytes")
    one = exchange(server, HEAD + b"X: " + b"a" * 1_000_000)
    many = exchange(server, HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(60_000)))

    assert {answer[:12] for answer in (one, many)} <= {b"HTTP/1.1 431", b""}
    assert hits(server, "http_head_bytes") == before + 2


def test_half_requests_hold_up_nobody(server: Server) -> None:
    """They are let go after half a minute: tests/flow/test_http_bounds.py."""
    halves = [connect(server) for _ in range(200)]
    for half in halves:
        half.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")
    begun_s = time.monotonic()
    assert httpx.get(f"{server.url}/-/healthy").status_code == 200
    assert time.monotonic() - begun_s < 2
    for half in halves:
        half.close()


def test_a_form_that_is_too_long_is_refused(server: Server) -> None:
    before = hits(server, "api_form_bytes")
    answer = server.client.post("/api/v1/query", data={"query": "1" * 10_000_000})

    assert answer.status_code == 400
    assert answer.json() == {
        "status": "error", "errorType": "bad_data", "error": "request body is larger than 4194304 bytes",
    }  # fmt: skip
    assert hits(server, "api_form_bytes") == before + 1


def test_a_stranger_cannot_make_the_server_hold_a_large_body(server: Server) -> None:
    resident_bytes = own_metric(server, "process_resident_memory_bytes")
    answer = httpx.post(f"{server.url}/api/fenghuo/session", content=b'{"name": "' + b"x" * 60_000_000 + b'"}')

    assert answer.status_code == 413
    assert "request body is larger than 16777216 bytes" in answer.text
    assert own_metric(server, "process_resident_memory_bytes") < resident_bytes + 30_000_000


def refusal(server: Server, path: str, **params: Any) -> tuple[int, str, str]:
    answer = server.client.get(path, params=params)
    body = answer.json()
    assert body["status"] == "error"
    return answer.status_code, body["errorType"], body["error"]


def test_queries_beyond_a_limit_are_refused_as_prometheus_does(server: Server) -> None:
    samples, points, slow = hits(server, "query_samples"), hits(server, "query_points_per_series"), hits(
        server, "query_timeout_s"
    )  # fmt: skip
    now_s = time.time()

    assert refusal(server, "/api/v1/query", query="count_over_time(vector(1)[3y:1s])") == (
        422, "execution", "query processing would load too many samples into memory in query execution",
    )  # fmt: skip
    assert refusal(server, "/api/v1/query", query=SLOW, timeout="100ms") == (
        503, "timeout", "query timed out in expression evaluation",
    )  # fmt: skip
    status, kind, said = refusal(server, "/api/v1/query_range", query="up", start=now_s, end=now_s + 20_000, step="1s")
    assert (status, kind) == (400, "bad_data")
    assert said.startswith("exceeded maximum resolution of 11,000 points per timeseries.")
    assert hits(server, "query_samples") == samples + 1
    assert hits(server, "query_timeout_s") == slow + 1
    assert hits(server, "query_points_per_series") == points + 1


def test_a_large_answer_holds_up_nobody(server: Server) -> None:
    waits_s: list[float] = []
    over = threading.Event()

    def watch() -> None:
        with httpx.Client(base_url=server.url) as client:
            while not over.wait(0.005):
                begun_s = time.monotonic()
                assert client.get("/-/healthy").status_code == 200
                waits_s.append(time.monotonic() - begun_s)

    watching = threading.Thread(target=watch)
    watching.start()
    now_s = time.time()
    answer = server.client.get(
        "/api/v1/query_range",
        params={"query": '{job="fenghuo"}', "start": now_s, "end": now_s + 219, "step": "0.02"},
        headers={"Accept-Encoding": "identity"},
        timeout=90,
    )
    over.set()
    watching.join()

    assert answer.status_code == 200
    assert len(answer.content) > 50_000_000
    assert answer.content.endswith(b"}")
    assert len(waits_s) > 5
    assert max(waits_s) < 1.5


SLOW = 'sum(quantile_over_time(0.5, {job="fenghuo"}[5m:20ms]))'
"""Some ten seconds of CPU over a range."""


def test_the_query_of_a_client_that_hangs_up_ends(server: Server) -> None:
    now_s = time.time()
    path = f"/api/v1/query_range?query={quote(SLOW)}&start={now_s}&end={now_s + 300}&step=1"
    cancelled = own_metric(server, 'fenghuo_query_failures_total{reason="cancelled"}')
    token = server.client.headers["Authorization"]
    with connect(server) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n".encode())
        deadline_s = time.monotonic() + 10
        while own_metric(server, "fenghuo_queries_running") < 1:
            assert time.monotonic() < deadline_s, "the query is not slow"
        time.sleep(0.5)
        assert own_metric(server, "fenghuo_queries_running") == 1
    hung_up_s = time.monotonic()
    while own_metric(server, "fenghuo_queries_running") > 0:
        assert time.monotonic() - hung_up_s < 3, "it goes on for nobody"
    assert own_metric(server, 'fenghuo_query_failures_total{reason="cancelled"}') == cancelled + 1
