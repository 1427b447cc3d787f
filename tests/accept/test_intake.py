"""Alerts that other programs report, from their messages to what fires here, over HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from accept.receiver import Receiver
from accept.server import FENGHUO, Server, StartServer, basic

pytestmark = pytest.mark.accept

CONFIG = """
intake:
  jenkins:
    title: 'Build of {{ .job }} failed'
    status: '{{ .result }}'
    resolved: [SUCCESS]
    id: '{{ .job }}'
    severity: '{{ .branch }}'
    severities: {main: critical}
    labels: {team: build}
    link: 'https://jenkins.example.com/{{ .job }}/{{ .number }}'
"""


def token_of(server: Server, name: str) -> str:
    command = [*FENGHUO, "token", "create", name, "--scope", "intake", "--data-dir", str(server.data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def firing(server: Server, source: str) -> list[dict[str, Any]]:
    answer = server.client.get("/api/v2/alerts", params={"filter": f"source={source}"})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def becomes(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, start_module_server: StartServer) -> Server:
    return start_module_server(tmp_path_factory.mktemp("intake") / "data", CONFIG)


def test_grafana_by_a_contact_point_with_basic_authentication(server: Server) -> None:
    auth = basic("grafana", token_of(server, "grafana"))
    alert = {
        "status": "firing",
        "labels": {"alertname": "Memory high", "severity": "critical", "zone": "sh-1"},
        "annotations": {"summary": "内存不足"},
        "startsAt": "2026-01-01T09:51:03.157+08:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://grafana.example.com/alerting/1",
        "fingerprint": "c6eadffa33fcdf37",
        "values": {"B": 94.5},
    }
    path = "/api/fenghuo/intake/grafana"
    with httpx.Client(base_url=server.url, headers=auth) as grafana:
        answer = grafana.post(path, json={"version": "1", "status": "firing", "alerts": [alert]})
        assert (answer.status_code, answer.json()) == (200, {"accepted": 1})
        (shown,) = firing(server, "grafana")
        assert shown["labels"] == {**alert["labels"], "source": "grafana"}  # type: ignore[dict-item]
        assert shown["annotations"] == {"summary": "内存不足", "values": "B=94.5"}
        assert shown["startsAt"] == "2026-01-01T01:51:03.157Z"
        over = {**alert, "status": "resolved", "endsAt": "2026-01-01T02:00:00Z"}
        assert grafana.post(path, json={"alerts": [over]}).status_code == 200
        assert firing(server, "grafana") == []


def test_zabbix_by_a_bearer_token(server: Server) -> None:
    auth = {"Authorization": f"Bearer {token_of(server, 'zabbix')}"}
    event = {
        "event_id": "48211", "event_value": "1", "event_name": "Disk space is low", "event_nseverity": "3",
        "event_tags": '[{"tag":"scope","value":"capacity"}]', "host": "db-1", "recovery_timestamp": "*UNKNOWN*",
    }  # fmt: skip
    with httpx.Client(base_url=server.url, headers=auth) as zabbix:
        path = "/api/fenghuo/intake/zabbix"
        assert zabbix.post(path, json=event).status_code == 200
        assert zabbix.post(path, json={**event, "event_nseverity": "5"}).status_code == 200
        (shown,) = firing(server, "zabbix")
        assert (shown["labels"]["severity"], shown["labels"]["instance"]) == ("disaster", "db-1")
        assert zabbix.post(path, json={**event, "event_value": "0"}).status_code == 200
        assert firing(server, "zabbix") == []


def test_aliyun_by_a_token_in_the_address_and_a_form(server: Server) -> None:
    form = {
        "alertName": "内存使用率", "alertState": "ALERT", "triggerLevel": "CRITICAL", "curValue": "97.39",
        "dimensions": "{userId=1200, instanceId=i-uf6}", "ruleId": "r1", "timestamp": "1767225600000",
    }  # fmt: skip
    path = f"/api/fenghuo/intake/aliyun?token={token_of(server, 'aliyun')}"
    with httpx.Client(base_url=server.url) as aliyun:
        assert aliyun.post(path, data=form).status_code == 200
        (shown,) = firing(server, "aliyun")
        assert (shown["labels"]["severity"], shown["labels"]["instance"]) == ("critical", "i-uf6")
        assert aliyun.post(path, data={**form, "alertState": "OK", "triggerLevel": "OK"}).status_code == 200
        assert firing(server, "aliyun") == []
        assert aliyun.post("/api/fenghuo/intake/aliyun?token=fh_wrong", data=form).status_code == 401


def test_a_webhook_with_fields_of_its_own(server: Server) -> None:
    build = {"job": "mall", "number": 7, "result": "FAILURE", "branch": "main"}
    path = "/api/fenghuo/intake/jenkins"
    assert server.client.post(path, json=build).status_code == 200
    (shown,) = firing(server, "jenkins")
    assert shown["labels"] == {
        "alertname": "Build of mall failed", "event_id": "mall", "severity": "critical", "source": "jenkins",
        "team": "build",
    }  # fmt: skip
    assert shown["generatorURL"] == "https://jenkins.example.com/mall/7"
    assert server.client.post(path, json={**build, "number": 8, "result": "SUCCESS"}).status_code == 200
    assert firing(server, "jenkins") == []


@pytest.mark.parametrize(
    ("name", "body", "status", "message"),
    [
        ("webhook", b"", 400, "the message is empty"),
        ("webhook", b"{", 400, "the message is not JSON"),
        ("webhook", b"[1]", 400, "0 alerts were taken; [0] has to be an object, got a number"),
        ("webhook", b'{"status": "firing"}', 400, "0 alerts were taken; title is missing"),
        ("webhook", b'[{"title": "Half"}, {"title": "x", "status": "?"}]', 400, "1 alerts were taken; [1].status '?'"),
        ("grafana", b'{"alerts": {}}', 400, "alerts has to be a list, got an object"),
        ("zabbix", b'{"event_value": "7"}', 400, "event_value '7' is neither 0 nor 1"),
        ("nagios", b"{}", 404, "there is no intake 'nagios'"),
        ("webhook", b"[" + b" " * 5_000_000 + b"]", 413, "longer than"),
        ("webhook", b'{"labels": ' + b"[" * 100_000, 400, "the message is not JSON"),
    ],
)
def test_what_is_wrong_is_answered_with_its_field(
    server: Server, name: str, body: bytes, status: int, message: str
) -> None:
    answer = server.client.post(f"/api/fenghuo/intake/{name}", content=body)
    assert answer.status_code == status, answer.text
    assert message in answer.json()["error"]["message"]
    assert answer.json()["error"]["remedy"]


def test_intakes_are_listed_and_need_a_role(server: Server) -> None:
    listed = {each["name"]: each["kind"] for each in server.client.get("/api/fenghuo/intake").json()}
    assert (listed["jenkins"], listed["grafana"]) == ("webhook", "grafana")
    assert httpx.post(f"{server.url}/api/fenghuo/intake/webhook", json={"title": "x"}).status_code == 401


def test_what_fires_is_ended_after_a_crash(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", "{}")
    path = "/api/fenghuo/intake/webhook"
    assert server.client.post(path, json={"title": "Disk", "id": "1", "severity": "warning"}).status_code == 200
    server.kill()
    server = start_server(tmp_path / "data", "{}")
    assert len(firing(server, "webhook")) == 1
    over = {"title": "Disk full", "id": "1", "status": "resolved"}
    assert server.client.post(path, json=over).status_code == 200
    assert firing(server, "webhook") == []


@pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="needs Debian's prometheus-alertmanager")
def test_a_real_alertmanager_passes_its_alerts_on(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    """From its API through its webhook and our routes to our receiver, and the end the same way."""
    with Receiver() as receiver:
        config = f"""
