"""An outage: ten thousand alerts in one report, two hundred groups, each to be told in one notice."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from beside.alertmanager import ALERTMANAGER, ROUTES, alerting, alerts, body_of, post
from beside.asking import RefusedError
from beside.rows import Row
from beside.servers import FENGHUO, Usage
from beside.stage import Bench, Stage
from beside.webhook import Webhook, receiving

WAIT_S = 1.0
"""The route's ``group_wait``: nobody may be told before."""
INTERVAL_S = 5
ALERTS = 10_000
GROUPS = 200
TIMES = (1, 3, 10)
SETTLE_S = 2.0
"""After the last notice, so that what is written down afterwards is in the figures."""
TIMEOUT_S = 60.0
NAMES = ("burst", "burst-post", "burst-cpu", "burst-memory", "burst-memory-more")


@dataclass(frozen=True)
class Burst:
    """How one server took it."""

    last_s: float
    """From the first byte of the report to the last byte of the last notice, beyond ``group_wait``."""
    post_s: float
    """Until the report was answered."""
    notices: int
    cpu_s: float
    resident_mib: float
    more_mib: float
    """Beyond what it had before."""


def told(webhook: Webhook, wanted: int) -> None:
    """Raises RefusedError when the notices do not name as many alerts, all of them together.

    A group that is told in two parts names those of the first again in the second.
    """
    found = {alert["labels"]["instance"] for notice in webhook.notices for alert in notice.json()["alerts"]}
    if len(found) != wanted:
        raise RefusedError(f"{wanted:,} alerts were reported, {len(found):,} told")


def once(name: str, folder: Path, count: int, groups: int) -> Burst:
    """One burst for a server that was just started and has told one alert, so that everything is loaded."""
    with receiving() as webhook:
        routes = ROUTES.format(wait=f"{WAIT_S:g}s", interval=f"{INTERVAL_S}s", url=webhook.url)
        with alerting(name, folder, routes) as server:
            post(server, body_of(alerts(count, 1, 1_000_000, round(time.time() * 1000) - 60_000)))
            webhook.wait_for(1, TIMEOUT_S)
            time.sleep(SETTLE_S)
            webhook.notices.clear()
            before, body = server.usage, body_of(alerts(0, count, groups, round(time.time() * 1000)))
            start_s = time.monotonic()
            answer = post(server, body)
            webhook.wait_for(count, TIMEOUT_S)
            time.sleep(SETTLE_S)
            after = server.usage
        told(webhook, count)
        last_s = max(notice.at_s for notice in webhook.notices) - start_s - WAIT_S
        return _burst(last_s, answer.seconds, len(webhook.notices), before, after)


def _burst(last_s: float, post_s: float, notices: int, before: Usage, after: Usage) -> Burst:
    more_mib = after.resident_mib - before.resident_mib
    return Burst(last_s, post_s, notices, after.cpu_s - before.cpu_s, after.resident_mib, more_mib)


def run(bench: Bench) -> Iterator[Row]:
    if bench.wanted(NAMES):
        yield from _bursts(bench)
    if bench.wants("burst-growth"):
        yield from _growth(bench)


def _bursts(bench: Bench) -> Iterator[Row]:
    found: dict[str, list[Burst]] = {name: [] for name in bench.servers}
    for number in bench.rounds():
        for name in bench.servers if number % 2 else reversed(bench.servers):
            with bench.folder(f"burst-{name}-{number}") as folder:
                found[name].append(once(name, folder, ALERTS, GROUPS))
    rounds = len(found[FENGHUO])
    notices = "/".join(f"{max(one.notices for one in each)}" for each in found.values())
    title = f"{ALERTS:,} alerts at once, {GROUPS} groups"
    same = {ALERTMANAGER: 1.0}

    def row(name: str, what: str, unit: str, field: str, note: str = "", target: bool = True) -> Row:
        values = {server: statistics.median(getattr(one, field) for one in each) for server, each in found.items()}
        return Row(name, f"{title}: {what}", unit, values, same if target else {}, note=note)

    yield row("burst", "the last told, beyond group_wait", "s", "last_s", f"notices at most {notices}; {rounds} rounds")
    yield row("burst-post", "the report answered", "s", "post_s", target=False)
    yield row("burst-cpu", "processor time", "s", "cpu_s")
    yield row("burst-memory", "memory (RSS)", "MiB", "resident_mib")
    yield row("burst-memory-more", "memory beyond before", "MiB", "more_mib")


def _growth(bench: Bench) -> Iterator[Row]:
    """Once, three times and ten times as much, in as many times the groups."""
    unit = 300 if bench.quick else 1_000
    for times in TIMES:
        found: dict[str, list[Burst]] = {name: [] for name in bench.servers}
        for number in range(3):
            for name in bench.servers:
                with bench.folder(f"growth-{name}-{times}-{number}") as folder:
                    found[name].append(once(name, folder, unit * times, unit * times // 50))
        values = {name: statistics.median(one.last_s for one in each) for name, each in found.items()}
        cpu = "/".join(f"{statistics.median(one.cpu_s for one in each):.2f}" for each in found.values())
        work = f"{unit * times:,} alerts at once, {unit * times // 50} groups: the last told"
        yield Row("burst-growth", work, "s", values, note=f"processor s {cpu}")


STAGE = Stage((*NAMES, "burst-growth"), run)
