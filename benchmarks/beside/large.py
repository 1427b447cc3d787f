"""Many series: the memory of a server that has an hour of them and scrapes on, and its start after two hours.

The series are those of the targets that are then scraped (``scrape_targets.py``), so that a server goes on with what
it has, and its scrapers remember what scrapers remember.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scrape_targets import GENERATIONS, addresses, bodies, serving

from beside import data
from beside.data import Span, Target
from beside.exported import Exported, exported
from beside.feed import send, write_fenghuo
from beside.queries import last_moment_s
from beside.rows import Row
from beside.servers import FENGHUO, PROMETHEUS, Server, drop_from_memory, reload, running
from beside.stage import Bench, Stage
from fenghuo.metrics.collect.scrape.pool import cohort_key
from fenghuo.model.labels import Labels

LINES = 1000
SCRAPED_S = 50.0
"""Three scrapes of every target, and a little."""
ROUNDS_A_REQUEST = 5
START_S_MAX = 5.0
STARTS = 3
MEMORY_RATIO = 1.43
"""At most 0.7 of what Prometheus has."""
NAMES = ("memory", "start", "memory-growth", "start-growth")


def history(said: Exported, instances: Sequence[str], span: Span) -> list[Target]:
    """The targets' past, as if they had been scraped, in the cohorts in which they will be."""
    found = []
    for number, address in enumerate(instances):
        generations = (np.arange(span.rounds) + 7 * number) % GENERATIONS
        series = said.of("shop", address)
        key = cohort_key(("shop", Labels({"job": "shop", "instance": address}), f"http://{address}/metrics"))
        found.append(Target(key, series, span.times_ms(number), said.values[:, generations]))
    return found


def run(bench: Bench) -> Iterator[Row]:
    whole = 10 if bench.quick else 100
    sizes = [whole // 10, whole * 3 // 10] if bench.wanted(NAMES[2:]) else []
    said = exported(bodies(LINES))
    for count in (*sizes, whole):
        for name, measured in (("memory", memory_row), ("start", start_row)):
            shown = name if count == whole else f"{name}-growth"
            if bench.wants(shown):
                yield measured(bench, shown, said, count)


def memory_row(bench: Bench, name: str, said: Exported, count: int) -> Row:
    """An hour of history, then live scrapes of the same series each 15 s."""
    resident, own = {}, []
    with bench.folder("memory") as folder, serving(count, LINES) as targets:
        span = Span(last_moment_s() * 1000, data.HOUR_MS // data.INTERVAL_MS)
        past = history(said, targets.addresses, span)
        for server_name in bench.servers:
            with with_past(server_name, folder, past, targets.config("15s")) as server:
                time.sleep(SCRAPED_S)
                usage = server.usage
            resident[server_name] = usage.resident_mib
            own.append(f"{usage.anonymous_mib:,.0f}")
    ratio = {PROMETHEUS: MEMORY_RATIO} if name == "memory" else {}
    work = f"memory, {count * LINES:,} series, 1 h at 15 s, scraping on"
    return Row(name, work, "MiB", resident, ratio, note=f"without mapped files {'/'.join(own)}")


@contextmanager
def with_past(name: str, folder: Path, past: Sequence[Target], config: str) -> Iterator[Server]:
    """A server that has the past, and then scrapes. Prometheus takes nothing that is an hour older than a scrape."""
    if name == FENGHUO:
        write_fenghuo(folder / name, past, with_blocks=False)
        with running(name, folder / name, config) as server:
            yield server
        return
    with running(name, folder / name) as server:
        send(server, past, ROUNDS_A_REQUEST)
        reload(server, config)
        yield server


def start_row(bench: Bench, name: str, said: Exported, count: int) -> Row:
    """From exec to ready, the log read from the disk: the median of some starts of each server."""
    ready: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    with bench.folder("start") as folder:
        span = Span(last_moment_s() * 1000, 2 * data.HOUR_MS // data.INTERVAL_MS)
        past = history(said, addresses(count), span)
        for server_name in bench.servers:
            fill(server_name, folder, past)
        for _ in range(STARTS):
            for server_name in bench.servers:
                drop_from_memory(folder / server_name / "data")
                with running(server_name, folder / server_name) as server:
                    ready.setdefault(server_name, []).append(server.ready_s)
                    cpu.setdefault(server_name, []).append(server.usage.cpu_s * 1000)
    most = START_S_MAX if name == "start" else None
    work = f"start with a WAL of {count * LINES:,} series and 2 h at 15 s"
    medians = {each: float(np.median(taken)) for each, taken in ready.items()}
    return Row(
        name, work, "s", medians, most=most, cpu_ms={each: float(np.median(taken)) for each, taken in cpu.items()}
    )


def fill(name: str, folder: Path, past: Sequence[Target]) -> None:
    """Two hours into the log of a server that is stopped afterwards."""
    if name == FENGHUO:
        write_fenghuo(folder / name, past, with_blocks=False)
        return
    with running(name, folder / name) as server:
        send(server, past, ROUNDS_A_REQUEST)


STAGE = Stage(NAMES, run)
