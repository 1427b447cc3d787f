"""The program tells DingTalk's robot, and shows what could not be told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accept.receiver import Receiver
from accept.server import Server, StartServer

pytestmark = pytest.mark.accept

RULES = """
groups:
  - name: always
    interval: 1s
    rules:
      - alert: AlwaysOn
        expr: vector(42)
        labels: {severity: critical}
        annotations: {summary: 'The answer is {{ $value }}', summary_zh: '答案是 {{ $value }}'}
"""

CONFIG = """
packs: []
rule_files: [rules.yml]
route:
  receiver: duty
  group_by: [alertname]
  group_wait: 1s
  group_interval: 30s
receivers:
  - name: duty
    dingtalk_configs:
      - {{url: '{robot}', secret: SECxyz, at_mobiles: ['13800000000']}}
    webhook_configs:
      - {{url: '{webhook}'}}
"""


class Robot:
    """DingTalk's side: checks the signature, keeps the messages, answers with errcode."""

    def __init__(self, secret: str) -> None:
        self.messages: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                text = f"{query['timestamp']}\n{secret}".encode()
                right = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
                recent = abs(time.time() * 1000 - int(query["timestamp"])) < 3_600_000
                fine = query.get("access_token") == "tok" and query["sign"] == right and recent
                if fine:
                    outer.messages.append(body)
                answer = {"errcode": 0, "errmsg": "ok"} if fine else {"errcode": 310000, "errmsg": "sign not match"}
                data = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Requests are kept, not printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/robot/send?access_token=tok"


@pytest.fixture
def robot() -> Iterator[Robot]:
    made = Robot("SECxyz")
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def notifications(server: Server, channel: str, status: str) -> list[dict[str, Any]]:
    """The notices of one channel, once there is one with this status."""
    deadline_s = time.monotonic() + 30
    while True:
        found = server.client.get("/api/fenghuo/notifications").json()["notifications"]
        mine = [one for one in found if one["channel"] == channel]
        if any(one["status"] == status for one in mine):
            return mine
        assert time.monotonic() < deadline_s, f"{channel} {status} wanted, got {found}"
        time.sleep(0.1)


def test_the_robot_is_told_and_a_failing_webhook_is_visible(
    tmp_path: Path, start_server: StartServer, robot: Robot
) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    with Receiver(answer=lambda number: 403) as receiver:
        server = start_server(tmp_path / "data", CONFIG.format(robot=robot.url, webhook=receiver.url))
        (told,) = notifications(server, "dingtalk", "sent")
        (failed,) = notifications(server, "webhook", "failed")
    (message,) = robot.messages
    assert message["at"]["atMobiles"] == ["13800000000"]
    assert "AlwaysOn" in message["markdown"]["title"]
    assert "答案是 42" in message["markdown"]["text"]
    assert (told["receiver"], told["reason"], told["attempts"], told["error"]) == ("duty", "first", 1, "")
    assert failed["attempts"] == 1
    assert "HTTP 403" in failed["error"]
