"""Where the processor time of a scrape goes: ``python benchmarks/scrape_stages.py [--quick] [--targets 100] …``.

The scraper and the store in this process, the targets of ``scrape_targets.py`` in another. Each stage's time is that of
its thread, what it calls included; the rest of a scrape is the event loop, its timers, and the system's sending and
receiving. Few scrapes a second cost more each: the processor's caches are cold when they come.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry
from scrape_targets import Targets, serving

from fenghuo.base.clock import SystemClock
from fenghuo.base.guard import Guard
from fenghuo.base.interpreter import turns_for_a_server
from fenghuo.metrics.collect.scrape import shelf
from fenghuo.metrics.collect.scrape.metrics import JobMetrics
from fenghuo.metrics.collect.scrape.service import Scraper
from fenghuo.metrics.collect.scrape.writer import TargetWriter
from fenghuo.metrics.collect.settings import GlobalSettings, JobSettings
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.metrics.store.cohort import Cohort
from fenghuo.metrics.store.journal import Journal
from fenghuo.net.answer import Answer
from fenghuo.net.plain_connection import PlainConnection

STAGES: tuple[tuple[Any, str, str], ...] = (
    (PlainConnection, "data_received", "the answer's bytes"),
    (TargetWriter, "write", "writing, of that:"),
    (Answer, "inflated", "  gzip"),
    (shelf, "parse_text", "  parsing"),
    (Cohort, "append", "  the store, of that:"),
    (Journal, "scrape", "    WAL"),
    (JobMetrics, "observe", "own metrics"),
)


def measure(owner: Any, name: str, label: str, spent_ns: Counter[str]) -> None:
    """Have every call counted under ``label``."""
    real: Callable[..., Any] = getattr(owner, name)

    def measured(*given: Any, **named: Any) -> Any:
        start_ns = time.thread_time_ns()
        try:
            return real(*given, **named)
        finally:
            spent_ns[label] += time.thread_time_ns() - start_ns

    setattr(owner, name, measured)


async def scrape(targets: Targets, interval_ms: int, seconds: float, folder: Path, spent_ns: Counter[str]) -> None:
    clock, registry = SystemClock(), CollectorRegistry()
    store = Store.open(folder, StoreSettings(), clock, registry)
    given = {"job_name": "shop", "static_configs": [{"targets": targets.addresses}]}
    pace = {"scrape_interval": f"{interval_ms}ms", "scrape_timeout": f"{interval_ms}ms"}
    with turns_for_a_server():
        async with Scraper(store, clock, registry, Guard(registry)) as scraper:
            await scraper.apply([JobSettings.model_validate({**given, **pace}).under(GlobalSettings())])
            await asyncio.sleep(5 + interval_ms / 1000)
            before = await asyncio.to_thread(lambda: targets.served)
            spent_ns.clear()
            start_s = time.process_time()
            await asyncio.sleep(seconds)
            whole_us = (time.process_time() - start_s) * 1e6
            scrapes = (await asyncio.to_thread(lambda: targets.served)).scrapes - before.scrapes
    store.close()
    print(f"{'a scrape':<24}{whole_us / scrapes:8.0f} µs, {scrapes / seconds:.0f} a second")
    for _, _, label in STAGES:
        print(f"{label:<24}{spent_ns[label] / scrapes / 1000:8.0f} µs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the time; figures are rougher")
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--interval-ms", type=int, default=1000)
    given = parser.parse_args()
    spent_ns: Counter[str] = Counter()
    for owner, name, label in STAGES:
        measure(owner, name, label, spent_ns)
    with tempfile.TemporaryDirectory() as folder, serving(given.targets, given.lines) as targets:
        seconds = 10 if given.quick else 30
        uvloop.run(scrape(targets, given.interval_ms, seconds, Path(folder), spent_ns))


if __name__ == "__main__":
    main()
