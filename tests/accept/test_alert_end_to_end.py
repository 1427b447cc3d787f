"""The main job: a real host metric crosses a line, a person is told once, and told once when it is over."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accept.receiver import Receiver
from accept.server import Server, StartServer

pytestmark = pytest.mark.accept

SOCKETS = 300

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
packs: []
route:
  receiver: duty
  group_by: [alertname, job]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 1h
receivers:
  - name: duty
    webhook_configs: [{{url: '{url}'}}]
"""

RULES = """
groups:
  - name: host
    rules:
      - alert: TooManySockets
        expr: node_sockstat_TCP_inuse > {limit}
        for: 3s
        labels: {{severity: warning}}
        annotations: {{summary: '{{{{ $value }}}} sockets on {{{{ $labels.instance }}}}'}}
"""


@contextlib.contextmanager
def many_sockets() -> Iterator[None]:
    """Listening sockets: the host's own count of TCP sockets goes up by as many."""
    with contextlib.ExitStack() as stack:
        for _ in range(SOCKETS):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
        yield


def sockets_in_use() -> int:
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        words = line.split()
        if words[0] == "TCP:":
            return int(words[words.index("inuse") + 1])
    raise AssertionError("no TCP line in /proc/net/sockstat")


def write_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES.format(limit=sockets_in_use() + SOCKETS // 2))


def test_an_alert_fires_is_told_and_resolves(tmp_path: Path, start_server: StartServer) -> None:
    write_rules(tmp_path)
    with Receiver() as receiver:
        server = start_server(tmp_path / "data", CONFIG.format(url=receiver.url))
        server.value("node_sockstat_TCP_inuse")
        with many_sockets():
            crossed_s = time.time()
            firing = receiver.wait_for(1)[0]
            told_s = time.time()
            states = server.client.get("/api/v1/alerts").json()["data"]["alerts"]
        resolved = receiver.wait_for(2)[1]
        time.sleep(4)

    assert receiver.statuses() == ["firing", "resolved"]
    assert told_s - crossed_s > 3, "the alert did not wait its `for`"
    alert = firing["alerts"][0]
    assert firing["version"] == "4"
    assert firing["receiver"] == "duty"
    assert firing["groupKey"] == '{}:{alertname="TooManySockets", job="node"}'
    assert firing["groupLabels"] == {"alertname": "TooManySockets", "job": "node"}
    assert alert["status"] == "firing"
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    assert alert["labels"]["severity"] == "warning"
    assert f"sockets on {alert['labels']['instance']}" in alert["annotations"]["summary"]
    assert "/graph?g0.expr=node_sockstat_TCP_inuse" in alert["generatorURL"]
    assert [state["state"] for state in states] == ["firing"]
    assert resolved["alerts"][0]["fingerprint"] == alert["fingerprint"]
    assert resolved["alerts"][0]["startsAt"] == alert["startsAt"]
    assert resolved["alerts"][0]["endsAt"] > alert["startsAt"]
    assert server.stop() == 0


def wait_until_marked(server: Server) -> None:
    """Until the server has written down that its notice arrived; killed before, it rightly sends it again."""
    deadline_s = time.monotonic() + 10
    while True:
        notices = server.client.get("/api/fenghuo/notifications").json()["notifications"]
        if notices and notices[0]["status"] == "sent":
            return
        assert time.monotonic() < deadline_s, notices
        time.sleep(0.02)


@pytest.mark.parametrize("over", ["while it was dead", "after it came back"])
def test_a_killed_server_tells_once_and_resolves_once(tmp_path: Path, start_server: StartServer, over: str) -> None:
    write_rules(tmp_path)
    with Receiver() as receiver:
        config = CONFIG.format(url=receiver.url)
        server = start_server(tmp_path / "data", config)
        server.value("node_sockstat_TCP_inuse")
        with many_sockets():
            receiver.wait_for(1)
            wait_until_marked(server)
            server.kill()
            if over == "after it came back":
                server = start_server(tmp_path / "data", config)
                time.sleep(6)
                assert receiver.statuses() == ["firing"]
        if over == "while it was dead":
            server = start_server(tmp_path / "data", config)
        resolved = receiver.wait_for(2, timeout_s=60)[1]
        time.sleep(5)

    assert receiver.statuses() == ["firing", "resolved"]
    assert resolved["alerts"][0]["startsAt"] == receiver.notices[0]["alerts"][0]["startsAt"]
    assert "sockets on" in resolved["alerts"][0]["annotations"]["summary"]
    assert server.stop() == 0
