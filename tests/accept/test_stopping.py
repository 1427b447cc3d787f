"""Signals and receivers that misbehave: it stops in time, keeps its configuration, and goes on telling the others."""

from __future__ import annotations

import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from accept.exposition import Exposition
from accept.receiver import Receiver
from accept.server import Server, StartServer

pytestmark = pytest.mark.accept

RULES = """
groups:
  - name: always
    interval: 1s
    rules:
      - {alert: AlwaysOn, expr: vector(1), labels: {severity: critical}}
"""
CONFIG = """
global: {{scrape_interval: 12s, scrape_timeout: 12s, evaluation_interval: 1s}}
rule_files: [{rules}]
packs: []
scrape_configs: [{{job_name: plant, static_configs: [{{targets: ['{target}']}}]}}]
route: {{receiver: duty, group_wait: 100ms, group_interval: {group_interval}}}
receivers: [{{name: duty, webhook_configs: [{urls}]}}]
"""


class Silent:
    """Takes a request and never answers. ``with Silent() as silent``: ``silent.url``."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.asked.set()
                outer._over.wait(60)

            def log_message(self, *args: Any) -> None:
                """Nothing to print."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def configuration(tmp_path: Path, *urls: str, target: str = "127.0.0.1:1", group_interval: str = "30s") -> str:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    webhooks = ", ".join(f"{{url: '{url}'}}" for url in urls)
    return CONFIG.format(rules=rules, target=target, urls=webhooks, group_interval=group_interval)


def notices(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.get("/api/fenghuo/notifications").json()["notifications"]
    return found


def test_a_receiver_that_fails_twice_is_told_once_and_the_attempts_are_seen(
    tmp_path: Path, start_server: StartServer
) -> None:
    with Receiver(lambda number: 500 if number < 2 else 200) as receiver:
        server = start_server(tmp_path / "data", configuration(tmp_path, receiver.url))
        receiver.wait_for(1)
        time.sleep(2)
        (notice,) = notices(server)

        assert receiver.requests == 3
        assert receiver.statuses() == ["firing"]
        assert (notice["status"], notice["attempts"], notice["receiver"]) == ("sent", 3, "duty")
        assert "500" in notice["error"], "the last trouble stays to be read"
        assert server.stop() == 0


def test_a_receiver_that_hangs_holds_up_no_other_and_is_named(tmp_path: Path, start_server: StartServer) -> None:
    with Silent() as silent, Receiver() as receiver:
        config = configuration(tmp_path, silent.url, receiver.url, group_interval="3s")
        begun_s = time.monotonic()
        server = start_server(tmp_path / "data", config)
        assert silent.asked.wait(10)
        receiver.wait_for(1)
        told_s = time.monotonic() - begun_s
        deadline_s = time.monotonic() + 15
        while not (failed := [notice for notice in notices(server) if notice["status"] == "failed"]):
            assert time.monotonic() < deadline_s, notices(server)
            time.sleep(0.1)

        assert told_s < 10
        assert "no answer within" in failed[0]["error"]
        assert receiver.statuses() == ["firing"]
        assert "notice to duty through webhook failed: no answer within" in server.whole_output
        begun_s = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun_s < 10


SLOW = 'sum(quantile_over_time(0.5, {job="fenghuo"}[5m:20ms]))'


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]])
def test_it_stops_in_time_whatever_it_is_at(
    tmp_path: Path, start_server: StartServer, signals: list[signal.Signals]
) -> None:
    """At a scrape, a query and a notice that would all take much longer."""
    with Silent() as silent, Exposition("level 1") as plant:
        plant.hang()
        server = start_server(tmp_path / "data", configuration(tmp_path, silent.url, target=plant.address))
        assert silent.asked.wait(10)
        deadline_s = time.monotonic() + 35
        while not plant.requests:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        server.value('up{job="fenghuo"}')
        answers: list[httpx.Response] = []

        def ask() -> None:
            now_s = time.time()
            params = {"query": SLOW, "start": now_s, "end": now_s + 300, "step": "0.1"}
            answers.append(server.client.get("/api/v1/query_range", params=params))

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(1)
        begun_s = time.monotonic()
        for number in signals:
            server.process.send_signal(number)
            time.sleep(0.3)
        code = server.process.wait(20)
        took_s = time.monotonic() - begun_s
        asking.join()

    assert code == 0, server.whole_output
    assert took_s < 10
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(503, "the server is stopping")]
    assert "Traceback" not in server.whole_output


def test_a_broken_file_and_sighup_keep_the_old_configuration(tmp_path: Path, start_server: StartServer) -> None:
    with Receiver() as receiver:
        server = start_server(tmp_path / "data", configuration(tmp_path, receiver.url))
        path = tmp_path / "fenghuo.yml"
        good = path.read_text()
        before = server.client.get("/api/v1/status/config").json()
        path.write_text(good.replace("job_name: plant", "job_nam: plant"))
        server.process.send_signal(signal.SIGHUP)
        deadline_s = time.monotonic() + 10
        while (health := server.client.get("/health")).status_code == 200:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)

        assert health.json()["checks"]["configuration"]["message"] == "the last reload was refused; the log says why"
        assert "reload refused, the old configuration stays" in server.whole_output
        assert "job_nam" in server.whole_output
        assert server.client.get("/api/v1/status/config").json() == before
        receiver.wait_for(1)
        path.write_text(good)
        server.process.send_signal(signal.SIGHUP)
        while server.client.get("/health").status_code != 200:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        assert server.stop() == 0
