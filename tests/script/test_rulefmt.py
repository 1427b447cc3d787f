"""Rule files that Prometheus accepts and rejects, by its own list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fenghuo.metrics.promql.syntax.printer import normalized
from fenghuo.rules import load_rule_file, load_rules

SAID = {
    'groupname: "yolo" is repeated in the same file': "groupname 'yolo' is repeated in the same file",
    "parse error": "could not parse expression",
    "field annotation not found": "unknown key 'annotation'",
    "invalid annotation name: ins-tance": "invalid annotation name: 'ins-tance'",
}
"""Where our words differ from Prometheus'."""


def test_files(conformance: Path, subtests: pytest.Subtests) -> None:
    folder = conformance / "prometheus" / "rulefmt"
    cases = json.loads((folder / "expected.json").read_text())
    assert len(cases["files"]) == 16
    for name, case in cases["files"].items():
        with subtests.test(name):
            loaded = load_rule_file(folder / name, normalized, legacy_names=case.get("name_validation") == "legacy")
            assert (loaded.file is not None) == case["ok"]
            if not case["ok"]:
                wanted = SAID.get(case["error_contains"], case["error_contains"])
                assert any(wanted in problem.message and problem.line for problem in loaded.problems)


def test_texts(conformance: Path, subtests: pytest.Subtests) -> None:
    cases = json.loads((conformance / "prometheus" / "rulefmt" / "expected.json").read_text())["inline"]
    assert len(cases) == 6
    for case in cases:
        with subtests.test(case["yaml"]):
            loaded = load_rules(case["yaml"], "f.yml", normalized)
            assert (loaded.file is not None) == case["ok"]


def test_fixtures_of_the_rule_manager(conformance: Path, subtests: pytest.Subtests) -> None:
    for path in sorted((conformance / "prometheus" / "rules").glob("*.yaml")):
        with subtests.test(path.name):
            assert (load_rule_file(path, normalized).file is not None) == (path.name != "invalid_rules.yaml")
