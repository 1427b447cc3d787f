"""A rule fires: robot and mailbox get the value, the threshold, buttons that answer, and a plot."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from accept.processes import free_port
from accept.server import FENGHUO, Server, StartServer

pytestmark = pytest.mark.accept

RULES = """
groups:
  - name: always
    interval: 1s
    rules:
      - alert: AlwaysOn
        expr: vector(42) > 5 * 8
        labels: {severity: critical}
        annotations: {summary: 'The answer', summary_zh: '答案'}
"""
CONFIG = """
packs: []
rule_files: [rules.yml]
language: zh
global: {{smtp_smarthost: '127.0.0.1:{mail}', smtp_from: fenghuo@example.org, smtp_require_tls: false}}
route: {{receiver: duty, group_by: [alertname], group_wait: 1s, group_interval: 30s}}
receivers:
  - name: duty
    dingtalk_configs: [{{url: '{robot}'}}]
    email_configs: [{{to: duty@example.org}}]
"""


class Mailbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, controller.port
    controller.stop()


@contextlib.contextmanager
def chat() -> Iterator[tuple[list[dict[str, Any]], str]]:
    """A robot that takes everything: its messages and its webhook."""
    messages: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            data = b'{"errcode": 0}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Requests are kept, not printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield messages, f"http://127.0.0.1:{server.server_port}/robot"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(holds: Callable[[], object], server: Server) -> None:
    deadline_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline_s, server.output
        time.sleep(0.1)


def test_a_rule_that_fires_is_told_with_all_that_there_is_to_know(
    tmp_path: Path, start_server: StartServer, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    (tmp_path / "rules.yml").write_text(RULES)
    with chat() as (messages, robot):
        server = start_server(tmp_path / "data", CONFIG.format(robot=robot, mail=port))
        until(lambda: messages and box.mails, server)
        card = messages[0]["actionCard"]
        assert card["title"].startswith("🟠 P1 严重 · AlwaysOn · INC-")
        assert "- 当前值: 42 (阈值 > 40)" in card["text"]
        answers = {button["title"].split()[0]: button["actionURL"] for button in card["btns"]}
        assert list(answers) == ["确认", "推迟", "打开烽火"]
        assert_mail(box.mails[0])

        page = httpx.get(answers["推迟"])
        assert page.status_code == 200
        assert page.text.index('value="snooze30"') < page.text.index('value="acknowledge"')
        assert server.client.get("/api/fenghuo/incidents/1").json()["state"] == "open", "a look changes nothing"
        assert httpx.post(answers["确认"], data={"action": "acknowledge", "name": "zhang"}).status_code == 200
        assert server.client.get("/api/fenghuo/incidents/1").json()["acknowledged_by"] == "zhang"


def assert_mail(mail: Any) -> None:
    text, related = mail.get_payload()
    html, picture = related.get_payload()
    assert "当前值: 42 (阈值 > 40)" in text.get_content()
    assert "?do=acknowledge" in html.get_content()
    assert 'src="cid:plot1@fenghuo"' in html.get_content()
    assert (picture.get_content_type(), picture["Content-ID"]) == ("image/png", "<plot1@fenghuo>")
    assert picture.get_content().startswith(b"\x89PNG")


def notify(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*FENGHUO, "notify", *arguments, "--data-dir", str(server.data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_receiver_is_tried_out_by_command(
    tmp_path: Path, start_server: StartServer, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    (tmp_path / "rules.yml").write_text("groups: []")
    with chat() as (messages, robot):
        server = start_server(tmp_path / "data", CONFIG.format(robot=robot, mail=port))
        shown = notify(server, "preview", "duty", "--label", "severity=p0", "--language", "en")
        assert shown.returncode == 0, shown.stderr
        assert "🔴 P0 emergency · FenghuoTest" in shown.stdout
        assert "Acknowledge INC-0" in shown.stdout
        assert (messages, box.mails) == ([], []), "a preview sends nothing"

        sent = notify(server, "test", "duty", "--resolved")
        assert (sent.returncode, sent.stdout.split()) == (0, ["dingtalk[0]", "sent", "email[0]", "sent"])
        assert messages[0]["actionCard"]["title"] == "✅ 已恢复 · FenghuoTest · test · INC-0"
        assert "cid:plot1@fenghuo" in box.mails[0].as_string()

        refused = notify(server, "test", "nobody")
        assert refused.returncode != 0
        assert "duty" in refused.stdout + refused.stderr
