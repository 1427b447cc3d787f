"""The PromQL compliance queries, asked of both: this server and a real Prometheus over the same data.

Prometheus gets the data as backfilled blocks, the store of this server by scrapes with the clock of that time.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from accept.processes import StartProcess, free_port, wait_for
from accept.server import start
from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels

pytestmark = [pytest.mark.accept, pytest.mark.slow]

START_S, LENGTH_S, STEP_S = 1_705_324_200.3, 600, 30
"""Moments that fall on no sample, where windows that are closed and open on the left see the same."""
TOLERANCE = 1e-9

DIFFERS = {
    # Label names may be any text since Prometheus 3; Debian's is older.
    'label_replace(demo_num_cpus, "~invalid", "", "src", "(.*)")',
    'label_join(demo_num_cpus, "~invalid", "-", "instance")',
    # Its inner steps fall on samples, where windows that are open on the left, as since Prometheus 3, see one fewer.
    "avg_over_time(rate(demo_cpu_usage_seconds_total[1m])[2m:10s])",
}
KEPT_FOREVER = "storage: {retention: 0, out_of_order_time_window: 0, future_time_window: 0}\n"
CONFIG = KEPT_FOREVER + "packs: []\nintegrations: {host: null}\nscrape_configs: []\n"

Series = dict[str, Any]


@pytest.fixture(scope="module")
def dataset(conformance: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((conformance / "compliance" / "promql" / "demo_dataset.json").read_text())
    return data


def _exposition(data: dict[str, Any]) -> Iterator[str]:
    for series in sorted(data["series"], key=lambda series: series["metric"]["__name__"]):
        labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
        shown = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
        for position, value in enumerate(series["values"]):
            if value is not None:
                time_ms = data["start_ms"] + position * data["step_ms"]
                yield f"{series['metric']['__name__']}{{{shown}}} {value} {time_ms / 1000}\n"
    yield "# EOF\n"


def _fill(directory: Path, data: dict[str, Any]) -> None:
    """What scrapes of the data's targets would have left."""
    clock = ManualClock(data["start_ms"])
    settings = StoreSettings.model_validate({"retention": "0", "future_time_window": "0"})
    store = Store.open(directory, settings, clock, CollectorRegistry())
    for instance in sorted({series["metric"]["instance"] for series in data["series"]}):
        own: list[Series] = [series for series in data["series"] if series["metric"]["instance"] == instance]
        cohort = store.cohort(instance)
        rows = cohort.rows([Labels(series["metric"]) for series in own])
        values = np.array([series["values"] for series in own], dtype=np.float64)
        for position in range(values.shape[1]):
            scraped = np.flatnonzero(~np.isnan(values[:, position]))
            cohort.append(data["start_ms"] + position * data["step_ms"], rows[scraped], values[scraped, position])
    store.close()


@pytest.fixture
def both(tmp_path: Path, start_process: StartProcess, dataset: dict[str, Any]) -> Iterator[list[httpx.Client]]:
    """Clients of Fenghuo and of Prometheus."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("Debian's package prometheus is not installed")
    (tmp_path / "data.om").write_text("".join(_exposition(dataset)))
    blocks = tmp_path / "prometheus"
    backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "data.om"), str(blocks)]
    subprocess.run(backfill, check=True, capture_output=True, timeout=120)
    (tmp_path / "prometheus.yml").write_text("{}\n")
    port = free_port()
    prometheus = start_process(
        [
            "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={blocks}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
    )
    wait_for(f"http://127.0.0.1:{port}/-/ready", prometheus, status=200)
    _fill(tmp_path / "data" / "metrics", dataset)
    ours = start(start_process, tmp_path / "data", CONFIG)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as theirs:
        yield [ours.client, theirs]
    ours.client.close()


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two JSON values are equal, numbers in texts up to the tolerance."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if ours == theirs or not isinstance(ours, str) or not isinstance(theirs, str):
        return bool(ours == theirs)
    try:
        return math.isclose(float(ours), float(theirs), rel_tol=TOLERANCE)
    except ValueError:
        return False


def _answer(response: httpx.Response) -> tuple[int, Any]:
    """Status and body; of a vector the elements in an order of their own, for none is promised."""
    body = response.json()
    if body.get("data", {}).get("resultType") == "vector":
        body["data"]["result"].sort(key=lambda element: sorted(element["metric"].items()))
    return response.status_code, {key: body[key] for key in ("status", "errorType", "data") if key in body}


def _differing(both: list[httpx.Client], path: str, queries: list[str], **params: float) -> dict[str, str]:
    found = {}
    for query in queries:
        ours, theirs = (_answer(client.post(path, data={"query": query, **params})) for client in both)
        if ours[0] != theirs[0] or not _same(ours[1], theirs[1]):
            found[query] = f"{str(ours)[:300]} instead of {str(theirs)[:300]}"
    return found


def test_the_same_answers_as_prometheus(both: list[httpx.Client], conformance: Path) -> None:
    """Every query as range and as instant query: status, kind of error, series, their order, times and values."""
    expanded = (conformance / "compliance" / "promql" / "expanded.jsonl").read_text().splitlines()
    queries = list(dict.fromkeys(json.loads(line)["query"] for line in expanded))
    assert len(queries) > 500
    known = both[0].post("/api/v1/query", data={"query": "count(demo_num_cpus)", "time": START_S}).json()
    assert known["data"]["result"][0]["value"][1] == "3"

    as_range = _differing(both, "/api/v1/query_range", queries, start=START_S, end=START_S + LENGTH_S, step=STEP_S)
    assert {query: why for query, why in as_range.items() if query not in DIFFERS} == {}
    assert as_range.keys() == DIFFERS
    as_instant = _differing(both, "/api/v1/query", queries, time=START_S + LENGTH_S)
    assert {query: why for query, why in as_instant.items() if query not in DIFFERS} == {}
