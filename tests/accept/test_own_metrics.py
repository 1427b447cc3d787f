"""Our own /metrics, read by others: the real Prometheus scrapes it, promtool finds nothing to say."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from accept.server import StartServer

pytestmark = [
    pytest.mark.accept,
    pytest.mark.skipif(
        not shutil.which("prometheus") or not shutil.which("promtool"), reason="Debian's prometheus is not installed"
    ),
]

THEIRS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs: [{{job_name: fenghuo, static_configs: [{{targets: ['{address}']}}]}}]
"""
OURS = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"


def theirs(base: str, query: str) -> float:
    """The value of an expression there, once it has one."""
    deadline_s = time.monotonic() + 20
    while True:
        answer: dict[str, Any] = httpx.get(f"{base}/api/v1/query", params={"query": query}).json()
        if result := answer["data"]["result"]:
            return float(result[0]["value"][1])
        assert time.monotonic() < deadline_s, query
        time.sleep(0.1)


def test_the_real_prometheus_scrapes_us_without_a_complaint(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    server = start_server(tmp_path / "data", OURS)
    address = server.url.removeprefix("http://")
    config = tmp_path / "prometheus.yml"
    config.write_text(THEIRS.format(address=address))
    base = f"http://127.0.0.1:{free_port()}"
    prometheus = start_process(
        [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address={base.removeprefix('http://')}", "--log.level=debug",
        ]
    )  # fmt: skip
    wait_for(f"{base}/-/ready", prometheus, status=200)
    theirs(base, "min_over_time(up[3s]) and count_over_time(up[3s]) >= 2")
    target = httpx.get(f"{base}/api/v1/targets").json()["data"]["activeTargets"][0]

    assert theirs(base, "min_over_time(up[1m])") == 1
    assert (target["health"], target["lastError"]) == ("up", "")
    body = httpx.get(f"{server.url}/metrics", headers={"Accept": "application/openmetrics-text"}).text
    shown = sum(not line.startswith("#") for line in body.splitlines())
    scraped = theirs(base, "scrape_samples_scraped")
    assert abs(scraped - shown) <= 0.02 * shown, "what comes and goes from one second to the next"
    by_us = server.value('scrape_samples_scraped{job="fenghuo"}')
    assert abs(by_us - scraped) <= 0.02 * scraped
    log = Path(prometheus.log_path).read_text()  # type: ignore[attr-defined]
    assert not re.search(r"(?i)append failed|out.of.order|duplicate|parse|invalid metric", log), log[-3000:]


def test_promtool_accepts_our_metrics(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", OURS)
    server.value("up")
    body = httpx.get(f"{server.url}/metrics").text
    said = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, text=True, check=False)

    assert "fenghuo_limit_hits_total" in body
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
