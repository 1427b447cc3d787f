"""What a scraped sample costs, and what scraping does to those who ask meanwhile."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from scrape import Shape, scraped_by
from scrape_targets import Targets, serving

from beside import data
from beside.data import Span, Target
from beside.feed import send, write_fenghuo
from beside.queries import BY_JOB, Query, last_moment_s
from beside.rows import Row
from beside.servers import FENGHUO, NOTHING_TO_WATCH, PROMETHEUS, VICTORIA, running
from beside.stage import Bench, Stage

TARGETS, LINES = 100, 1000
SETTLE_S = 8.0
"""Every target is new once, which costs more than the scrapes that follow."""
ASKED = 400
"""Queries, of which the 99th in 100 is looked at."""
PAUSE_S = 0.01
BUSY_MOST = 3.0


def run(bench: Bench) -> Iterator[Row]:
    sizes = [10, 30] if bench.wants("scrape-growth") else []
    for count in [*sizes, TARGETS] if bench.wants("scrape") else sizes:
        yield scrape_row(bench, count)
    if bench.wants("busy"):
        yield busy_row(bench)


def scrape_row(bench: Bench, count: int) -> Row:
    """One server after the other scrapes so many targets each second."""
    shape = Shape(count, LINES, 1)
    costs = {name: scraped_by(name, shape, 10.0 if bench.quick else 30.0, compressed=True) for name in bench.servers}
    whole = count == TARGETS
    return Row(
        "scrape" if whole else "scrape-growth",
        f"processor time a scraped sample, {count} × {LINES:,} lines, 1 s",
        "µs",
        {name: cost.sample_us for name, cost in costs.items()},
        {PROMETHEUS: 2, VICTORIA: 4} if whole else {},
        note="scrapes " + "/".join(str(cost.scrapes) for cost in costs.values()),
    )


def busy_row(bench: Bench) -> Row:
    """The 99th of 100 answers while targets are scraped each second, by the same while nothing is."""
    end_s = last_moment_s()
    history = data.counters("x", TARGETS, 100, Span(end_s * 1000, 60))
    slower, texts = {}, []
    for name in bench.servers:
        with bench.folder("busy") as folder, serving(TARGETS, LINES) as targets:
            quiet_ms, busy_ms = waits(folder, name, history, targets, end_s)
        slower[name] = busy_ms / quiet_ms
        texts.append(f"{name} {quiet_ms:.1f} → {busy_ms:.1f} ms")
    work = "99th of 100 instant queries while scraping, by the quiet one"
    return Row("busy", work, "×", slower, most=BUSY_MOST, note=", ".join(texts))


def waits(folder: Path, name: str, history: list[Target], targets: Targets, end_s: int) -> tuple[float, float]:
    """The quiet and the busy figure (ms) of one server."""
    if name == FENGHUO:
        write_fenghuo(folder, history)
    found: list[float] = []
    for config in (NOTHING_TO_WATCH, targets.config("1s")):
        with running(name, folder, config) as server:
            if name != FENGHUO and not found:
                send(server, history)
            time.sleep(SETTLE_S)
            taken = []
            for _ in range(ASKED):
                taken.append(QUERY.ask(server, end_s).seconds * 1000)
                time.sleep(PAUSE_S)
            found.append(statistics.quantiles(taken, n=100)[98])
    return found[0], found[1]


QUERY = Query("busy", "", BY_JOB.format("x"), "x", 0, 0, is_range=False)
STAGE = Stage(("scrape", "scrape-growth", "busy"), run)
