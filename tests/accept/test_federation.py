"""A real Prometheus federates from us, and we from it: the same samples, under their own labels."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.exposition import Exposition
from accept.processes import StartProcess, free_port, wait_for
from accept.server import StartServer, first_password

pytestmark = [
    pytest.mark.accept,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="Debian's prometheus is not installed"),
]

JOB = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{replica: {replica}}}}}
scrape_configs:
  - {{job_name: app, static_configs: [{{targets: ["{target}"]}}]}}
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: {{"match[]": ['{{__name__=~"level|odd"}}']}}
    basic_auth: {{username: admin, password: "{password}"}}
    static_configs: [{{targets: ["{other}"]}}]
"""
QUIET = "packs: []\nintegrations: {host: null}\n"


def values(client: httpx.Client, query: str) -> dict[str, str]:
    """Results by instance and n."""
    answer: dict[str, Any] = client.get("/api/v1/query", params={"query": query}).json()
    return {f"{r['metric']['instance']} {r['metric']['n']}": r["value"][1] for r in answer["data"]["result"]}


def raw(client: httpx.Client, query: str) -> set[tuple[float, str]]:
    """The samples of one series."""
    (series,) = client.get("/api/v1/query", params={"query": query}).json()["data"]["result"]
    return {(at, value) for at, value in series["values"]}


def waited(client: httpx.Client, query: str, wanted: dict[str, str]) -> None:
    deadline_s = time.monotonic() + 30
    while (found := values(client, query)) != wanted:
        assert time.monotonic() < deadline_s, f"{query}: {found}"
        time.sleep(0.2)


def test_samples_travel_both_ways(tmp_path: Path, start_server: StartServer, start_process: StartProcess) -> None:
    ours_text = "\n".join(f'level{{n="{number}"}} {number}.5' for number in range(3))
    theirs_text = "\n".join(f'level{{n="{number}"}} -{number}.25' for number in range(1, 4))
    with Exposition(ours_text) as our_app, Exposition(theirs_text) as their_app:
        port = free_port()
        address = f"127.0.0.1:{port}"
        config = JOB.format(replica="ours", target=our_app.address, other=address, password="unused")
        server = start_server(tmp_path / "data", QUIET + config)
        prometheus_yml = tmp_path / "prometheus.yml"
        prometheus_yml.write_text(
            JOB.format(
                replica="theirs",
                target=their_app.address,
                other=server.url.removeprefix("http://"),
                password=first_password(server),
            )
        )
        prometheus = start_process(
            [
                "prometheus", f"--config.file={prometheus_yml}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address={address}",
            ]
        )  # fmt: skip
        wait_for(f"http://{address}/-/ready", prometheus, status=200)
        mine = {f"{our_app.address} {number}": f"{number}.5" for number in range(3)}
        others = {f"{their_app.address} {number}": f"-{number}.25" for number in range(1, 4)}
        with httpx.Client(base_url=f"http://{address}") as theirs:
            waited(theirs, 'level{job="app",replica="ours"}', mine)
            waited(server.client, 'level{job="app",replica="theirs"}', others)
            assert server.value('up{job="federate"}') == 1
            # What came is a sample that the other has, with its time.
            here = raw(server.client, 'level{job="app",n="1",replica="theirs"}[1m]')
            there = raw(theirs, 'level{job="app",n="1",replica=""}[1m]')
            assert here
            assert here <= there
