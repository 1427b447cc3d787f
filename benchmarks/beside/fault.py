"""The whole line under default settings: from a metric that crosses its threshold to the message about it.

Targets that this program serves flip at moments spread over more than an interval. A rule of P0 looks at them; one
receiver is told of each in a notice of its own, the other of all in one group, where each joins those that fire
already. The targets are scraped every 15 s, as often as Fenghuo looks at its own host where nothing is said.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from beside.asking import RefusedError
from beside.rows import Row
from beside.servers import FENGHUO, free_port, running
from beside.stage import Bench, Stage
from beside.webhook import Webhook, receiving

TARGET_S = 20.0
HOSTS = 20
LEARN_S = 35.0
"""Two scrapes and their evaluations before anything happens."""
SPREAD_S = 30.0
"""Two of the default intervals: a fault comes at every moment between two scrapes."""
TOLD_S_MAX = 90.0

CONFIG = """
scrape_configs: [{{job_name: desk, scrape_interval: 15s, static_configs: [{{targets: [{targets}]}}]}}]
rule_files: [rules.yml]
route:
  receiver: together
  routes: [{{receiver: apart, group_by: [alertname, instance], continue: true}}, {{receiver: together}}]
receivers:
  - {{name: apart, webhook_configs: [{{url: '{apart}'}}]}}
  - {{name: together, webhook_configs: [{{url: '{together}'}}]}}
"""
RULES = """
groups:
  - name: desk
    rules: [{alert: OrdersStuck, expr: orders_waiting_ratio > 0.9, labels: {severity: p0}}]
"""


@dataclass
class Hosts:
    """What the targets show. Times are of ``time.time``."""

    port: int
    flipped_s: dict[str, float] = field(default_factory=dict)
    seen_s: dict[str, float] = field(default_factory=dict)
    """The first scrape after the fault."""

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.7.{number + 1}" for number in range(HOSTS)]

    def show(self, address: str) -> bytes:
        now_s = time.time()
        broken = self.flipped_s.get(address, now_s + 1) <= now_s
        if broken:
            self.seen_s.setdefault(address, now_s)
        lines = "".join(f"desk_metric_{number} {number * 0.5}\n" for number in range(100))
        body = f"{lines}orders_waiting_ratio {0.99 if broken else 0.1}\n".encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@contextmanager
def serving(hosts: Hosts) -> Iterator[None]:
    """Every target on an address of its own, in a thread."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = writer.get_extra_info("sockname")[0]
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(hosts.show(address))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, hosts.addresses, hosts.port))
    thread = threading.Thread(target=loop.run_forever, name="targets", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


@dataclass(frozen=True)
class Line:
    """Where the time of one fault went, in seconds."""

    total: float
    scrape: float
    """Until the target was scraped."""
    rule: float
    """From there until the evaluation that fired."""
    message: float
    """From there until the message was there."""


def lines(hosts: Hosts, webhook: Webhook, offset_s: float) -> list[Line]:
    """What each fault took, by the first notice that names it. Raises RefusedError when one was never told."""
    told: dict[str, tuple[float, float]] = {}
    for notice in webhook.notices:
        for alert in notice.json()["alerts"]:
            address = alert["labels"]["instance"].partition(":")[0]
            fired_s = datetime.fromisoformat(alert["startsAt"]).timestamp()
            told.setdefault(address, (notice.at_s + offset_s, fired_s))
    if missing := set(hosts.flipped_s) - set(told):
        raise RefusedError(f"{len(missing)} of {len(hosts.flipped_s)} faults were not told within {TOLD_S_MAX:g} s")
    return [
        Line(at_s - flipped_s, hosts.seen_s[each] - flipped_s, fired_s - hosts.seen_s[each], at_s - fired_s)
        for each, flipped_s in hosts.flipped_s.items()
        for at_s, fired_s in (told[each],)
    ]


def row(name: str, work: str, found: Sequence[Line]) -> Row:
    """The slowest of them, which is what is promised; and where the time of all went."""
    parts = {
        "total": [each.total for each in found],
        "until scraped": [each.scrape for each in found],
        "until evaluated": [each.rule for each in found],
        "until told": [each.message for each in found],
    }
    note = "; ".join(f"{what} {statistics.median(each):.1f} (≤{max(each):.1f})" for what, each in parts.items())
    values: Mapping[str, float] = {FENGHUO: max(each.total for each in found)}
    return Row(name, f"{work}, the slowest of {len(found)}", "s", values, most=TARGET_S, note=note)


def run(bench: Bench) -> Iterator[Row]:
    hosts, draw = Hosts(free_port()), random.Random(7)
    with ExitStack() as stack:
        folder = stack.enter_context(bench.folder("fault"))
        (folder / "rules.yml").write_text(RULES)
        apart, together = stack.enter_context(receiving()), stack.enter_context(receiving())
        stack.enter_context(serving(hosts))
        targets = ", ".join(f"'{address}:{hosts.port}'" for address in hosts.addresses)
        config = CONFIG.format(targets=targets, apart=apart.url, together=together.url)
        stack.enter_context(running(FENGHUO, folder, config))
        bench.say(f"faults come in {LEARN_S:g} s, {HOSTS} of them within {SPREAD_S:g} s")
        start_s = time.time() + LEARN_S
        for address in hosts.addresses:
            hosts.flipped_s[address] = start_s + draw.uniform(0, SPREAD_S)
        time.sleep(LEARN_S + SPREAD_S)
        _wait_for_all(apart, together)
    offset_s = time.time() - time.monotonic()
    yield row("fault", "fault to message, P0, default settings", lines(hosts, apart, offset_s))
    yield row("fault-joins", "the same, joining a group that fires already", lines(hosts, together, offset_s))


def _wait_for_all(*webhooks: Webhook) -> None:
    deadline_s = time.monotonic() + TOLD_S_MAX
    while time.monotonic() < deadline_s:
        if all(len(_instances(each)) == HOSTS for each in webhooks):
            return
        time.sleep(0.5)


def _instances(webhook: Webhook) -> set[str]:
    return {alert["labels"]["instance"] for notice in list(webhook.notices) for alert in notice.json()["alerts"]}


STAGE = Stage(("fault", "fault-joins"), run)
