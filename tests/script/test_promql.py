"""Prometheus' own test files for PromQL, read in place.

A ratchet: every eval of the "core" of the language that is not on the short list below must pass. Core is what
needs neither native histograms nor experimental features; the table that comes with the files says which.
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
    # The duplicate that must be refused is one of two native histograms.
    ("histograms.test", 1081),
}
WHOLE_FILES = {
    "aggregators": 35,
    "duration_expression": 0,
    "extended_vectors": 46,
    "fill-modifier": 0,
    "info": 1,
    "literals": 0,
    "name_label_dropping": 0,
    "selectors": 0,
    "staleness": 0,
    "type_and_unit": 0,
}
"""Files and how many of all their evals fail, experimental ones included; native histograms are the rest."""


@cache
def _core(folder: Path) -> frozenset[tuple[str, int]]:
    """File and line of every core eval. Durations written as numbers are no experiment."""
    cases = map(json.loads, (folder / "cases.jsonl").read_text().splitlines())
    return frozenset(
        (case["file"], case["line"]) for case in cases if not set(case["needs"]) - {"dur_literal_as_number"}
    )


HERE = [name for name in FILES if (CONFORMANCE / "promqltest" / f"{name}.test").exists()]
"""A few of the files are not handed on with the others."""


@pytest.mark.parametrize("name", HERE or FILES)
def test_core_evals_pass(conformance: Path, name: str) -> None:
    """Every core eval of the file gives what the file says."""
    folder = conformance / "promqltest"
    file = folder / f"{name}.test"
    report = run_script(file.read_text(), file.name, MemoryStore())
    core = _core(folder)
    wrong = {
        failure.line: f"{failure.expr}: {failure.reason}"
        for failure in report.failures
        if (file.name, failure.line) in core and (file.name, failure.line) not in KNOWN_FAILURES
    }
    assert wrong == {}
    assert report.passed > 0


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_whole_files(conformance: Path, name: str) -> None:
    """Experimental features that work go on working."""
    file = conformance / "promqltest" / f"{name}.test"
    report = run_script(file.read_text(), file.name, MemoryStore())
    assert len(report.failures) <= WHOLE_FILES[name]
