"""Incidents as people meet them: a notice with a link, a page to answer on, commands, the time line, restarts."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from accept.receiver import Receiver
from accept.server import FENGHUO, Server, StartServer

pytestmark = pytest.mark.accept

CONFIG = """
route: {receiver: team, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1s}
receivers:
  - name: team
    webhook_configs:
      - url: '%(url)s'
        body: '{"id": "{{ .Incident.ID }}", "reason": "{{ .NotificationReason }}", "status": "{{ .Status }}",
          "priority": "{{ .Incident.Priority }}", "link": "{{ .Incident.AnswerURL }}"}'
  - name: phones
    webhook_configs: [{url: '%(url)s', body: '{"status": "phones"}'}]
priorities:
  severities: {dead: P0}
  P0: {receivers: [phones]}
"""


def incident(server: Server, *words: str, code: int = 0) -> str:
    command = [*FENGHUO, "incident", *words, "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def fire(server: Server, name: str, *, ends_s: float = 600, **labels: str) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=ends_s)).isoformat()
    starts = (datetime.now(UTC) - timedelta(seconds=60)).isoformat()
    alert = {"labels": {"alertname": name, **labels}, "startsAt": starts, "endsAt": ends}
    assert server.client.post("/api/v2/alerts", json=[alert]).status_code == 200


def kinds(server: Server, number: int) -> list[str]:
    timeline = server.client.get(f"/api/fenghuo/incidents/INC-{number}").json()["timeline"]
    return [event["kind"] for event in timeline]


def test_a_link_answers_once_and_a_look_changes_nothing(tmp_path: Path, start_server: StartServer) -> None:
    with Receiver() as receiver, httpx.Client() as anybody:
        server = start_server(tmp_path / "data", CONFIG % {"url": receiver.url})
        fire(server, "Down", severity="critical")
        notice = receiver.wait_for(1)[0]
        assert (notice["id"], notice["reason"], notice["priority"]) == ("INC-1", "first", "P1")
        link = notice["link"]
        for _ in range(2):
            looked = anybody.get(link)
            assert looked.status_code == 200
            assert looked.headers["cache-control"] == "no-store"
            assert "确认" in looked.text
            assert "Acknowledge" in looked.text
        assert server.client.get("/api/fenghuo/incidents/1").json()["state"] == "open"

        assert anybody.post(link, data={"action": "acknowledge", "name": " "}).status_code == 400
        assert anybody.post(link, data={"action": "explode", "name": "x"}).status_code == 400
        done = anybody.post(link, data={"action": "acknowledge", "name": "<b>张伟</b>"})
        assert done.status_code == 200
        assert "&lt;b&gt;张伟" in done.text
        again = anybody.post(link, data={"action": "resolve", "name": "Mallory"})
        assert again.status_code == 410
        forged = link[:-1] + ("A" if link[-1] != "A" else "B")
        assert anybody.post(forged, data={"action": "resolve", "name": "Mallory"}).status_code == 404
        found = server.client.get("/api/fenghuo/incidents/INC-1").json()
        assert (found["state"], found["acknowledged_by"]) == ("acknowledged", "<b>张伟</b>")
        assert [line["kind"] for line in found["timeline"]].count("link_refused") == 1
        assert {line["via"] for line in found["timeline"] if line["kind"] == "acknowledged"} == {"link"}
        assert server.client.get("/metrics").text.count("fenghuo_incident_links_refused_total{") == 2


def test_answered_by_command_it_is_quiet_and_survives_a_crash(tmp_path: Path, start_server: StartServer) -> None:
    with Receiver() as receiver:
        server = start_server(tmp_path / "data", CONFIG % {"url": receiver.url})
        fire(server, "Down", instance="a", severity="dead")
        receiver.wait_for(2)
        assert "phones" in receiver.statuses()
        assert "INC-1" in incident(server, "list")
        assert incident(server, "ack", "inc-1", "-m", "looking").startswith("INC-1\tP0\tacknowledged")
        incident(server, "assign", "1", "li")
        incident(server, "comment", "1", "换硬盘 | swap the disk")
        server.kill()

        server = start_server(tmp_path / "data", CONFIG % {"url": receiver.url})
        before = len(receiver.notices)
        fire(server, "Down", instance="b", severity="dead")
        receiver.wait_for(before + 2)
        joined = [notice for notice in receiver.notices[before:] if notice["status"] == "firing"]
        assert {notice["reason"] for notice in joined} == {"new_since_answered"}
        shown = incident(server, "show", "INC-1")
        assert re.search(r"acknowledged\s+command line \(api\)\s+looking", shown), shown
        assert "team through webhook: sent" in shown
        assert incident(server, "resolve", "1").startswith("INC-1\tP0\tresolved\tli")
        assert "is resolved" in incident(server, "ack", "1", code=2)
        document = incident(server, "postmortem", "1")
        assert "# INC-1: Down" in document
        assert "换硬盘 \\| swap the disk" in document
        incident(server, "postmortem", "1", "--link", "https://wiki.example.com/1")
        assert json.loads(incident(server, "list", "--output", "json")) == []
        (times,) = server.client.get("/api/fenghuo/incidents/statistics").json()
        assert (times["priority"], times["acknowledged"], times["resolved"]) == ("P0", 1, 1)
        assert kinds(server, 1)[0] == "opened"
        assert server.client.get("/api/fenghuo/incidents/INC-9").status_code == 404
        assert server.client.post("/api/fenghuo/incidents/9/acknowledge", json={}).status_code == 404
