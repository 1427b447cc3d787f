"""539 queries over a demo data set, against what Prometheus 2.42 answered."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fenghuo.base.clock import SystemClock
from fenghuo.metrics.promql import Engine, ExecutionError, MatrixResult, ParseError
from fenghuo.model.labels import Labels
from promql_support.dense_store import DenseStore

START_MS = 1_705_324_200_300
LENGTH_MS = 600_000
STEP_MS = 30_000
TOLERANCE = 1e-9

DIFFERS = {
    # Label names may be any text since Prometheus 3.
    'label_replace(demo_num_cpus, "~invalid", "", "src", "(.*)")': "allowed",
    'label_join(demo_num_cpus, "~invalid", "-", "instance")': "allowed",
    # Its inner steps fall on samples, where windows that are open on the left see one sample fewer.
    "avg_over_time(rate(demo_cpu_usage_seconds_total[1m])[2m:10s])": "left-open windows",
}


@cache
def _engine(folder: Path) -> Engine:
    data = json.loads((folder / "demo_dataset.json").read_text())
    store = DenseStore()
    for series in data["series"]:
        times = (data["start_ms"] + position * data["step_ms"] for position in range(len(series["values"])))
        samples = zip(times, series["values"], strict=True)
        store.add(
            Labels(series["metric"]), [(time_ms, float(value)) for time_ms, value in samples if value is not None]
        )
    return Engine(store, SystemClock())


def _wrong(case: dict[str, Any], engine: Engine) -> str | None:
    """What is wrong with the answer to one query."""
    try:
        result = engine.range(case["query"], START_MS, START_MS + LENGTH_MS, STEP_MS).value
    except (ParseError, ExecutionError) as error:
        return None if case["status"] == "error" else f"failed: {error}"
    if case["status"] == "error":
        return "should have failed"
    assert isinstance(result, MatrixResult)
    wanted = {
        Labels(series["metric"]): {round(second * 1000): float(value) for second, value in series["values"]}
        for series in case["result"]
    }
    got = {
        labels: dict(zip((times - START_MS).tolist(), values.tolist(), strict=True))
        for labels, times, values in result.series()
    }
    if {labels: list(points) for labels, points in wanted.items()} != {
        labels: list(points) for labels, points in got.items()
    }:
        return f"other series or points: {len(wanted)} wanted, {len(got)} given"
    for labels, points in wanted.items():
        for time_ms, value in points.items():
            given = got[labels][time_ms]
            if not (given == value or (math.isnan(given) and math.isnan(value))) and not math.isclose(
                given, value, rel_tol=TOLERANCE
            ):
                return f"{labels} at {time_ms} ms: {value} wanted, {given} given"
    return None


@pytest.mark.slow
def test_answers_are_those_of_prometheus(conformance: Path) -> None:
    """Every query gives the same series, points and numbers, but for the differences that are listed."""
    folder = conformance / "compliance" / "promql"
    engine = _engine(folder)
    cases = [json.loads(line) for line in (folder / "reference_2.42.jsonl").read_text().splitlines()]
    wrong = {case["query"]: reason for case in cases if (reason := _wrong(case, engine)) is not None}
    assert {query: reason for query, reason in wrong.items() if query not in DIFFERS} == {}
    assert wrong.keys() == DIFFERS.keys()
    assert len(cases) > 500
