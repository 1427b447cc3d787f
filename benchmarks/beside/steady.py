"""A thousand alerts a second, every one new: nothing is lost, and nobody who asks waits."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from beside.alertmanager import ALERTMANAGER, ROUTES, alerting, alerts, body_of, post
from beside.asking import Connection
from beside.burst import TIMEOUT_S, told
from beside.rows import Row
from beside.servers import Server
from beside.stage import Bench, Stage
from beside.webhook import receiving

REPORTS_S = 10
"""Reports a second, of :data:`ALERTS` alerts each, which make up a group."""
ALERTS = 100
WAIT_S = 1.0
PROBE_S = 0.02
NAMES = (
    "steady-post",
    "steady-post-p99",
    "steady-hold",
    "steady-hold-p99",
    "steady-told",
    "steady-cpu",
    "steady-memory",
)


@dataclass
class Steady:
    """How one server took it. Times are in ms."""

    posts: list[float] = field(default_factory=list)
    """From when a report was due to when it was answered: a server that is behind is charged for it."""
    probes: list[float] = field(default_factory=list)
    """How long a question took that costs nothing to answer, asked all the while."""
    told: list[float] = field(default_factory=list)
    """From a report to its notice, beyond ``group_wait``."""
    cpu: float = 0.0
    """Of a core, in percent."""
    resident_mib: float = 0.0


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


@contextmanager
def probing(server: Server, into: list[float]) -> Iterator[None]:
    """Ask for its health again and again over a connection of its own: as late as the answer is, so late are all."""
    over = threading.Event()

    def probe() -> None:
        connection = Connection(server.port)
        while not over.wait(PROBE_S):
            into.append(connection.get("/-/healthy").seconds * 1000)
        connection.close()

    thread = threading.Thread(target=probe, name="probe")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def measured(bench: Bench, name: str, seconds: int) -> Steady:
    found = Steady()
    with bench.folder(f"steady-{name}") as folder, receiving() as webhook:
        with alerting(name, folder, ROUTES.format(wait=f"{WAIT_S:g}s", interval="5m", url=webhook.url)) as server:
            total = seconds * REPORTS_S
            post(server, body_of(alerts(0, 1, 1, round(time.time() * 1000) - 60_000)))
            webhook.wait_for(1, TIMEOUT_S)
            webhook.notices.clear()
            before, start_s, due = server.usage, time.monotonic() + 0.2, {}
            with probing(server, found.probes):
                for number in range(total):
                    body = body_of(_group(number))
                    due_s = start_s + number / REPORTS_S
                    time.sleep(max(due_s - time.monotonic(), 0))
                    due[f"service-{number:05}"] = due_s
                    post(server, body)
                    found.posts.append((time.monotonic() - due_s) * 1000)
                webhook.wait_for(total * ALERTS, TIMEOUT_S)
            took_s, after = time.monotonic() - start_s, server.usage
        told(webhook, total * ALERTS)
        for notice in webhook.notices:
            found.told.append((notice.at_s - due[notice.json()["groupLabels"]["service"]] - WAIT_S) * 1000)
    found.cpu, found.resident_mib = (after.cpu_s - before.cpu_s) / took_s * 100, after.resident_mib
    return found


def _group(number: int) -> list[dict[str, object]]:
    some = alerts(1_000_000 + number * ALERTS, ALERTS, 1, round(time.time() * 1000))
    for alert in some:
        labels = alert["labels"]
        assert isinstance(labels, dict)
        labels["service"] = f"service-{number:05}"
    return some


def run(bench: Bench) -> Iterator[Row]:
    seconds = 10 if bench.quick else 60
    found = {name: measured(bench, name, seconds) for name in bench.servers}
    title = f"{REPORTS_S * ALERTS:,} new alerts a second for {seconds} s"

    def row(name: str, what: str, unit: str, values: dict[str, float], note: str = "", target: bool = False) -> Row:
        return Row(name, f"{title}: {what}", unit, values, {ALERTMANAGER: 1.0} if target else {}, note=note)

    def of(lists: dict[str, list[float]], share: float) -> dict[str, float]:
        return {name: percentile(each, share) for name, each in lists.items()}

    posts = {name: each.posts for name, each in found.items()}
    probes = {name: each.probes for name, each in found.items()}
    yield row("steady-post", "a report answered, p50", "ms", of(posts, 0.5))
    yield row("steady-post-p99", "a report answered, p99", "ms", of(posts, 0.99))
    yield row("steady-hold", "another question answered, p50", "ms", of(probes, 0.5))
    worst = "/".join(f"{max(each):.0f}" for each in probes.values())
    yield row("steady-hold-p99", "another question answered, p99", "ms", of(probes, 0.99), f"at most {worst}")
    late = {name: statistics.median(each.told) for name, each in found.items()}
    most = "/".join(f"{max(each.told):.0f}" for each in found.values())
    yield row("steady-told", "told, beyond group_wait", "ms", late, f"at most {most}; all told")
    yield row("steady-cpu", "of a core", "%", {name: each.cpu for name, each in found.items()})
    yield row("steady-memory", "memory (RSS)", "MiB", {name: each.resident_mib for name, each in found.items()})


STAGE = Stage(NAMES, run)
