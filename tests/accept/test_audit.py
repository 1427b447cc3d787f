"""Who did what is on time lines and in the audit trail, also by token, by link and by signal."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.receiver import Receiver
from accept.server import Server, StartServer

pytestmark = pytest.mark.accept

CONFIG = """
route: {receiver: team, group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: team, webhook_configs: [{url: '%s', body: '{"status": "x", "link": "{{ .Incident.AnswerURL }}"}'}]}]
people: {zhang: {}, li: {}}
schedules: {db: {layers: [{people: [zhang], rotation: weekly, start: 2026-01-05}]}}
"""


def trail(server: Server, action: str, count: int) -> list[dict[str, Any]]:
    """The entries about an action, oldest first, once there are so many: the trail is written in the background."""
    deadline_s = time.monotonic() + 20
    while True:
        found = server.client.get("/api/fenghuo/audit", params={"action": action}).json()
        if len(found) >= count:
            return list(reversed(found))
        assert time.monotonic() < deadline_s, found
        time.sleep(0.05)


def fire(server: Server) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    alert = {"labels": {"alertname": "Down", "severity": "critical"}, "endsAt": ends}
    assert server.client.post("/api/v2/alerts", json=[alert]).status_code == 200


def test_answers_are_told_by_whom_and_how(tmp_path: Path, start_server: StartServer) -> None:
    with Receiver() as receiver, httpx.Client() as anybody:
        server = start_server(tmp_path / "data", CONFIG % receiver.url)
        fire(server)
        link = receiver.wait_for(1)[0]["link"]
        made = server.client.post("/api/fenghuo/tokens", json={"name": "runbook", "role": "operator"}).json()
        by_token = {"Authorization": f"Bearer {made['token']}"}
        comment = {"text": "restarted by the runbook"}
        path = "/api/fenghuo/incidents/INC-1"
        assert anybody.post(f"{server.url}{path}/comment", json=comment, headers=by_token).status_code == 200
        assert anybody.post(link, data={"action": "acknowledge", "name": "张伟"}).status_code == 200
        assert anybody.post(link, data={"action": "resolve", "name": "Mallory"}).status_code == 410
        forged = link[:-1] + ("A" if link[-1] != "A" else "B")
        assert anybody.get(forged).status_code == 404
        assert anybody.post(forged, data={"action": "resolve", "name": "Mallory"}).status_code == 404

        answers = [
            (each["actor"], each["via"], each["subject"], each["detail"])
            for each in trail(server, "incident.answer", 4)
        ]
        assert answers == [
            ("张伟", "link", "INC-1", {"status": 200, "answer": "acknowledge"}),
            ("", "link", "INC-1", {"status": 410, "link": "used"}),
            ("", "", "", {"status": 404, "link": "forged"}),
            ("", "", "", {"status": 404, "link": "forged"}),
        ]
        (commented,) = trail(server, "incident.comment", 1)
        assert (commented["actor"], commented["via"], commented["subject"]) == ("runbook", "token", "INC-1")
        timeline = server.client.get(path).json()["timeline"]
        assert ("runbook", "token") in [(each["actor"], each["via"]) for each in timeline]
        assert link.rpartition("/")[2] not in server.client.get("/api/fenghuo/audit").text


def test_what_else_is_told(tmp_path: Path, start_server: StartServer) -> None:
    with Receiver() as receiver:
        server = start_server(tmp_path / "data", CONFIG % receiver.url)
        now_ms = round(time.time() * 1000)
        override = {"schedule": "db", "person": "li", "start_ms": now_ms, "end_ms": now_ms + 3_600_000}
        made = server.client.post("/api/fenghuo/oncall/overrides", json=override)
        assert made.status_code == 201, made.text
        assert server.client.delete(f"/api/fenghuo/oncall/overrides/{made.json()['id']}").status_code == 204
        assert server.client.post("/api/fenghuo/notify/test", json={"receiver": "team"}).status_code == 200
        deleted = server.client.post("/api/v1/admin/tsdb/delete_series", params={"match[]": "nobody"})
        assert deleted.status_code == 204
        server.process.send_signal(signal.SIGHUP)

        changed, cancelled = trail(server, "oncall", 2)
        assert (changed["action"], changed["subject"], changed["detail"]["person"]) == ("oncall.override", "db", "li")
        assert (cancelled["action"], cancelled["subject"]) == ("oncall.cancel", str(made.json()["id"]))
        assert trail(server, "notify", 1)[0]["subject"] == "team"
        begun, done = trail(server, "metrics", 2)
        assert begun["detail"] == {"outcome": "begun"}
        assert (done["detail"]["status"], done["detail"]["selectors"]) == (204, ["nobody"])
        (reloaded,) = trail(server, "config", 1)
        assert (reloaded["actor"], reloaded["detail"]) == ("SIGHUP", {"outcome": "done"})
