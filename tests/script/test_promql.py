"""Prometheus' own test files for PromQL, read in place.

Every eval that needs no native histogram must pass: the core of the language, and what is experimental in it. The
table that comes with the files says what each needs.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.metrics.promql.script.run import run_script
from material import CONFORMANCE

FILES = [
    "aggregators", "at_modifier", "collision", "duration_expression", "extended_vectors", "fill-modifier", "functions",
    "histograms", "info", "limit", "literals", "name_label_dropping", "native_histograms", "operators",
    "range_queries", "selectors", "staleness", "start_timestamps", "subquery", "trig_functions", "type_and_unit",
]  # fmt: skip

KNOWN_FAILURES = {
    # The duplicate that must be refused is one of two native histograms; the table overlooks that.
    ("histograms.test", 1081),
    ("histograms.test", 1084),
}


@cache
def _without_histograms(folder: Path) -> frozenset[tuple[str, int]]:
    """File and line of every eval that neither selects nor expects native histograms."""
    cases = map(json.loads, (folder / "cases.jsonl").read_text().splitlines())
    return frozenset(
        (case["file"], case["line"]) for case in cases if not any(need.startswith("nh") for need in case["needs"])
    )


def _documented() -> dict[str, str]:
    """What the guide says of each file: the last column of its table."""
    page = Path(__file__).parents[2] / "docs" / "guide" / "promql.md"
    rows = [line.split("|") for line in page.read_text().splitlines() if line.startswith("| ") and line.endswith(" |")]
    return {row[1].strip(): row[-2].strip() for row in rows}


HERE = [name for name in FILES if (CONFORMANCE / "promqltest" / f"{name}.test").exists()]
"""A few of the files are not handed on with the others."""


@pytest.mark.parametrize("name", HERE or FILES)
def test_evals_pass(conformance: Path, name: str) -> None:
    """Every eval of the file without native histograms gives what the file says."""
    folder = conformance / "promqltest"
    file = folder / f"{name}.test"
    report = run_script(file.read_text(), file.name, MemoryStore())
    must_pass = _without_histograms(folder) - KNOWN_FAILURES
    wrong = {
        failure.line: f"{failure.expr}: {failure.reason}"
        for failure in report.failures
        if (file.name, failure.line) in must_pass
    }
    assert wrong == {}
    assert f"{report.passed}/{report.passed + len(report.failures)}" == _documented()[name]
