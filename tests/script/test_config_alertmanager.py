"""Alertmanager's own configuration files, given as ``--config``: its words are words of ``fenghuo.yml``."""

from __future__ import annotations

import json
from pathlib import Path

from fenghuo.app.settings_load import load_settings
from fenghuo.base.document import Severity


def test_verdicts(conformance: Path, tmp_path: Path) -> None:
    directory = conformance / "alertmanager" / "config"
    cases = json.loads((directory / "expected.json").read_text())["cases"]
    want, plain, by_path = {}, {}, {}
    for name, case in cases.items():
        file = directory / name
        if not file.is_file():
            continue
        outer = tmp_path / "fenghuo.yml"
        outer.write_text(json.dumps({"alertmanager": str(file)}))
        want[name] = bool(case["ok"])
        plain[name] = load_settings(file, {})[0] is not None
        by_path[name] = load_settings(outer, {})[0] is not None
    assert plain == want
    assert by_path == want
    assert len(want) >= 40


def test_problems_of_an_included_file_name_that_file(conformance: Path, tmp_path: Path) -> None:
    directory = conformance / "alertmanager" / "config"
    cases = json.loads((directory / "expected.json").read_text())["cases"]
    bad = next(directory / name for name, case in cases.items() if not case["ok"] and (directory / name).is_file())
    outer = tmp_path / "fenghuo.yml"
    outer.write_text(json.dumps({"alertmanager": str(bad)}))
    _, problems = load_settings(outer, {})
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    assert {problem.file for problem in errors} == {str(bad)}
