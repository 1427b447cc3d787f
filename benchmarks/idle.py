"""What a server costs that has nothing to do but watch its host: ``python benchmarks/idle.py [--minutes 3]``.

Starts ``fenghuo up`` without a configuration (this host and itself every 15 s, the default packs' rules, state, panel)
in a temporary folder, waits until it has settled, and reads its memory and CPU time from /proc. Where Debian's
Prometheus, Alertmanager and node_exporter are installed they do the same work beside it, at the same time. Linux only.
It stops by itself, whatever happens.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from beside.servers import FENGHUO, free_port, started, wait_until_ready

SETTLE_S = 35.0
"""Two scrapes: what happens once, such as imports on first use, is over."""
PROMETHEUS_YML = """
global: {{scrape_interval: 15s, evaluation_interval: 15s}}
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}
rule_files: ['{rules}']
scrape_configs:
  - {{job_name: node, static_configs: [{{targets: ['127.0.0.1:{node}']}}]}}
  - {{job_name: prometheus, static_configs: [{{targets: ['127.0.0.1:{prometheus}']}}]}}
"""
ALERTMANAGER_YML = "{route: {receiver: nobody}, receivers: [{name: nobody}]}"


@dataclass(frozen=True)
class Usage:
    """One look at a process."""

    cpu_s: float
    resident_kib: int
    anonymous_kib: int
    """What is its own and not shared with files on disk."""
    peak_kib: int
    wakes: int
    """How often it gave the processor back by itself."""

    @staticmethod
    def of(pid: int) -> Usage:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pairs = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        status = {name: value.split()[0] for name, value in pairs if value.split()}
        wakes = 0
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # A thread may end while it is looked at.
                wakes += int((task / "status").read_text().rpartition("\nvoluntary_ctxt_switches:")[2].split()[0])
        return Usage(
            cpu_s=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
            resident_kib=int(status["VmRSS"]),
            anonymous_kib=int(status["RssAnon"]),
            peak_kib=int(status["VmHWM"]),
            wakes=wakes,
        )


def series_of(url: str, server_file: Path) -> int:
    """How many series the server holds."""
    token = json.loads(server_file.read_text())["token"]
    request = urllib.request.Request(f"{url}/api/v1/status/tsdb", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(json.load(answer)["data"]["headStats"]["numSeries"])


def peers(stack: contextlib.ExitStack, directory: Path) -> dict[str, int]:
    """Start what takes three programs elsewhere; their process ids, none where one is not installed."""
    names = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
    if not all(map(shutil.which, names)):
        return {}
    own, alerts, node = free_port(), free_port(), free_port()
    rules = Path(__file__).resolve().parents[1] / "src" / "fenghuo" / "packs" / "host" / "rules.yml"
    (directory / "prometheus.yml").write_text(
        PROMETHEUS_YML.format(alertmanager=alerts, node=node, prometheus=own, rules=rules)
    )
    (directory / "alertmanager.yml").write_text(ALERTMANAGER_YML)
    commands = [
        [names[2], f"--web.listen-address=127.0.0.1:{node}"],
        [
            names[1], "--config.file=alertmanager.yml", "--storage.path=alerts", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{alerts}",
        ],
        [
            names[0], "--config.file=prometheus.yml", "--storage.tsdb.path=metrics",
            f"--web.listen-address=127.0.0.1:{own}",
        ],
    ]  # fmt: skip
    found = {}
    for command, port in zip(commands, (node, alerts, own), strict=True):
        process = stack.enter_context(started(command, directory, command[0]))
        wait_until_ready(command[0], port, process, directory).close()
        found[command[0]] = process.pid
    return found


def row(name: str, before: Usage, after: Usage, minutes: float) -> None:
    cpu_s = (after.cpu_s - before.cpu_s) / minutes
    print(
        f"{name:<26}{after.resident_kib / 1024:>10.1f}{after.anonymous_kib / 1024:>10.1f}{after.peak_kib / 1024:>10.1f}"
        f"{cpu_s:>10.2f}{cpu_s / 0.6:>9.2f} %{(after.wakes - before.wakes) / minutes:>10.0f}"
    )


def measure(minutes: float, *, with_peers: bool) -> None:
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        url, address = f"http://127.0.0.1:{port}", f"127.0.0.1:{port}"
        command = [sys.executable, "-m", "fenghuo", "up", "--data-dir", str(directory / "data"), "--listen", address]
        start_s = time.monotonic()
        process = stack.enter_context(started(command, directory, FENGHUO))
        wait_until_ready(FENGHUO, port, process, directory).close()
        ready_s, ready = time.monotonic() - start_s, Usage.of(process.pid)
        pids = {"fenghuo up": process.pid}
        pids |= peers(stack, directory) if with_peers else {}
        print(f"ready after {ready_s:.2f} s, of which {ready.cpu_s:.2f} s on the processor; then", end=" ", flush=True)
        print(f"{SETTLE_S:g} s to settle and {minutes:g} min measured", flush=True)
        time.sleep(SETTLE_S)
        before = {name: Usage.of(pid) for name, pid in pids.items()}
        time.sleep(60 * minutes)
        after = {name: Usage.of(pid) for name, pid in pids.items()}
        print(f"series held: {series_of(url, directory / 'data' / 'server.json')}")
        print(f"{'':<26}{' RSS MiB   own MiB  peak MiB CPU s/min  of a core wakes/min':>61}")
        for name in pids:
            row(name, before[name], after[name], minutes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to measure (default 1, at most 60)")
    parser.add_argument("--quick", action="store_true", help="half a minute, without peers")
    given = parser.parse_args()
    measure(0.5 if given.quick else min(max(given.minutes, 0.1), 60.0), with_peers=not given.quick)


if __name__ == "__main__":
    main()
