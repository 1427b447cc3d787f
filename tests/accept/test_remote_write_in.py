"""Real senders push to the real program: Prometheus and vmagent. What arrives is what they have."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from accept.exposition import Exposition
from accept.processes import StartProcess, free_port, log_of, wait_for
from accept.server import Server, StartServer, first_password

pytestmark = [
    pytest.mark.accept,
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("prometheus") or not shutil.which("vmagent"),
        reason="Debian's prometheus and victoria-metrics (vmagent) are not installed",
    ),
]

QUIET = "packs: []\nintegrations: {host: null}\n"
SENDER = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{replica: a}}}}
scrape_configs:
  - {{job_name: self, static_configs: [{{targets: ["{address}"]}}]}}
  - {{job_name: silent, static_configs: [{{targets: ["127.0.0.1:1"]}}]}}
remote_write:
  - url: {receiver}/api/v1/write
    basic_auth: {{username: admin, password: "{password}"}}
    queue_config: {{batch_send_deadline: 500ms, min_backoff: 100ms, max_backoff: 500ms}}
    metadata_config: {{send_interval: 2s}}
"""
AGENT = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - {{job_name: app, static_configs: [{{targets: ["{address}"]}}]}}
"""
Samples = dict[tuple[tuple[str, str], ...], list[tuple[float, str]]]


def samples_of(client: httpx.Client, selector: str, start_s: float, end_s: float) -> Samples:
    """The raw samples between the times, both excluded, by labels; those of the sender get its external labels."""
    window_s = round(end_s - start_s) + 2
    answer = client.get("/api/v1/query", params={"query": f"{selector}[{window_s}s]", "time": end_s})
    assert answer.status_code == 200, answer.text
    found = {}
    for each in answer.json()["data"]["result"]:
        values = [(float(at), value) for at, value in each["values"] if start_s < float(at) < end_s]
        if values:
            found[tuple(sorted({**each["metric"], "replica": "a"}.items()))] = values
    return found


def until(check: Callable[[], Any], what: str, timeout_s: float = 40.0) -> Any:
    """The first true result of ``check``."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := check()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.2)
    return found


class Sender:
    """A Prometheus that scrapes itself and pushes what it has."""

    def __init__(self, tmp_path: Path, start_process: StartProcess, server: Server) -> None:
        self.base = f"http://127.0.0.1:{free_port()}"
        address = self.base.removeprefix("http://")
        config = tmp_path / "prometheus.yml"
        config.write_text(SENDER.format(address=address, receiver=server.url, password=first_password(server)))
        self.process = start_process(
            [
                "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'sender'}",
                f"--web.listen-address={address}",
            ]
        )  # fmt: skip
        wait_for(f"{self.base}/-/ready", self.process, status=200)
        self.client = httpx.Client(base_url=self.base, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def value(self, query: str) -> float:
        result = self.client.get("/api/v1/query", params={"query": query}).json()["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0


def assert_same(ours: Server, sender: Sender, start_s: float, end_s: float) -> int:
    """Every sample that the sender has between the times is here, and no other; how many there are."""
    selector = '{job=~"self|silent"}'
    theirs = samples_of(sender.client, selector, start_s, end_s)
    assert len(theirs) > 300
    until(
        lambda: float(ours.value('max(timestamp(up{job="self"}))')) > end_s + 1,
        f"nothing new arrives: {log_of(sender.process)}",
    )
    here = samples_of(ours.client, selector, start_s, end_s)
    assert here.keys() == theirs.keys()
    assert here == theirs
    return sum(map(len, here.values()))


def test_everything_that_prometheus_pushes_is_here(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    server = start_server(tmp_path / "data", QUIET)
    with Sender(tmp_path, start_process, server) as sender:
        start_s = time.time()
        until(lambda: server.query("count(count_over_time(up[1m]) > 8)"), "too little arrives")
        assert assert_same(server, sender, start_s, time.time()) > 1500
        assert sender.value("prometheus_remote_storage_samples_failed_total") == 0
        assert sender.value("prometheus_remote_storage_samples_dropped_total") == 0
        until(lambda: server.client.get("/api/v1/metadata").json()["data"].get("go_goroutines"), "no metadata arrives")


def test_a_receiver_killed_in_between_loses_nothing_and_doubles_nothing(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    data_dir = tmp_path / "data"
    server = start_server(data_dir, QUIET)
    port = int(server.url.rpartition(":")[2])
    with Sender(tmp_path, start_process, server) as sender:
        start_s = time.time()
        for _ in range(3):
            until(lambda: server.query("up"), "nothing arrives")  # noqa: B023 - called within the round
            time.sleep(1.5)
            server.kill()
            time.sleep(0.7)
            server = start_server(data_dir, QUIET, port=port)
        assert_same(server, sender, start_s, time.time())
        assert sender.value("prometheus_remote_storage_samples_failed_total") == 0


def test_everything_that_vmagent_pushes_is_here(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    server = start_server(tmp_path / "data", QUIET)
    lines = "\n".join(f'level{{n="{number}"}} {number}.5' for number in range(200))
    with Exposition(f"{lines}\nrounds 0") as target:
        config = tmp_path / "agent.yml"
        config.write_text(AGENT.format(address=target.address))
        port = free_port()
        agent = start_process(
            [
                "vmagent", f"-promscrape.config={config}", f"-remoteWrite.url={server.url}/api/v1/write",
                f"-remoteWrite.tmpDataPath={tmp_path / 'agent'}", f"-httpListenAddr=127.0.0.1:{port}",
                "-remoteWrite.basicAuth.username=admin",
                f"-remoteWrite.basicAuth.password={first_password(server)}",
            ]
        )  # fmt: skip
        wait_for(f"http://127.0.0.1:{port}/health", agent, status=200)
        until(lambda: server.query("count_over_time(rounds[1m]) >= 5"), f"too little arrives: {log_of(agent)}")
    assert server.value('sum(last_over_time(level{job="app"}[1m]))') == sum(number + 0.5 for number in range(200))
    assert server.value("min(count_over_time(level[1m])) == bool max(count_over_time(level[1m]))") == 1
    counts = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'vmagent_remotewrite_packets_dropped_total{url="1:secret-url"} 0' in counts or "dropped" not in counts


def test_who_may_not_write_is_turned_away(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", QUIET)
    answer = httpx.post(f"{server.url}/api/v1/write", content=b"", headers={"Content-Encoding": "snappy"})
    assert answer.status_code == 401
