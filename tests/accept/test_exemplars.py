"""Exemplars of an OpenMetrics target come back from ``/api/v1/query_exemplars`` as Prometheus gives them."""

from __future__ import annotations

import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from accept.server import StartServer

pytestmark = pytest.mark.accept

BODY = b"""# TYPE shop_latency_seconds histogram
# UNIT shop_latency_seconds seconds
shop_latency_seconds_bucket{le="0.1"} 1 # {trace_id="a1"} 0.07 1795220000.5
shop_latency_seconds_bucket{le="+Inf"} 2 # {trace_id="b2",span_id="7"} 3.5 1795220001.25
shop_latency_seconds_sum 3.57
shop_latency_seconds_count 2
# EOF
"""
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]
"""


class Target(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert "application/openmetrics-text" in self.headers["Accept"]
        self.send_response(200)
        self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *args: Any) -> None:
        """Scrapes are not worth a line."""


def test_exemplars_are_served_as_prometheus_serves_them(
    tmp_path: Path, start_process: StartProcess, start_server: StartServer
) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("Debian's package prometheus is not installed")
    target = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=target.serve_forever, args=(0.05,), daemon=True).start()
    config = CONFIG.format(port=target.server_port)
    (tmp_path / "prometheus.yml").write_text(config)
    url = f"http://127.0.0.1:{free_port()}"
    prometheus = start_process(
        [
            "prometheus",
            "--enable-feature=exemplar-storage",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'prometheus'}",
            f"--web.listen-address={url.removeprefix('http://')}",
        ]
    )
    wait_for(f"{url}/-/ready", prometheus, status=200)
    server = start_server(tmp_path / "data", config + "packs: []\nintegrations: {host: null}\n")

    with httpx.Client(base_url=url) as theirs:
        answers = [ask(client) for client in (server.client, theirs)]
    target.shutdown()
    target.server_close()

    assert answers[0] == answers[1]
    assert [entry["exemplars"][0]["value"] for entry in answers[0]] == ["0.07", "3.5"]


def ask(client: httpx.Client) -> list[dict[str, Any]]:
    params = {"query": "rate(shop_latency_seconds_bucket[5m])", "start": "1795219000", "end": "1795221000"}
    deadline_s = time.monotonic() + 30
    while True:
        answer = client.post("/api/v1/query_exemplars", data=params).json()
        assert answer["status"] == "success", answer
        if len(answer["data"]) == 2:
            found: list[dict[str, Any]] = sorted(answer["data"], key=lambda entry: entry["exemplars"][0]["value"])
            return found
        assert time.monotonic() < deadline_s, answer
        time.sleep(0.2)
