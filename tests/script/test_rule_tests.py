"""``fenghuo test rules`` says what promtool says: of its own fixtures, and of the tests of our packs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fenghuo.app.laboratory import Laboratory
from fenghuo.cli.main import main
from fenghuo.metrics.promql import normalized
from fenghuo.packs import pack_names
from fenghuo.rules.testing import load_tests, run_tests

PACKS = Path(__file__).parent / "packs"
HISTOGRAMS = "unittest.yml"
"""Three of this file's expectations are native histograms, which are not supported: they fail, and say so."""


@pytest.fixture
def directory(conformance: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = conformance / "prometheus" / "promtool"
    monkeypatch.chdir(path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of ``fenghuo`` in the current directory."""
    monkeypatch.setattr(sys, "argv", ["fenghuo", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_the_verdicts_of_promtool(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = json.loads((directory / "cases.json").read_text())["test_rules"]
    assert len(cases) == 19
    different = []
    for case in cases:
        names = [word for text in case.get("run", ()) for word in ("--run", text)]
        got = run(monkeypatch, "test", "rules", *case.get("flags", ()), *names, *case["files"])
        if got != case["exit"]:
            different.append(case["files"])
    assert different == [[HISTOGRAMS]]


def test_only_native_histograms_fail_there(directory: Path) -> None:
    report = run_tests(load_tests(Path(HISTOGRAMS), normalized), Laboratory.evaluating_each)
    reasons = [mismatch.reason for case in report.cases for mismatch in case.mismatches]
    assert reasons == ["native histograms are not supported"] * 3
    assert report.passed == 14


def test_the_verdicts_of_check_rules(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = json.loads((directory / "cases.json").read_text())["check_rules"]
    flags = ("--ignore-unknown-fields", "--lint-fatal")
    got = {
        (case["file"], *case.get("flags", ())): run(
            monkeypatch, "check", "rules", *(flag for flag in case.get("flags", ()) if flag in flags), case["file"]
        )
        for case in cases
    }
    assert got == {(case["file"], *case.get("flags", ())): case.get("exit", 0) for case in cases}


@pytest.mark.parametrize("name", pack_names())
def test_the_rules_of_the_packs(name: str) -> None:
    loaded = load_tests(PACKS / f"{name}.yml", normalized)
    report = run_tests(loaded, Laboratory.evaluating_each)
    assert loaded.problems == ()
    assert [mismatch for case in report.cases for mismatch in case.mismatches] == []
    assert report.passed > 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_says_the_same_of_the_packs() -> None:
    files = [str(PACKS / f"{name}.yml") for name in pack_names()]
    done = subprocess.run(["promtool", "test", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
