"""Alertmanager's API: the real amtool, a real Prometheus that sends here, and Alertmanager's own API scenarios."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from accept.receiver import Receiver
from accept.server import Server, StartServer

pytestmark = [
    pytest.mark.accept,
    pytest.mark.skipif(
        not all(shutil.which(name) for name in ("amtool", "prometheus")),
        reason="needs Debian's prometheus and prometheus-alertmanager",
    ),
]

CONFIG = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - {matchers: [severity="page"], receiver: pager}
receivers:
  - name: team
    webhook_configs: [{url: 'URL'}]
  - name: pager
    dingtalk_configs: [{access_token: secret-token}]
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [alertname]}
time_intervals:
  - {name: day, time_intervals: [{trading: SSE}]}
"""


def moment(hours: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def server(tmp_path: Path, start_server: StartServer, receiver: Receiver) -> Server:
    return start_server(tmp_path / "data", CONFIG.replace("URL", receiver.url), "--no-auth")


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, start_module_server: StartServer) -> Server:
    """A server for requests that it refuses."""
    url = "http://127.0.0.1:9/nobody"
    return start_module_server(tmp_path_factory.mktemp("lasting") / "data", CONFIG.replace("URL", url), "--no-auth")


def amtool(server: Server, *words: str, code: int = 0) -> str:
    command = ["amtool", f"--alertmanager.url={server.url}", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def post(server: Server, *alerts: dict[str, Any]) -> httpx.Response:
    return server.client.post("/api/v2/alerts", json=list(alerts))


def statuses(server: Server, **params: Any) -> dict[str, dict[str, Any]]:
    """By severity (or name) of each alert: its status."""
    found = server.client.get("/api/v2/alerts", params=params).json()
    return {each["labels"].get("severity", each["labels"].get("alertname", "")): each["status"] for each in found}


def test_amtool_adds_and_finds_alerts(server: Server, receiver: Receiver) -> None:
    amtool(server, "alert", "add", "DiskFull", "severity=warning", "host=db 1", "--annotation=summary=so full")
    assert "DiskFull" in amtool(server, "alert", "query")
    (found,) = json.loads(amtool(server, "alert", "query", "-o", "json", "host=~db.*"))
    assert found["labels"] == {"alertname": "DiskFull", "severity": "warning", "host": "db 1"}
    assert found["annotations"] == {"summary": "so full"}
    assert json.loads(amtool(server, "alert", "query", "-o", "json", "host=other")) == []
    (notice,) = receiver.wait_for(1)
    assert notice["alerts"][0]["labels"]["alertname"] == "DiskFull"


def test_amtool_makes_imports_changes_and_ends_silences(server: Server, tmp_path: Path) -> None:
    made = amtool(server, "silence", "add", "alertname=DiskFull", "host=~db.*", "-d", "1h", "-a", "li", "-c", "deploy")
    (silence,) = json.loads(amtool(server, "silence", "query", "-o", "json"))
    assert silence["id"] == made.strip()
    assert silence["createdBy"] == "li"
    assert {each["name"]: (each["isRegex"], each["isEqual"]) for each in silence["matchers"]} == {
        "alertname": (False, True),
        "host": (True, True),
    }
    amtool(server, "alert", "add", "DiskFull", "host=db1", "severity=warning")
    assert statuses(server)["warning"]["silencedBy"] == [silence["id"]]
    assert "DiskFull" not in amtool(server, "alert", "query")

    amtool(server, "silence", "update", "-d", "2h", silence["id"])
    assert len(json.loads(amtool(server, "silence", "query", "-o", "json"))) == 1
    amtool(server, "silence", "expire", silence["id"])
    assert json.loads(amtool(server, "silence", "query", "-o", "json")) == []
    assert "already expired" in amtool(server, "silence", "expire", silence["id"], code=1)

    exported = tmp_path / "silences.json"
    silence.pop("id")
    exported.write_text(json.dumps([silence]))
    amtool(server, "silence", "import", str(exported))
    assert len(json.loads(amtool(server, "silence", "query", "-o", "json"))) == 1


def test_amtool_reads_configuration_routes_and_cluster(server: Server) -> None:
    shown = amtool(server, "config", "show")
    assert "secret-token" not in shown
    assert "group_wait: 1s" in shown
    assert 'severity="page"' in amtool(server, "config", "routes", "show")
    assert amtool(server, "config", "routes", "test", "severity=page").strip() == "pager"
    assert amtool(server, "config", "routes", "test", "severity=info").strip() == "team"
    assert "disabled" in amtool(server, "cluster", "show")


def test_a_real_prometheus_sends_its_alerts_here(
    server: Server, receiver: Receiver, tmp_path: Path, start_process: StartProcess
) -> None:
    (tmp_path / "rules.yml").write_text(
        "groups: [{name: g, interval: 1s, rules: "
        "[{alert: Always, expr: vector(7), annotations: {seen: '{{ $value }}'}}]}]"
    )
    (tmp_path / "prometheus.yml").write_text(
        "global: {evaluation_interval: 1s, external_labels: {site: gz}}\n"
        "rule_files: [rules.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{server.url.removeprefix('http://')}']}}]}}]}}\n"
    )
    port = free_port()
    process = start_process(
        [
            "prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}", "--rules.alert.resend-delay=1s",
        ]
    )  # fmt: skip
    wait_for(f"http://127.0.0.1:{port}/-/ready", process, status=200)
    (notice,) = receiver.wait_for(1)
    (alert,) = notice["alerts"]
    assert alert["labels"] == {"alertname": "Always", "site": "gz"}
    assert alert["annotations"] == {"seen": "7"}
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    errors = [line for line in metrics.splitlines() if line.startswith("prometheus_notifications_errors_total{")]
    assert [float(line.rsplit(" ", 1)[1]) for line in errors] == [0.0]


def test_the_status_of_alerts_is_current(server: Server) -> None:
    """Alertmanager's AlertGetReturnsCurrentAlertStatus."""
    post(server, {"labels": {"alertname": "test1", "severity": "warning"}})
    assert statuses(server)["warning"]["state"] == "active"
    time.sleep(1.5)
    wanted = {
        "matchers": [{"name": "alertname", "value": "test1", "isRegex": False}],
        "startsAt": moment(),
        "endsAt": moment(1),
        "createdBy": "me",
        "comment": "so",
    }
    silence_id = server.client.post("/api/v2/silences", json=wanted).json()["silenceID"]
    assert (statuses(server)["warning"]["state"], statuses(server)["warning"]["silencedBy"]) == (
        "suppressed",
        [silence_id],
    )
    post(server, {"labels": {"alertname": "test1", "severity": "critical"}})
    found = server.client.get("/api/v2/alerts").json()
    critical = next(each["fingerprint"] for each in found if each["labels"]["severity"] == "critical")
    both = statuses(server)
    assert [both[name]["silencedBy"] for name in ("warning", "critical")] == [[silence_id], [silence_id]]
    assert both["warning"]["inhibitedBy"] == [critical]
    assert server.client.delete(f"/api/v2/silence/{silence_id}").status_code == 200
    both = statuses(server)
    assert [both[name]["silencedBy"] for name in ("warning", "critical")] == [[], []]
    assert [both[name]["state"] for name in ("warning", "critical")] == ["suppressed", "active"]
    assert set(statuses(server, active="false")) == {"warning"}
    assert set(statuses(server, inhibited="false")) == {"critical"}


def test_filters_and_labels_of_any_language(server: Server) -> None:
    """Alertmanager's FilterAlertRequest, AddUTF8Alerts and AddUTF8Silences."""
    post(
        server,
        {"labels": {"alertname": "test1", "severity": "warning"}},
        {"labels": {"system": "foo", "severity": "critical"}},
    )
    assert set(statuses(server, filter=["alertname=test1", "severity=warning"])) == {"warning"}
    labels = {"a": "a", "00": "b", "Σ": "c", "🙂": "dΘ", "alertname": "utf8"}
    assert post(server, {"labels": labels}).status_code == 200
    filters = {"filter": ["00=b", "Σ=c", '"\\xf0\\x9f\\x99\\x82"=dΘ']}
    for path in ("/api/v2/alerts", "/api/v2/alerts/groups"):
        found = server.client.get(path, params=filters).json()
        assert len(found) == 1
        assert (found[0] if path.endswith("alerts") else found[0]["alerts"][0])["labels"] == labels
    wanted = {
        "matchers": [{"name": "fooΣ", "value": "bar🙂", "isRegex": False}],
        "startsAt": moment(), "endsAt": moment(1), "createdBy": "", "comment": "",
    }  # fmt: skip
    server.client.post("/api/v2/silences", json=wanted)
    (silence,) = server.client.get("/api/v2/silences", params={"filter": "fooΣ=bar🙂"}).json()
    assert silence["matchers"][0]["value"] == "bar🙂"
    assert [group["receiver"]["name"] for group in server.client.get("/api/v2/alerts/groups").json()] == ["team"] * 3
    assert {each["name"] for each in server.client.get("/api/v2/receivers").json()} == {"team", "pager"}


ODD = {"quote": 'a"b', "newline": "a\nb", "emoji": "🔥", "long": "x" * 10_000}


def test_labels_of_any_content_come_back_as_they_were(server: Server) -> None:
    assert post(server, {"labels": {"alertname": "odd", **ODD, "empty": ""}}).status_code == 200
    (found,) = server.client.get("/api/v2/alerts").json()
    assert found["labels"] == {"alertname": "odd", **ODD}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("{", 400, "parsing alerts body"),
        ("{}", 422, "type array"),
        ('[{"annotations": {}}]', 422, "0.labels in body is required"),
        ('[{"labels": {"a": 1}}]', 422, "type string"),
        ('[{"labels": {"a": ""}}]', 400, "at least one label pair required"),
        (
            '[{"labels": {"a": "b"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}]',
            400,
            "start time must be before end time",
        ),
        ('[{"labels": {"a": "b"}, "startsAt": "yesterday"}]', 422, "date-time"),
    ],
)
def test_alerts_that_cannot_be(lasting: Server, body: str, status: int, words: str) -> None:
    answer = lasting.client.post("/api/v2/alerts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert words in answer.text


def test_one_bad_alert_spoils_no_other(server: Server) -> None:
    answer = post(server, {"labels": {"alertname": "good"}}, {"labels": {"x": ""}})
    assert answer.status_code == 400
    assert set(statuses(server)) == {"good"}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"endsAt": moment(-1), "startsAt": moment(-2)}, 400, "end time can't be in the past"),
        ({"endsAt": moment(1), "startsAt": moment(2)}, 400, "start time must be before end time"),
        ({"matchers": []}, 422, "at least 1 items"),
        ({"matchers": [{"name": "a", "value": ".*", "isRegex": True}]}, 400, "must not match the empty string"),
        ({"matchers": [{"name": "a", "value": "(", "isRegex": True}]}, 400, "invalid label matcher 0"),
        ({"createdBy": None}, 422, "createdBy in body is required"),
        ({"id": "b5d5ba0b-9b75-4a2b-8d58-1a1a1a1a1a1a"}, 404, "silence not found"),
    ],
)
def test_silences_that_cannot_be(lasting: Server, change: dict[str, Any], status: int, words: str) -> None:
    wanted = {
        "matchers": [{"name": "a", "value": "b", "isRegex": False}],
        "startsAt": moment(), "endsAt": moment(1), "createdBy": "me", "comment": "so", **change,
    }  # fmt: skip
    answer = lasting.client.post("/api/v2/silences", json=wanted)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert lasting.client.get("/api/v2/silence/none").status_code == 404
    assert lasting.client.delete("/api/v2/silence/none").status_code == 404
