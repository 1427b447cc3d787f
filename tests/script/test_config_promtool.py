"""promtool's ``check config`` cases: ``fenghuo check config`` says the same of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from fenghuo.cli.main import main

DIFFERENT = {
    "url_in_alert_targetgroup_with_relabel_config.bad.yml": (
        0, "alerts are not sent to other Alertmanagers, so that their targets are not looked at"
    ),
    "prometheus-config.nonexistent.yml": (2, "a file that cannot be read is exit code 2 here"),
}  # fmt: skip


@pytest.fixture
def directory(conformance: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = conformance / "prometheus" / "promtool"
    monkeypatch.chdir(path)
    return path


def check(monkeypatch: pytest.MonkeyPatch, *names: str) -> int:
    """The exit code of ``fenghuo check config`` in the current directory."""
    monkeypatch.setattr(sys, "argv", ["fenghuo", "check", "config", *names])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_verdicts(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = json.loads((directory / "cases.json").read_text())["check_config"]
    names = {case["file"]: case["exit"] for case in cases if not case.get("flags")}  # promtool's flags are not ours.
    want = {name: DIFFERENT[name][0] if name in DIFFERENT else code for name, code in names.items()}
    assert {name: check(monkeypatch, name) for name in names} == want
    assert len(names) == 14


def test_missing_files_are_named_with_their_place(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(monkeypatch, "config_with_tls_files.yml", "config_with_service_discovery_files.yml") == 1
    printed = capsys.readouterr().out
    assert "error: config_with_tls_files.yml:4 scrape_configs[0].tls_config.cert_file: file" in printed
    assert "error: config_with_tls_files.yml:5 scrape_configs[0].tls_config.key_file: file" in printed
    assert "warning: config_with_service_discovery_files.yml:5" in printed
    assert "FAILED: 2 errors, 0 warnings" in printed
    assert "OK: 1 job," in printed
