"""Nobody answers: people are told one after another, also when the server is killed in between."""

from __future__ import annotations

import email
import email.policy
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from accept.processes import free_port
from accept.receiver import Receiver
from accept.server import FENGHUO, Server, StartServer
from accept.test_incidents import fire

pytestmark = pytest.mark.accept

CONFIG = """
packs: []
route: {receiver: team, group_by: [alertname], group_wait: 100ms, group_interval: 1s}
receivers:
  - name: team
    webhook_configs: [{url: '%(team)s'}]
  - name: boss
    webhook_configs: [{url: '%(boss)s', body: '{"reason": "{{ .NotificationReason }}", "id": "{{ .Incident.ID }}"}'}]
  - name: robot
    dingtalk_configs: [{url: '%(robot)s'}]
  - name: mail
    email_configs: [{to: all@x.test, from: f@x.test, smarthost: '127.0.0.1:%(smtp)d', require_tls: false}]
people:
  zhang:
    name: 张伟
    language: zh
    contacts: [{kind: dingtalk, to: '13800000000'}, {kind: email, to: zhang@x.test}]
schedules:
  primary: {layers: [{people: [zhang], start: 2020-01-01}]}
priorities:
  P1: {escalation: night}
escalations:
  night:
    steps:
      - {after: 1s, targets: ['person:zhang']}
      - {after: 12s, targets: ['receiver:boss']}
      - {after: 1h, targets: ['schedule:primary']}
"""


class Mailbox:
    """A mail server that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = mail.get_body(("plain",))
        self.mails.append((envelope.rcpt_tos, "" if body is None else body.get_content()))
        return "250 OK"


@pytest.fixture
def smtp() -> Iterator[tuple[Mailbox, int]]:
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield mailbox, port
    controller.stop()


def until(true: Callable[[], bool], what: str, timeout_s: float = 40.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def command(server: Server, *words: str) -> str:
    done = subprocess.run(
        [*FENGHUO, "incident", *words, "--data-dir", str(server.data_dir)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def timeline(server: Server) -> Any:
    return server.client.get("/api/fenghuo/incidents/INC-1").json()["timeline"]


def escalation(server: Server) -> Any:
    return server.client.get("/api/fenghuo/incidents/INC-1").json()["escalation"]


def test_escalation_goes_on_after_a_crash_until_somebody_answers(
    tmp_path: Path, start_server: StartServer, smtp: tuple[Mailbox, int]
) -> None:
    mailbox, port = smtp
    with Receiver() as team, Receiver() as boss, Receiver(lambda number: 403) as robot:
        config = CONFIG % {"team": team.url, "boss": boss.url, "robot": robot.url, "smtp": port}
        server = start_server(tmp_path / "data", config)
        fire(server, "Down", severity="critical")
        until(lambda: len(mailbox.mails) == 1, "the first step reaches the second contact")
        first_s = time.monotonic()
        until(lambda: escalation(server)["step"] == 2, "the step is marked")
        body = mailbox.mails[0][1]
        assert "确认" in body
        assert "Acknowledge" not in body, "the mail is in the person's language"
        assert robot.requests == 1
        assert not boss.notices
        server.kill()

        server = start_server(tmp_path / "data", config)
        boss.wait_for(1)
        assert time.monotonic() - first_s >= 11
        assert boss.notices == [{"reason": "escalation", "id": "INC-1"}]
        until(lambda: escalation(server)["step"] == 3, "the second step is marked")
        assert [to for to, _ in mailbox.mails] == [["zhang@x.test"]], "nobody is told again because of a crash"

        command(server, "escalate", "INC-1", "-m", "boss is asleep")
        until(lambda: len(mailbox.mails) == 2, "the third step was asked for")
        link = re.search(r"http://\S+/a/[\w.-]+", mailbox.mails[1][1])
        assert link is not None, mailbox.mails[1][1]
        page = httpx.post(link[0], data={"action": "acknowledge"})
        assert page.status_code == 200
        found = server.client.get("/api/fenghuo/incidents/INC-1").json()
        assert (found["state"], found["acknowledged_by"], found["escalation"]["state"]) == (
            "acknowledged", "张伟", "stopped",
        )  # fmt: skip
        shown = command(server, "show", "INC-1")
        for line in (
            "escalation night: stopped, step 3 of 3",
            "night: step 1 of 3: person:zhang",
            "张伟 by email",
            "receiver:boss by webhook",
            "the next step is asked for: boss is asleep",
            "person:zhang through email: sent",
        ):
            assert line in shown, shown
        assert re.search(r"not_reached .*张伟 by dingtalk: .*403", shown), shown
        delivered = server.client.get("/api/fenghuo/notifications").json()["notifications"]
        told = {(each["receiver"], each["channel"], each["reason"], bool(each["error"])) for each in delivered}
        assert ("person:zhang", "email", "escalation", False) in told
        assert ("person:zhang", "dingtalk", "escalation", True) in told
        metrics = server.client.get("/metrics").text
        assert 'fenghuo_escalation_steps_total{outcome="reached"} 2.0' in metrics, "since the crash"
        assert "fenghuo_escalations_missed 0.0" in metrics


IN_FLIGHT = """
packs: []
route: {receiver: team, group_by: [alertname], group_wait: 100ms, group_interval: 1s}
receivers:
  - name: team
    webhook_configs: [{url: '%(team)s'}]
  - name: slow
    webhook_configs: [{url: '%(slow)s'}]
  - name: boss
    webhook_configs: [{url: '%(boss)s'}]
priorities:
  P1: {escalation: night}
escalations:
  night:
    steps:
      - {after: 0s, targets: ['receiver:slow']}
      - {after: 4s, targets: ['receiver:boss']}
"""


def test_a_step_under_way_at_a_crash_is_taken_again_and_no_other_is(tmp_path: Path, start_server: StartServer) -> None:
    asked = threading.Semaphore(0)
    let_go = threading.Event()

    def answer(number: int) -> int:
        asked.release()
        if number == 0:
            let_go.wait(30)
        return 200

    with Receiver() as team, Receiver() as boss, Receiver(answer) as slow:
        config = IN_FLIGHT % {"team": team.url, "boss": boss.url, "slow": slow.url}
        server = start_server(tmp_path / "data", config)
        fire(server, "Down", severity="critical")
        assert asked.acquire(timeout=30)
        assert escalation(server)["state"] == "acting"
        server.kill()
        let_go.set()

        server = start_server(tmp_path / "data", config)
        boss.wait_for(1)
        until(lambda: escalation(server)["state"] == "over", "every step was taken")
        assert slow.requests == 2
        assert boss.requests == 1
        states = [each["text"] for each in timeline(server) if each["kind"] == "notice" and "slow" in each["text"]]
        assert sorted(states) == ["slow through webhook: interrupted", "slow through webhook: sent"]
