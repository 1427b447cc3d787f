"""On-call duty as people use it: commands, API, calendar feeds, restarts."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import icalendar
import pytest

from accept.server import FENGHUO, Server, StartServer

pytestmark = pytest.mark.accept

CONFIG = """
people:
  zhang: {name: 张伟, contacts: [{kind: sms, to: '+8613800000000'}]}
  li: {}
  wang: {}
schedules:
  primary:
    layers:
      - {people: [zhang, li], rotation: weekly, start: 2026-01-05, handoff: '10:00'}
  office:
    layers:
      - people: [wang]
        start: 2026-01-05
        during: [{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '18:00'}]}]
"""


def oncall(server: Server, *words: str, code: int = 0) -> str:
    command = [*FENGHUO, "oncall", *words, "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_duty_is_seen_taken_over_and_given_back(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", CONFIG)
    assert oncall(server, "who", "primary", "--at", "2026-11-18T12:00+08:00") == "primary\tli\n"
    assert "office\tnobody" in oncall(server, "who", "--at", "2026-11-21T12:00+08:00", code=1)
    assert "primary\t" in oncall(server, "next")

    begin = datetime.now().astimezone() + timedelta(days=1)
    made = json.loads(
        oncall(server, "override", "primary", "wang", "--from", begin.isoformat(), "--until", "2h", "--output", "json")
    )
    middle = (begin + timedelta(hours=1)).isoformat()
    assert oncall(server, "who", "primary", "--at", middle) == "primary\twang (override)\n"
    assert "wang" in oncall(server, "schedule", "primary", "--days", "3")

    assert server.stop() == 0
    server = start_server(tmp_path / "data", CONFIG)
    assert oncall(server, "who", "primary", "--at", middle) == "primary\twang (override)\n"
    oncall(server, "overrides", "--cancel", str(made[0]["id"]))
    assert "wang" not in oncall(server, "who", "primary", "--at", middle)
    assert "did you mean 'wang'" in oncall(server, "override", "primary", "wnag", code=2)


def test_shifts_are_swapped_as_a_whole(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", CONFIG)
    now = datetime.now().astimezone()
    first = json.loads(oncall(server, "who", "primary", "--output", "json"))[0]["person"]
    oncall(server, "swap", "primary", now.isoformat(), (now + timedelta(days=7)).isoformat())
    assert json.loads(oncall(server, "who", "primary", "--output", "json"))[0]["person"] != first


def test_a_feed_is_read_by_its_secret_path_alone(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", CONFIG)
    address = oncall(server, "feed", "--schedule", "primary").strip()
    answer = httpx.get(address)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    people = {str(event["SUMMARY"]) for event in icalendar.Calendar.from_ical(answer.text).walk("VEVENT")}
    assert people == {"zhang · primary", "li · primary"}
    assert httpx.get(address.replace("/primary.ics", "/office.ics")).status_code == 404
    mine = httpx.get(oncall(server, "feed", "--person", "wang").strip())
    assert {str(event["SUMMARY"]) for event in icalendar.Calendar.from_ical(mine.text).walk("VEVENT")} == {
        "wang · office"
    }
    assert httpx.get(f"{server.url}/api/fenghuo/oncall/schedules").status_code == 401
    people = server.client.get("/api/fenghuo/oncall/people").json()
    assert people[0] == {"key": "zhang", "name": "张伟", "contacts": ["sms"]}
