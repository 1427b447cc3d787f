"""Export: what comes out is what went in, for our own import as for promtool and Prometheus."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from accept.processes import StartProcess, free_port, wait_for
from accept.server import FENGHUO, Server, StartServer
from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN

pytestmark = pytest.mark.accept

CONFIG = "packs: []\nintegrations: {host: null}\nscrape_configs: []\n"
SERIES = [Labels({"__name__": "m_total", "path": '/a"b\\c\nd', "i": str(i)}) for i in range(40)]
ODD = Labels({"__name__": "odd"})
ODD_VALUES = [0.1, -0.0, 5e-324, 1.7e308, float("inf"), float("-inf"), float("nan"), float(STALE_NAN), 3.0]


@pytest.fixture
def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def server(tmp_path: Path, start_server: StartServer, now_ms: int) -> Server:
    """A server whose store has blocks and a head: counters each 15 s for five hours, and odd values."""
    clock = ManualClock(now_ms - 5 * 3_600_000)
    store = Store.open(tmp_path / "data" / "metrics", StoreSettings(), clock, CollectorRegistry())
    cohort = store.cohort("t")
    for step in range(5 * 240):
        values = np.arange(40) * (step / 3) + step
        cohort.append(clock.now_ms(), cohort.rows(SERIES), values)
        if step % 100 == 0:
            times = clock.now_ms() + np.arange(len(ODD_VALUES)) * 7
            store.append_samples([ODD] * len(ODD_VALUES), times, np.array(ODD_VALUES))
        clock.step_wall(15)
        if step % 240 == 0:
            store.keeper.maintain()
    store.close()
    return start_server(tmp_path / "data", CONFIG)


def lines(server: Server) -> dict[str, list[tuple[int, Any]]]:
    """Every sample as JSON lines give it, by series."""
    answer = server.client.get("/api/v1/export", params={"match[]": '{__name__=~"m_total|odd"}'})
    assert answer.status_code == 200, answer.text
    found: dict[str, list[tuple[int, Any]]] = {}
    for line in answer.text.splitlines():
        entry = json.loads(line)
        pairs = list(zip(entry["timestamps"], entry["values"], strict=True))
        found.setdefault(json.dumps(entry["metric"], sort_keys=True), []).extend(pairs)
    return found


def test_json_lines_go_round(tmp_path: Path, server: Server, start_server: StartServer) -> None:
    exported = server.client.get("/api/v1/export", params={"match[]": ["m_total", "odd"]}).content
    whole = lines(server)
    assert sum(map(len, whole.values())) == 40 * 1200 + 12 * len(ODD_VALUES)
    odd = {str(value) for _, value in whole[json.dumps({"__name__": "odd"})]}
    assert odd >= {"StaleNaN", "NaN", "Infinity", "-0.0", "5e-324"}
    assert server.stop() == 0
    other = start_server(tmp_path / "other", CONFIG)
    answer = other.client.post("/api/v1/import", content=exported)
    assert answer.status_code == 200, answer.text
    assert lines(other) == whole
    assert other.stop() == 0


def test_openmetrics_goes_round_by_the_commands(tmp_path: Path, server: Server, start_server: StartServer) -> None:
    whole = lines(server)
    target = tmp_path / "out.om"
    command = [*FENGHUO, "export", "m_total", "odd", "--file", str(target), "--data-dir", str(tmp_path / "data")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert target.read_text().endswith("# EOF\n")
    assert server.stop() == 0
    other = start_server(tmp_path / "other", CONFIG)
    command = [*FENGHUO, "import", "openmetrics", str(target), "--data-dir", str(tmp_path / "other")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    without_markers = {series: [pair for pair in pairs if pair[1] != "StaleNaN"] for series, pairs in whole.items()}
    assert lines(other) == without_markers
    assert other.stop() == 0


def test_promtool_and_prometheus_take_it(
    tmp_path: Path, server: Server, start_process: StartProcess, now_ms: int
) -> None:
    for program in ("promtool", "prometheus"):
        if shutil.which(program) is None:
            pytest.skip(f"Debian's package prometheus is not installed: {program}")
    params = {"match[]": ["m_total", "odd"], "format": "openmetrics"}
    (tmp_path / "out.om").write_bytes(server.client.get("/api/v1/export", params=params).content)
    made = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", tmp_path / "out.om", tmp_path / "prometheus"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    port = free_port()
    (tmp_path / "prometheus.yml").write_text("")
    flags = (
        f"--config.file={tmp_path}/prometheus.yml --storage.tsdb.path={tmp_path}/prometheus "
        f"--web.listen-address=127.0.0.1:{port}"
    )
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/-/ready", start_process(["prometheus", *flags.split()]), status=200)
    for expression in ("m_total[6h]", "odd[6h]"):
        params = {"query": expression, "time": now_ms / 1000}
        theirs = httpx.get(f"{url}/api/v1/query", params=params).json()["data"]["result"]
        ours = server.client.get("/api/v1/query", params=params).json()["data"]["result"]
        assert len(ours) > 0
        assert {str(series["metric"]): series["values"] for series in ours} == {
            str(series["metric"]): series["values"] for series in theirs
        }
    assert server.stop() == 0


def test_bad_requests(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", CONFIG)
    for params, said in (
        ({}, "no match[] parameter provided"),
        ({"match[]": "up{"}, 'invalid parameter "match[]"'),
        ({"match[]": "up", "format": "csv"}, 'unknown format "csv"'),
    ):
        answer = server.client.get("/api/v1/export", params=params)
        assert (answer.status_code, said in answer.json()["error"]) == (400, True)
    assert server.client.get("/api/v1/export?match[]=nothing").text == ""
    assert server.client.get("/api/v1/export?match[]=nothing&format=openmetrics").text == "# EOF\n"
    assert server.stop() == 0
