"""``fenghuo check routes``: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fenghuo.cli.check import check_app as app

CONFIG = """rule_files: [rules.yml]
route:
  receiver: ops
receivers:
  - {name: ops, webhook_configs: [{url: 'http://x/'}]}
  - name: old
"""
RULES = """groups:
  - name: a
    labels: {team: db}
    rules: [{alert: Owned, expr: up}]
  - name: b
    rules:
      - {record: r, expr: up}
      - {alert: Nobodys, expr: up}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(RULES)
    path = tmp_path / "fenghuo.yml"
    path.write_text(CONFIG)
    return path


def test_findings_have_file_and_line(config: Path) -> None:
    result = CliRunner().invoke(app, ["routes", str(config)])
    assert result.exit_code == 0
    unused = "receiver 'old' is used by no route, no priority, no escalation and no person"
    assert f"warning: {config}:6 receivers[1].name: {unused}\n" in result.output
    assert f"{config.parent}/rules.yml:8 groups[1].rules[1]: alert 'Nobodys' has no label 'owner' or 'team'\n" in (
        result.output
    )
    assert result.output.endswith("OK: 2 findings\n")


def test_findings_can_be_fatal(config: Path) -> None:
    assert CliRunner().invoke(app, ["routes", "--lint-fatal", str(config)]).exit_code == 3
    config.write_text(CONFIG.replace("  - name: old\n", ""))
    assert CliRunner().invoke(app, ["routes", "--lint-fatal", "--owner", "alertname", str(config)]).exit_code == 3
    (config.parent / "rules.yml").write_text(RULES.replace("{alert: Nobodys,", "{alert: My, labels: {owner: li},"))
    assert CliRunner().invoke(app, ["routes", "--lint-fatal", str(config)]).exit_code == 0


def test_a_receiver_that_a_priority_adds_is_used(config: Path) -> None:
    config.write_text(f"{CONFIG}priorities: {{P0: {{receivers: [old]}}}}\n")
    assert "receiver 'old' is used by" not in CliRunner().invoke(app, ["routes", str(config)]).output


def test_a_configuration_that_does_not_load(config: Path) -> None:
    config.write_text(CONFIG.replace("receiver: ops", "receiver: none"))
    result = CliRunner().invoke(app, ["routes", "--output", "json", str(config)])
    assert result.exit_code == 1
    (file,) = json.loads(result.output)["files"]
    assert not file["ok"]
    assert "undefined receiver 'none'" in file["problems"][0]["message"]
