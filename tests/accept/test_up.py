"""Starting, signing in, restarting, reloading, and what happens when the world does not play along."""

from __future__ import annotations

import compileall
import os
import subprocess
import time
from pathlib import Path

import httpx
import pytest

import fenghuo
from accept.processes import StartProcess, free_port, log_of
from accept.server import FENGHUO, StartServer, basic, first_password

pytestmark = pytest.mark.accept

PROMISED_START_S = 2.0


def up(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``fenghuo up`` that is expected to refuse to start."""
    return subprocess.run([*FENGHUO, "up", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_without_any_configuration_it_watches_this_host(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data")

    memory = server.value("node_memory_MemTotal_bytes")
    own = server.value('process_resident_memory_bytes{job="fenghuo"}')
    total_kib = next(
        int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")
    )
    rules = server.client.get("/api/v1/rules").json()["data"]["groups"]

    assert memory == total_kib * 1024
    assert own > 10_000_000
    assert {"HighCPUUsage", "HighMemoryUsage", "HighDiskUsage"} <= {
        rule["name"] for group in rules for rule in group["rules"]
    }
    assert server.stop() == 0


def test_sign_in(tmp_path: Path, start_server: StartServer) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    server = start_server(tmp_path / "data")
    password = first_password(server)

    with httpx.Client(base_url=server.url) as browser:
        assert browser.get("/api/v1/query", params={"query": "up"}).status_code == 401
        assert browser.get("/api/fenghuo/session").status_code == 401
        wrong = browser.post("/api/fenghuo/session", json={"name": "admin", "password": "wrong"})
        right = browser.post("/api/fenghuo/session", json={"name": "admin", "password": password})
        cookie = right.headers["set-cookie"]
        signed_in = browser.get("/api/v1/query", params={"query": "1"})
        without_csrf = browser.post("/-/reload")
        csrf = {"X-CSRF-Token": right.json()["csrf_token"]}
        reloaded = browser.post("/-/reload", headers=csrf)
        signed_out = browser.delete("/api/fenghuo/session", headers=csrf)
        after = browser.get("/api/v1/query", params={"query": "1"}, headers={"Cookie": cookie.split(";")[0]})
    by_basic = httpx.get(f"{server.url}/api/v1/query?query=1", headers=basic("admin", password))

    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "wrong_credentials")
    assert right.json()["user"] == {"name": "admin", "role": "admin"}
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert signed_in.json()["data"]["result"][1] == "1"
    assert without_csrf.status_code == 403
    assert reloaded.status_code == 200
    assert signed_out.status_code == 204
    assert after.status_code == 401
    assert by_basic.status_code == 200
    assert password not in (server.data_dir / "state.db").read_bytes().decode("latin-1")
    assert (server.data_dir / "state.db").stat().st_mode & 0o077 == 0


def test_guessing_is_slowed_down(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data")
    password = first_password(server)

    attempts = [
        httpx.post(f"{server.url}/api/fenghuo/session", json={"name": "admin", "password": f"guess {number}"})
        for number in range(11)
    ]
    right = httpx.post(f"{server.url}/api/fenghuo/session", json={"name": "admin", "password": password})

    assert [attempt.status_code for attempt in attempts] == [401] * 10 + [429]
    assert right.status_code == 429
    assert int(right.headers["retry-after"]) > 200


def test_samples_survive_a_stop_and_a_kill(tmp_path: Path, start_server: StartServer) -> None:
    config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\npacks: []\n"
    data_dir = tmp_path / "data"
    counts = []
    for end in ("stop", "kill", "stop"):
        server = start_server(data_dir, config)
        server.value("node_load1")
        time.sleep(2.5)
        counts.append(server.value("count_over_time(node_load1[10m])"))
        if end == "stop":
            assert server.stop() == 0
        else:
            server.kill()

    assert counts[0] >= 2
    assert counts[1] >= counts[0] + 2
    assert counts[2] >= counts[1] + 2


def test_no_password_is_made_at_the_second_start(tmp_path: Path, start_server: StartServer) -> None:
    first = start_server(tmp_path / "data")
    password = first_password(first)
    first.stop()
    second = start_server(tmp_path / "data")

    assert "Password" not in second.output
    assert httpx.get(f"{second.url}/api/v1/query?query=1", headers=basic("admin", password)).status_code == 200


def test_a_port_in_use_is_named(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data")
    refused = up("--data-dir", str(tmp_path / "other"), "--listen", server.url.removeprefix("http://"))

    assert refused.returncode == 2
    assert "cannot listen on 127.0.0.1:" in refused.stderr
    assert "Address already in use" in refused.stderr
    assert "--listen" in refused.stderr
    assert server.query("1")


def test_a_data_directory_in_use_is_named_with_its_holder(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data")
    refused = up("--data-dir", str(server.data_dir), "--listen", f"127.0.0.1:{free_port()}")

    assert refused.returncode == 2
    assert f"is in use by process {server.process.pid}" in refused.stderr


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = up("--data-dir", str(tmp_path / "file" / "data"))

    assert refused.returncode == 2
    assert "cannot be used: Not a directory" in refused.stderr


def test_a_configuration_with_three_mistakes_names_all_three(tmp_path: Path) -> None:
    config = tmp_path / "fenghuo.yml"
    config.write_text(
        "global:\n  scrape_intervall: 15s\nscrape_configs:\n  - job_name: a\n    scrape_interval: soon\n"
        "  - job_name: a\n"
    )
    refused = up("--config", str(config), "--data-dir", str(tmp_path / "data"))

    assert refused.returncode == 2
    assert f"{config}:2 global.scrape_intervall" in refused.stderr
    assert "did you mean 'scrape_interval'?" in refused.stderr
    assert f"{config}:5 scrape_configs[0].scrape_interval" in refused.stderr
    assert f"{config}:6 scrape_configs[1]" in refused.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_no_auth_is_refused_where_others_can_reach(tmp_path: Path, listen: str) -> None:
    refused = up("--no-auth", "--listen", listen, "--data-dir", str(tmp_path / "data"))

    assert refused.returncode == 2
    assert "--no-auth is refused" in refused.stderr


def test_without_auth_only_this_machine_is_answered(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data", None, "--no-auth")

    assert httpx.get(f"{server.url}/api/v1/query?query=1").status_code == 200
    assert httpx.get(f"{server.url}/api/v1/query?query=1", headers={"Host": "evil.example"}).status_code == 403
    assert httpx.post(f"{server.url}/-/reload", headers={"Origin": "https://evil.example"}).status_code == 403


def test_reload_swaps_all_or_keeps_all(tmp_path: Path, start_server: StartServer) -> None:
    config = "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\npacks: [{packs}]\nscrape_configs: [{jobs}]\n"
    server = start_server(tmp_path / "data", config.format(packs="", jobs=""))
    path = tmp_path / "fenghuo.yml"

    path.write_text(config.format(packs="", jobs="{job_name: a, bad_key: 1}"))
    refused = server.client.post("/-/reload")
    kept = server.client.get("/api/v1/status/config").json()["data"]["yaml"]
    state = server.client.get("/api/v1/status/runtimeinfo").json()["data"]["reloadConfigSuccess"]
    path.write_text(config.format(packs="host", jobs="{job_name: a, static_configs: [{targets: ['127.0.0.1:1']}]}"))
    taken = server.client.post("/-/reload")
    pools = server.client.get("/api/v1/scrape_pools").json()["data"]["scrapePools"]
    server.process.send_signal(1)
    path.write_text(config.format(packs="", jobs=""))
    server.process.send_signal(1)
    deadline_s = time.monotonic() + 10
    while "a" in server.client.get("/api/v1/scrape_pools").json()["data"]["scrapePools"]:
        assert time.monotonic() < deadline_s, server.output
        time.sleep(0.05)

    assert (refused.status_code, "bad_key" in refused.text) == (500, True)
    assert "job_name: a" not in kept
    assert state is False
    assert taken.status_code == 200
    assert "a" in pools


def test_commands_find_the_server(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data")
    server.value("up")
    environment = {**os.environ, "FENGHUO_DATA_DIR": str(server.data_dir)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*FENGHUO, *arguments], capture_output=True, text=True, env=environment, check=False)

    found = run("query", "up", "--output", "json")
    nothing = run("query", "no_such_metric")
    bad = run("query", "rate(")
    users = run("user", "list")

    assert (found.returncode, '"job": "node"' in found.stdout) == (0, True)
    assert (nothing.returncode, nothing.stderr) == (1, "nothing found\n")
    assert (bad.returncode, "parse error" in bad.stderr) == (2, True)
    assert users.stdout == "admin\tadmin\n"


def cpu_s(pid: int) -> float:
    """Seconds of processor time, user and system, that a process has used; Linux counts them in hundredths."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_until_ready_s(data_dir: Path, start_process: StartProcess) -> float:
    """What a start on an empty directory costs until the server says that it is ready."""
    port = free_port()
    process = start_process([*FENGHUO, "up", "--data-dir", str(data_dir), "--listen", f"127.0.0.1:{port}"])
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/-/ready").status_code == 200:
                used_s = cpu_s(process.pid)
                process.terminate()
                assert process.wait(20) == 0
                return used_s
        except httpx.TransportError:
            assert process.poll() is None, log_of(process)
        time.sleep(0.02)


def test_start_is_quick(tmp_path: Path, start_process: StartProcess) -> None:
    """Ready within two seconds, as an installed copy is: compiled, as pip compiles what it installs.

    Processor time is judged, not the clock on the wall: alone on a machine the two are the same, since a start waits
    for nobody, and beside other tests only the first says something about the program. Neighbours can make it dearer
    (they share caches and cores) and never cheaper, so one start of three that keeps the promise shows that it holds.
    """
    compileall.compile_dir(Path(fenghuo.__file__).parent, quiet=2)
    used_s = []
    while not used_s or (min(used_s) >= PROMISED_START_S and len(used_s) < 3):
        used_s.append(cpu_until_ready_s(tmp_path / f"data-{len(used_s)}", start_process))

    assert min(used_s) < PROMISED_START_S, used_s
