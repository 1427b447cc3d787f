"""The dead man's switch as people use it: jobs that report over HTTP, people who are told, a server that is watched."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from accept.receiver import Receiver
from accept.server import FENGHUO, Server, StartServer

pytestmark = pytest.mark.accept

CONFIG = """
heartbeats:
  feed: {{period: 1h, labels: {{team: md}}}}
route: {{receiver: hook, group_by: [alertname, heartbeat], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}'}}]}}]
"""


def heartbeat(server: Server, *words: str, code: int = 0) -> str:
    command = [*FENGHUO, "heartbeat", *words, "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_jobs_report_and_people_are_told(tmp_path: Path, start_server: StartServer) -> None:
    with Receiver() as receiver:
        server = start_server(tmp_path / "data", CONFIG.format(url=receiver.url))
        address = heartbeat(
            server, "add", "backup", "--cron", "0 2 * * *", "--grace", "30m", "--label", "team=db"
        ).strip()
        for method in ("GET", "HEAD", "POST"):
            assert httpx.request(method, address).status_code == 200
        assert httpx.get(f"{address}/start").text == "OK\n"
        assert httpx.post(f"{address}/log", content="copying").status_code == 200
        assert httpx.post(f"{address}/3", content="no space left").status_code == 200

        (notice,) = receiver.wait_for(1)
        (alert,) = notice["alerts"]
        assert alert["labels"] == {
            "alertname": "FenghuoHeartbeatFailed",
            "heartbeat": "backup",
            "severity": "critical",
            "source": "fenghuo",
            "team": "db",
        }
        assert alert["annotations"]["output"] == "no space left"
        shown = json.loads(heartbeat(server, "list", "--output", "json", code=1))
        assert [(row["name"], row["status"], row["exit_code"]) for row in shown] == [
            ("backup", "failed", 3),
            ("feed", "new", None),
        ]
        assert "failed" in heartbeat(server, "list", code=1)

        server.kill()  # What was acknowledged survives that.
        server = start_server(tmp_path / "data", CONFIG.format(url=receiver.url), port=httpx.URL(address).port or 0)
        assert "failed" in heartbeat(server, "list", code=1)
        heartbeat(server, "ping", "backup", "--exit-code", "0")
        assert receiver.wait_for(2)[-1]["status"] == "resolved"
        assert f"backup\t{address}" in heartbeat(server, "list", "--addresses")
        heartbeat(server, "remove", "backup")
        assert httpx.get(address).status_code == 404
        assert "stands in the configuration" in heartbeat(server, "remove", "feed", code=2)
        assert server.value('heartbeat_up{heartbeat="feed"}') == 1


def test_only_who_has_the_address_can_report(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", "heartbeats: {feed: {period: 1h}, other: {period: 1h}}\n")
    rows = server.client.get("/api/fenghuo/heartbeats").json()
    feed = rows[0]["path"]
    assert httpx.get(f"{server.url}{feed}").status_code == 200
    assert httpx.get(f"{server.url}{feed.replace('/feed/', '/other/')}").status_code == 404
    assert httpx.get(f"{server.url}/api/fenghuo/heartbeat/feed/0123").status_code == 404
    for word in ("256", "-1", "stop", "1.0", "٣"):
        assert httpx.get(f"{server.url}{feed}/{word}").status_code == 404
    assert httpx.get(f"{server.url}/api/fenghuo/heartbeats").status_code == 401
    assert httpx.post(f"{server.url}/api/fenghuo/heartbeats", json={"name": "a", "period": "1h"}).status_code == 401
    assert [row["status"] for row in server.client.get("/api/fenghuo/heartbeats").json()] == ["up", "new"]


def test_somebody_elsewhere_hears_that_the_server_works(tmp_path: Path, start_server: StartServer) -> None:
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Requests are kept, not printed."""

    with HTTPServer(("127.0.0.1", 0), Handler) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, args=(0.05,), daemon=True).start()
        config = f"watchdog: {{url: 'http://127.0.0.1:{elsewhere.server_port}/beat/secret', interval: 1s}}\n"
        server = start_server(tmp_path / "data", config)
        deadline_s = time.monotonic() + 20
        while len(heard) < 2:
            assert time.monotonic() < deadline_s, server.output
            time.sleep(0.05)
        elsewhere.shutdown()
    assert set(heard) == {"/beat/secret"}
    while server.client.get("/health").json()["checks"]["watchdog"]["status"] == "healthy":
        assert time.monotonic() < deadline_s, "a beat that nobody hears is not seen"
        time.sleep(0.1)
    assert "secret" not in server.client.get("/health").text
    assert "beat/secret" not in server.client.get("/api/v1/status/config").text
