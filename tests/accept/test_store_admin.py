"""Deletion, cleaning and snapshots: Prometheus' paths and answers, and what is left on the disk."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.exposition import Exposition
from accept.processes import StartProcess, free_port, wait_for
from accept.server import FENGHUO, Server, StartServer, basic

pytestmark = pytest.mark.accept

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
packs: []
integrations: {{host: null}}
scrape_configs: [{{job_name: plant, static_configs: [{{targets: ['{target}']}}]}}]
"""
ADMIN = "/api/v1/admin/tsdb"


def values(server: Server, expression: str) -> list[tuple[float, str]]:
    return [(time_s, text) for series in server.query(f"{expression}[1h]") for time_s, text in series["values"]]


def wait_for_values(server: Server, expression: str, count: int) -> list[tuple[float, str]]:
    deadline_s = time.monotonic() + 20
    while len(found := values(server, expression)) < count:
        assert time.monotonic() < deadline_s, server.output
        time.sleep(0.1)
    return found


def test_delete_clean_and_snapshot(tmp_path: Path, start_server: StartServer) -> None:
    with Exposition("level 1\nother 2") as plant:
        config = CONFIG.format(target=plant.address)
        server = start_server(tmp_path / "data", config)
        before = wait_for_values(server, "level", 3)
        snapshot = server.client.post(f"{ADMIN}/snapshot").json()
        name = snapshot["data"]["name"]
        assert snapshot["status"] == "success"
        assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{16}", name)

        deleted = server.client.post(
            f"{ADMIN}/delete_series", params={"match[]": ["level", '{__name__="nothing"}'], "end": time.time()}
        )
        assert (deleted.status_code, deleted.content) == (204, b"")
        gone_s = time.time()
        after = wait_for_values(server, "level", 2)
        assert not set(before) & set(after)
        assert min(time_s for time_s, _ in after) > gone_s - 1
        assert len(values(server, "other")) > len(before), "others are left alone"
        cleaned = server.client.post(f"{ADMIN}/clean_tombstones")
        assert (cleaned.status_code, cleaned.content) == (204, b"")
        assert " deletes level from " in server.whole_output

        server.kill()
        server = start_server(tmp_path / "data", config)
        assert set(after) <= set(values(server, "level"))
        assert not set(before) & set(values(server, "level"))
        assert server.stop() == 0

        (tmp_path / "restored").mkdir()
        shutil.copytree(tmp_path / "data" / "snapshots" / name / "metrics", tmp_path / "restored" / "metrics")
        server = start_server(tmp_path / "restored", config)
        assert set(before) <= set(values(server, "level"))
        assert server.stop() == 0


def test_only_an_administrator_may(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data")
    password = "correct horse battery"
    command = [*FENGHUO, "user", "add", "op", "--role", "operator", "--ask", "--data-dir", str(tmp_path / "data")]
    subprocess.run(command, input=f"{password}\n" * 2, capture_output=True, text=True, check=True)
    for path in ("delete_series", "clean_tombstones", "snapshot"):
        answer = httpx.post(f"{server.url}{ADMIN}/{path}", headers=basic("op", password))
        assert (answer.status_code, answer.json()["error"]) == (403, "this needs the role admin, you are operator")
    assert server.stop() == 0


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "delete_series", {}),
    ("POST", "delete_series", {"match[]": "up{"}),
    ("POST", "delete_series", {"match[]": "up", "start": "yesterday"}),
    ("POST", "delete_series", {"match[]": "up", "end": "1e400"}),
    ("POST", "delete_series", {"match[]": "nothing_there"}),
    ("PUT", "delete_series", {"match[]": ["nothing_there", "nor_there"], "start": "1", "end": "2"}),
    ("POST", "delete_series", {"match[]": "nothing_there", "start": "5", "end": "2"}),
    ("POST", "clean_tombstones", {}),
    ("PUT", "clean_tombstones", {}),
    ("POST", "snapshot", {"skip_head": "perhaps"}),
    ("POST", "snapshot", {"skip_head": "t"}),
    ("PUT", "snapshot", {"skip_head": "0"}),
]


def test_answers_are_prometheus(tmp_path: Path, start_server: StartServer, start_process: StartProcess) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("Debian's package prometheus is not installed")
    port = free_port()
    (tmp_path / "prometheus.yml").write_text("")
    flags = (
        f"--config.file={tmp_path}/prometheus.yml --storage.tsdb.path={tmp_path}/prometheus "
        f"--web.listen-address=127.0.0.1:{port} --web.enable-admin-api"
    )
    prometheus = start_process(["prometheus", *flags.split()])
    wait_for(f"http://127.0.0.1:{port}/-/ready", prometheus, status=200)
    server = start_server(tmp_path / "data")
    for method, path, params in CASES:
        as_form = {"data": params} if method == "PUT" else {"params": params}
        theirs = httpx.request(method, f"http://127.0.0.1:{port}{ADMIN}/{path}", **as_form)  # type: ignore[arg-type]
        ours = server.client.request(method, f"{ADMIN}/{path}", **as_form)  # type: ignore[arg-type]
        assert shape(ours) == shape(theirs), (method, path, params)
    assert server.stop() == 0


def shape(answer: httpx.Response) -> tuple[int, Any]:
    """Status and body, names of snapshots apart."""
    body = answer.json() if answer.content else None
    if body and "data" in body:
        body["data"]["name"] = re.sub(r"^\d{8}T\d{6}Z-[0-9a-f]{16}$", "NAME", body["data"]["name"])
    return answer.status_code, body
