"""Damage on disk and sudden death: what can be saved is, what cannot is said with a remedy."""

from __future__ import annotations

import itertools
import shutil
import time
from pathlib import Path

import pytest

from accept.exposition import Exposition
from accept.processes import free_port
from accept.server import Server, StartServer, refused_start

pytestmark = pytest.mark.accept

CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
packs: []
integrations: {{host: null}}
scrape_configs: [{{job_name: plant, static_configs: [{{targets: ['{target}']}}]}}]
"""
INTERVAL_S = 0.5


def times(server: Server) -> list[float]:
    """When the target's samples are of."""
    return sorted(time_s for series in server.query("level[1h]") for time_s, _ in series["values"])


def wait_for_samples(server: Server, count: int) -> list[float]:
    deadline_s = time.monotonic() + 20
    while len(found := times(server)) < count:
        assert time.monotonic() < deadline_s, server.output
        time.sleep(0.1)
    return found


def test_ten_kills_leave_no_hole_but_their_own(tmp_path: Path, start_server: StartServer) -> None:
    with Exposition("level 1") as plant:
        config = CONFIG.format(target=plant.address)
        deaths: list[tuple[float, float]] = []
        known: list[float] = []
        server = start_server(tmp_path / "data", config)
        for _ in range(10):
            found = wait_for_samples(server, len(known) + 3)
            assert known == found[: len(known)], "what was seen once is there for good"
            known = found
            killed_s = time.time()
            server.kill()
            server = start_server(tmp_path / "data", config)
            deaths.append((killed_s, time.time()))
        found = wait_for_samples(server, len(known) + 3)
        assert known == found[: len(known)]
        assert server.stop() == 0

    slack_s = 4 * INTERVAL_S
    for before_s, after_s in itertools.pairwise(found):
        inside = [back_s - killed_s for killed_s, back_s in deaths if before_s < back_s and killed_s < after_s]
        assert after_s - before_s < sum(inside) + slack_s, f"a hole from {before_s} to {after_s}, deaths at {deaths}"


def test_a_damaged_segment_is_set_apart_and_the_rest_is_used(tmp_path: Path, start_server: StartServer) -> None:
    with Exposition("level 1") as plant:
        config = CONFIG.format(target=plant.address)
        server = start_server(tmp_path / "data", config)
        early = wait_for_samples(server, 3)
        (segment,) = (tmp_path / "data" / "metrics" / "wal").glob("*.wal")
        place = segment.stat().st_size + 40
        known = wait_for_samples(server, 8)
        assert server.stop() == 0
        stopped_s = time.time()
        data = bytearray(segment.read_bytes())
        data[place : place + 8] = b"damaged!"
        segment.write_bytes(data)

        server = start_server(tmp_path / "data", config)
        left = [at_s for at_s in times(server) if at_s < stopped_s]
        wait_for_samples(server, len(left) + 2)
        runtime = server.client.get("/api/v1/status/runtimeinfo").json()["data"]
        (aside,) = segment.parent.glob("*.corrupt-at-*")

        assert len(early) <= len(left) < len(known)
        assert left == known[: len(left)]
        assert f"{segment} holds a record" in server.whole_output
        assert f"are not replayed and kept in {aside}" in server.whole_output
        assert runtime["corruptionCount"] == 1
        assert segment.read_bytes() + aside.read_bytes() == bytes(data)
        assert server.stop() == 0


def test_a_state_file_that_is_no_database_is_refused_with_the_remedy(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "state.db").write_bytes(b"a shopping list, not a database " * 500)
    code, said = refused_start("--data-dir", str(data), "--listen", f"127.0.0.1:{free_port()}")

    assert code == 2
    assert f"{data}/state.db cannot be" in said
    assert "file is not a database" in said
    assert "move the file away or restore it from a backup" in said
    assert "Traceback" not in said


def test_a_damaged_state_database_is_refused_with_the_remedy(tmp_path: Path, start_server: StartServer) -> None:
    assert start_server(tmp_path / "data").stop() == 0
    state = tmp_path / "data" / "state.db"
    size_bytes = state.stat().st_size
    with state.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size_bytes - 4096))
    shutil.copy(state, tmp_path / "before.db")
    code, said = refused_start("--data-dir", str(tmp_path / "data"), "--listen", f"127.0.0.1:{free_port()}")

    assert code == 2
    assert "malformed" in said
    assert "restore it from a backup" in said
    assert "Traceback" not in said
    assert state.read_bytes() == (tmp_path / "before.db").read_bytes(), "what is left of it is left alone"
