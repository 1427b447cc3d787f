"""CPU a scrape: Fenghuo, Prometheus and VictoriaMetrics scraping the same targets, one after the other.

Run ``python benchmarks/scrape.py [--quick] [--only fenghuo] [--plain]``. Two shapes at an interval of one second: 100
targets of 1,000 lines, and 2,000 of 10 lines at five. The targets (``scrape_targets.py``) run in a process of their own
and compress what they serve, as exporters do, unless ``--plain``. Processor time of the whole server process, by what
the targets served meanwhile: HTTP, parsing, storing, WAL and whatever else it does. Linux only.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from beside.servers import SERVERS, Server, installed, running
from scrape_targets import Targets, serving


@dataclass(frozen=True)
class Shape:
    targets: int
    lines: int
    interval_s: int


SHAPES = (Shape(100, 1000, 1), Shape(2000, 10, 5))


@dataclass(frozen=True)
class Cost:
    """Microseconds of processor time."""

    scrape_us: float
    sample_us: float
    scrapes: int
    resident_mib: float


def measured(server: Server, targets: Targets, seconds: float) -> Cost:
    before, before_s = targets.served, server.usage.cpu_s
    time.sleep(seconds)
    after, usage = targets.served, server.usage
    spent_us = (usage.cpu_s - before_s) * 1e6
    scrapes, lines = after.scrapes - before.scrapes, after.lines - before.lines
    return Cost(spent_us / scrapes, spent_us / lines, scrapes, usage.resident_mib)


def scraped_by(name: str, shape: Shape, seconds: float, *, compressed: bool) -> Cost:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(shape.targets, shape.lines, compressed=compressed) as targets,
        running(name, Path(folder), targets.config(f"{shape.interval_s}s")) as server,
    ):
        time.sleep(6 + 2 * shape.interval_s)  # Every target is new once.
        return measured(server, targets, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the time; figures are rougher")
    parser.add_argument("--only", choices=SERVERS, action="append", help="not the others")
    parser.add_argument("--plain", action="store_true", help="bodies are not compressed")
    parser.add_argument("--shape", type=int, choices=range(len(SHAPES)), help="that one of the shapes only")
    given = parser.parse_args()
    seconds, names = 10 if given.quick else 30, [name for name in installed() if name in (given.only or SERVERS)]
    print(f"{'':<34}{'server':>18}{'µs a scrape':>13}{'µs a sample':>13}{'scrapes':>9}{'resident':>11}")
    for shape in SHAPES if given.shape is None else SHAPES[given.shape : given.shape + 1]:
        for name in names:
            cost = scraped_by(name, shape, seconds, compressed=not given.plain)
            work = f"{shape.targets} × {shape.lines} lines, {shape.interval_s} s"
            print(
                f"{work:<34}{name:>18}{cost.scrape_us:>13.0f}{cost.sample_us:>13.2f}{cost.scrapes:>9}"
                f"{cost.resident_mib:>7.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
