"""A disk that is full or turns read-only under a running program: it is seen, people are told, nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.disks import break_disk, breakable_disk, fill, make_read_only, needs_root, small_disk
from accept.exposition import Exposition
from accept.processes import free_port
from accept.receiver import Receiver
from accept.server import Server, StartServer, basic, first_password, refused_start

pytestmark = [pytest.mark.accept, needs_root]

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
packs: []
scrape_configs: [{{job_name: plant, static_configs: [{{targets: ['{target}']}}]}}]
route: {{receiver: duty, group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: duty, webhook_configs: [{{url: '{receiver}'}}]}}]
"""
RULES = """
groups:
  - name: plant
    rules:
      - {alert: Overflow, expr: level > 9, for: 3s}
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def configuration(tmp_path: Path, plant: Exposition, receiver: Receiver) -> str:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    return CONFIG.format(rules=rules, target=plant.address, receiver=receiver.url)


def until(condition: Callable[[], Any], server: Server, timeout_s: float = 30.0) -> Any:
    """The first true value of ``condition``."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline_s, server.output
        time.sleep(0.1)
    return value


def levels(server: Server) -> set[tuple[float, str]]:
    """Every sample of the target."""
    return {(time_s, value) for series in server.query("level[1h]") for time_s, value in series["values"]}


def last_error(server: Server) -> str:
    targets = server.client.get("/api/v1/targets").json()["data"]["activeTargets"]
    return str(next(each["lastError"] for each in targets if each["labels"]["job"] == "plant"))


def notices(server: Server) -> list[tuple[str, str]]:
    found = server.client.get("/api/fenghuo/notifications").json()["notifications"]
    return [(notice["status"], notice["reason"]) for notice in found]


def own_metric(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))


def test_a_full_disk_costs_only_what_could_not_be_written(
    tmp_path: Path, disk: Path, start_server: StartServer
) -> None:
    with Receiver() as receiver, Exposition("level 1") as plant:
        config = configuration(tmp_path, plant, receiver)
        server = start_server(disk / "data", config)
        password = first_password(server)
        server.value("level")
        plant.text = "level 10"
        until(lambda: server.query("level == 10"), server)
        ballast = fill(disk)

        until(lambda: "No space left on device" in last_error(server), server)
        assert "make room on that disk" in last_error(server)
        assert receiver.wait_for(1)[0]["alerts"][0]["labels"]["alertname"] == "Overflow"
        health = server.client.get("/health")
        checks = health.json()["checks"]
        assert health.status_code == 503
        assert "No space left on device" in checks["store"]["message"]
        assert "samples were last stored at 20" in checks["store"]["message"]
        assert "database or disk is full (free some space" in checks["state"]["message"]
        assert (checks["ready"]["status"], checks["configuration"]["status"]) == ("healthy", "healthy")
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        assert own_metric(server, "fenghuo_store_wal_write_failures_total") > 0
        assert own_metric(server, "fenghuo_alerting_state_errors_total") > 0
        before = levels(server)
        assert {value for _, value in before} == {"1", "10"}, "reading goes on"
        sign_in = httpx.post(f"{server.url}/api/fenghuo/session", json={"name": "admin", "password": password})
        assert sign_in.status_code == 503
        assert "disk is full" in sign_in.json()["error"]["message"]
        assert sign_in.json()["error"]["remedy"] == "free some space; it recovers by itself"
        by_basic = httpx.get(f"{server.url}/api/v1/query?query=level", headers=basic("admin", password))
        assert by_basic.status_code == 200, "who needs no session gets in"
        for words in (f"scrape of http://{plant.address}/metrics (job plant) failed", "1 alerts are not saved"):
            assert words in server.whole_output

        ballast.unlink()
        until(lambda: server.client.get("/health").status_code == 200, server)
        until(lambda: len(levels(server)) > len(before) + 1, server)
        until(lambda: notices(server) == [("sent", "first")], server)
        assert f"scrape of http://{plant.address}/metrics (job plant) works again" in server.whole_output
        assert "the state database works again" in server.whole_output
        assert "Traceback" not in server.whole_output
        acknowledged = levels(server)
        server.kill()
        server = start_server(disk / "data", config)
        assert acknowledged <= levels(server)
        plant.text = "level 1"
        receiver.wait_for(2)
        assert receiver.statuses() == ["firing", "resolved"]
        assert server.stop() == 0


def test_it_starts_on_a_full_disk_and_tells(tmp_path: Path, disk: Path, start_server: StartServer) -> None:
    with Receiver() as receiver, Exposition("level 10") as plant:
        config = configuration(tmp_path, plant, receiver)
        server = start_server(disk / "data", config)
        signed_in = basic("admin", first_password(server))
        until(lambda: len(levels(server)) > 1, server)
        kept = levels(server)
        server.kill()
        ballast = fill(disk)

        server = start_server(disk / "data", config)
        server.client.headers = httpx.Headers(signed_in)  # The commands' token has no room on the disk.
        assert "server.json could not be written, commands will not find this server" in server.whole_output
        assert kept <= levels(server)
        receiver.wait_for(1)
        until(lambda: server.client.get("/health").status_code == 503, server)
        ballast.unlink()
        until(lambda: server.client.get("/health").status_code == 200, server)
        assert "Traceback" not in server.whole_output
        assert server.stop() == 0


def test_a_disk_that_breaks_is_seen_and_told(tmp_path: Path, start_server: StartServer) -> None:
    with (
        breakable_disk(tmp_path / "disk") as disk,
        Receiver() as receiver,
        Exposition("level 10") as plant,
    ):
        server = start_server(disk / "data", configuration(tmp_path, plant, receiver))
        until(lambda: levels(server), server)
        break_disk(disk)

        until(lambda: last_error(server), server)
        assert "Read-only file system (mount that file system writable; appending resumes" in last_error(server)
        receiver.wait_for(1)
        until(lambda: own_metric(server, "fenghuo_alerting_state_errors_total"), server)
        checks = server.client.get("/health").json()["checks"]
        assert "Read-only file system" in checks["store"]["message"]
        assert "check that disk (dmesg, smartctl)" in checks["state"]["message"]
        assert levels(server), "reading goes on"
        assert "Traceback" not in server.whole_output
        assert server.stop() == 0


def test_a_disk_that_is_read_only_from_the_start_is_named(
    tmp_path: Path, disk: Path, start_server: StartServer
) -> None:
    with Receiver() as receiver, Exposition("level 1") as plant:
        server = start_server(disk / "data", configuration(tmp_path, plant, receiver))
        assert server.stop() == 0
    make_read_only(disk)
    code, said = refused_start("--data-dir", str(disk / "data"), "--listen", f"127.0.0.1:{free_port()}")

    assert code == 2
    assert f"data directory {disk / 'data'} cannot be used: Read-only file system" in said
    assert "--data-dir" in said
