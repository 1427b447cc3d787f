"""Alerts and silences from the command line, against the real program."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accept.server import FENGHUO, Server, StartServer

pytestmark = pytest.mark.accept

CONFIG = """
route:
  receiver: team
  group_by: [alertname]
  routes:
    - {matchers: [severity="page"], receiver: pager, group_wait: 10s}
receivers:
  - name: team
    webhook_configs: [{url: 'http://127.0.0.1:9/'}]
  - name: pager
    webhook_configs: [{url: 'http://127.0.0.1:9/'}]
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [alertname]}
"""


def run(server: Server, *words: str, code: int = 0) -> str:
    command = [*FENGHUO, *words, "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_alerts_are_listed_asked_about_and_silenced(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", CONFIG)
    now = datetime.now(UTC).isoformat()
    fire = [
        {"labels": {"alertname": "Down", "severity": severity}, "startsAt": now} for severity in ("critical", "page")
    ]
    assert server.client.post("/api/v2/alerts", json=fire).status_code == 200
    listed = json.loads(run(server, "alerts", "list", "--filter", "severity=page", "--output", "json"))
    assert [alert["labels"]["severity"] for alert in listed] == ["page"]
    assert "Down" in run(server, "alerts", "list")

    asked = run(server, "alerts", "route", "-l", "alertname=Disk", "-l", "severity=page")
    assert '{} → {severity="page"}\n    receiver pager: webhook' in asked
    assert "(group_wait 10s), news every 5m, repeated every 4h" in asked
    inhibited = run(server, "alerts", "route", "-l", "alertname=Down", "-l", "severity=warning", code=1)
    assert 'inhibited by {alertname="Down", severity="critical"}, which fires now' in inhibited

    number = run(server, "silence", "add", "Down", 'severity=~"page|info"', "--for", "2h", "-c", "new disk").strip()
    assert f"silenced by {number[:8]}" in run(server, "alerts", "list", "--filter", "severity=page")
    assert f"silenced by {number}" in run(server, "alerts", "route", "-l", "alertname=Down", "-l", "severity=page")
    (listed,) = json.loads(run(server, "silence", "list", "--output", "json"))
    assert [matcher["isRegex"] for matcher in listed["matchers"]] == [False, True]

    assert run(server, "silence", "update", number[:8], "--for", "4h", "-c", "two disks").strip() == number
    assert "two disks" in run(server, "silence", "list")
    run(server, "silence", "expire", number[:8])
    assert number[:8] not in run(server, "silence", "list")
    assert number in run(server, "silence", "list", "--expired", "--output", "json")
    assert "no silence that is not over begins with" in run(server, "silence", "expire", number, code=2)
    assert "bad regular expression" in run(server, "silence", "add", "a=~(", "-c", "x", code=2)


def test_the_same_answer_without_a_server(tmp_path: Path) -> None:
    config = tmp_path / "fenghuo.yml"
    config.write_text(CONFIG)
    words = ["alerts", "route", "-l", "severity=page", "--at", "2027-02-08T02:10+08:00", "--output", "json"]
    done = subprocess.run([*FENGHUO, *words, "--config", str(config)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["told"]
    assert found["at_ms"] == 1_802_023_800_000
    assert [each["told_at_ms"] - found["at_ms"] for each in found["destinations"]] == [10_000]