route: {{receiver: team, group_by: [alertname], group_wait: 100ms, group_interval: 500ms, repeat_interval: 1h}}
receivers: [{{name: team, webhook_configs: [{{url: '{receiver.url}'}}]}}]
intake: {{alertmanager: {{labels: {{site: 'sh {{{{ .labels.instance }}}}'}}}}}}
"""
        server = start_server(tmp_path / "data", config)
        port = free_port()
        settings = {
            "route": {"receiver": "fenghuo", "group_wait": "100ms", "group_interval": "500ms"},
            "receivers": [
                {
                    "name": "fenghuo",
                    "webhook_configs": [
                        {
                            "url": f"{server.url}/api/fenghuo/intake/alertmanager",
                            "http_config": {"basic_auth": {"username": "am", "password": token_of(server, "am")}},
                        }
                    ],
                }
            ],
        }
        (tmp_path / "alertmanager.yml").write_text(json.dumps(settings))
        other = start_process(
            [
                "prometheus-alertmanager", f"--config.file={tmp_path / 'alertmanager.yml'}",
                f"--storage.path={tmp_path / 'am'}", f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ]
        )  # fmt: skip
        wait_for(f"http://127.0.0.1:{port}/-/ready", other, status=200)

        def report(ends: datetime) -> None:
            labels = {"alertname": "Down", "instance": "db-1", "severity": "critical", "source": "theirs"}
            alert = {"labels": labels, "annotations": {"summary": "没了"}, "endsAt": ends.isoformat()}
            answer = httpx.post(f"http://127.0.0.1:{port}/api/v2/alerts", json=[alert])
            assert answer.status_code == 200, answer.text

        report(datetime.now(UTC) + timedelta(hours=1))
        (notice,) = receiver.wait_for(1)
        (told,) = notice["alerts"]
        assert told["labels"] == {
            "alertname": "Down", "instance": "db-1", "severity": "critical", "source": "alertmanager",
            "exported_source": "theirs", "site": "sh db-1",
        }  # fmt: skip
        assert told["annotations"]["summary"] == "没了"
        report(datetime.now(UTC))
        becomes(lambda: "resolved" in receiver.statuses())
        assert firing(server, "alertmanager") == []


@pytest.mark.skipif(shutil.which("zabbix_js") is None, reason="needs zabbix_js of Debian's zabbix-proxy-sqlite3")
def test_the_script_of_the_guide_runs_in_zabbix(server: Server, tmp_path: Path) -> None:
    """In Zabbix' own engine, as its server runs a media type of the type Webhook."""
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "intake.md").read_text()
    (tmp_path / "media.js").write_text(guide.partition("```js\n")[2].partition("```")[0])
    parameters = {
        "endpoint": f"{server.url}/api/fenghuo/intake/zabbix",
        "token": token_of(server, "zabbix-js"),
        "event_id": "7",
        "event_value": "1",
        "event_name": '磁盘 "/" 快满了',
        "event_nseverity": "4",
        "event_opdata": "{EVENT.OPDATA}",
    }

    def run(**changes: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "value.json").write_text(json.dumps({**parameters, **changes}))
        command = ["zabbix_js", "-s", str(tmp_path / "media.js"), "-i", str(tmp_path / "value.json")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = run()
    assert done.stdout.strip() == "OK", done.stderr
    (shown,) = firing(server, "zabbix")
    assert (shown["labels"]["alertname"], shown["labels"]["severity"]) == ('磁盘 "/" 快满了', "high")
    assert shown["annotations"] == {"summary": '磁盘 "/" 快满了'}
    refused = run(event_value="maybe")
    assert "Fenghuo answered 400" in refused.stdout + refused.stderr
    assert run(event_value="0").stdout.strip() == "OK"
    assert firing(server, "zabbix") == []
