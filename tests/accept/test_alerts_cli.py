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

DUTY = """
people:
  zhang: {name: 张伟, contacts: [{kind: email, to: zhang@example.com}]}
schedules:
  primary: {layers: [{people: [zhang], start: 2020-01-01}]}
escalations:
  ladder:
    steps: [{after: 2m, targets: ['schedule:primary']}, {after: 90s, targets: ['receiver:team']}]
    repeat: 1
priorities:
  P1: {escalation: ladder, receivers: [team], ack_within: 7m}
  P3:
    quiet_hours: [{times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '08:00'}]}]
"""


def run(server: Server, *words: str, code: int = 0) -> str:
    command = [*FENGHUO, *words, "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_alerts_are_listed_asked_about_and_silenced(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", CONFIG + DUTY)
    now = datetime.now(UTC).isoformat()
    fire = [
        {"labels": {"alertname": "Down", "severity": severity}, "startsAt": now} for severity in ("critical", "page")
    ]
    assert server.client.post("/api/v2/alerts", json=fire).status_code == 200
    listed = json.loads(run(server, "alerts", "list", "--filter", "severity=page", "--output", "json"))
    assert [alert["labels"]["severity"] for alert in listed] == ["page"]
    assert "Down" in run(server, "alerts")

    asked = run(server, "alerts", "route", "-l", "alertname=Disk", "-l", "severity=page")
    assert '{} → {severity="page"}\n    receiver pager: webhook' in asked
    assert "(group_wait 10s), news every 5m, repeated every 4h" in asked
    assert "and, by its priority, team: webhook" in asked
    assert "if nobody answers, by escalation ladder:\n" in asked
    assert "schedule primary: 张伟 (email)" in asked
    assert "all of it again, 1 more time\n" in asked
    night = ["alerts", "route", "-l", "severity=info", "--at", "2027-02-08T02:10+08:00"]
    assert "kept or lowered by P3 quiet_hours" in run(server, *night)
    (kept,) = json.loads(run(server, *night, "--output", "json"))["destinations"]
    assert kept["told_at_ms"] == round(datetime.fromisoformat("2027-02-08T08:00+08:00").timestamp() * 1000)
    assert kept["answer_by_ms"] - kept["told_at_ms"] == 3_600_000
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


RULES = """
groups:
  - name: g
    interval: 30s
    rules:
      - {record: job:broken:max, expr: max by (job) (broken)}
      - {alert: Broken, expr: broken == 1}
      - {alert: BrokenJob, expr: job:broken:max == 1, for: 3m, labels: {severity: page}}
      - {alert: Wrong, expr: broken + on (nothing) group_left broken}
"""


def test_rules_are_tried_on_history(tmp_path: Path, start_server: StartServer) -> None:
    """Broken for a minute in every ten, and once for ten minutes."""
    server = start_server(tmp_path / "data", CONFIG + DUTY)
    end_ms = int(datetime.now(UTC).timestamp()) * 1000 - 60_000
    start_ms = end_ms - 7_200_000
    lines = [
        f'broken{{job="{job}"}} {int((at // 60) % 10 == 3 or 60 <= at // 60 < 70)} {start_ms + at * 1000}'
        for at in range(0, 7_200, 15)
        for job in ("a", "b")
    ]
    assert server.client.post("/api/v1/import/prometheus", content="\n".join(lines) + "\n").status_code < 300
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    span = ["--since", datetime.fromtimestamp(start_ms / 1000, UTC).isoformat()]
    span += ["--until", datetime.fromtimestamp(end_ms / 1000, UTC).isoformat()]
    found = json.loads(run(server, "alerts", "replay", str(rules), *span, "--output", "json"))
    by_name = {rule["name"]: rule for rule in found["rules"]}
    assert by_name["Broken"]["alerts"] == 2 * 12
    assert by_name["Broken"]["short"] == 2 * 11
    assert by_name["Broken"]["noise"] > by_name["BrokenJob"]["noise"] == 0
    assert by_name["BrokenJob"]["alerts"] == 2
    assert {(each["receiver"], each["channel"]) for each in found["notices"]} == {
        ("team", "webhook"),
        ("pager", "webhook"),
    }
    # One incident of seven minutes: its second round would begin after ten.
    assert found["people"] == [{"person": "zhang", "count": 1}]
    assert found["incidents"]["P1"] == 1
    assert list(found["failures"]) == ["Wrong"]
    assert server.query('ALERTS{alertname=~"Broken.*|Wrong"}') == []  # Nothing was written.
    assert server.client.get("/api/v2/alerts").json() == []

    said = run(server, "alerts", "replay", str(rules), *span)
    assert "rule Wrong failed: " in said
    assert "Broken " in said
    assert "  1\tzhang, if nobody had answered\n" in said
    rules.write_text(RULES.replace("30s", "1ms"))
    assert "evaluations of rules are more than" in run(server, "alerts", "replay", str(rules), *span, code=2)
    rules.write_text(RULES.replace("broken == 1", "broken =="))
    assert "could not parse expression" in run(server, "alerts", "replay", str(rules), *span, code=2)
