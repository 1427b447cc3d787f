"""What the metric store costs: ``python benchmarks/store.py [--quick]``. Prints medians; writes to a temporary folder.

The shapes are those that a cohort store must be good at and those that it must not be bad at: large targets, many
targets of one series, one series alone, pushed samples, a cold start.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Cohort, Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Floats, Ints

INTERVAL_MS = 15_000
HOUR_MS = 3_600_000
START_MS = 20_000 * 24 * HOUR_MS


@dataclass
class Target:
    cohort: Cohort
    rows: Ints
    values: Floats


def open_store(directory: Path, clock: ManualClock) -> Store:
    return Store.open(directory, StoreSettings(retention_ms=0, max_block_duration="2h"), clock, CollectorRegistry())


def targets(store: Store, count: int, size: int, prefix: str, metrics: int = 10) -> list[Target]:
    """``count`` targets of ``size`` series of ``metrics`` metrics."""
    found = []
    for number in range(count):
        cohort = store.cohort(f"{prefix}{number}")
        series = [
            Labels(
                {
                    "__name__": f"{prefix}_{i % metrics}",
                    "job": f"j{number % 5}",
                    "instance": f"{prefix}{number}",
                    "x": str(i // metrics),
                }
            )
            for i in range(size)
        ]
        found.append(Target(cohort, cohort.rows(series), np.zeros(size)))
    return found


def scrape(group: list[Target], clock: ManualClock, chance: np.random.Generator, scrapes: int) -> float:
    """Append like exporters do: two thirds of the series stand still, the rest count. Returns seconds spent."""
    spent_s = 0.0
    for _ in range(scrapes):
        clock.step_wall(INTERVAL_MS / 1000)
        now = clock.now_ms()
        for target in group:
            target.values[::3] += chance.integers(0, 50, len(target.values[::3]))
            start_s = time.perf_counter()
            target.cohort.append(now, target.rows, target.values)
            spent_s += time.perf_counter() - start_s
    return spent_s


def median_ms(work: Callable[[], object], rounds: int = 15) -> float:
    work()
    times = []
    for _ in range(rounds):
        start_s = time.perf_counter()
        work()
        times.append(time.perf_counter() - start_s)
    return statistics.median(times) * 1000


def show(what: str, value: float, unit: str) -> None:
    print(f"{what:<78} {value:>10.3f} {unit}")


def bench_append(count: int, size: int, scrapes: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(START_MS)
        store = open_store(Path(directory), clock)
        group, chance = targets(store, count, size, "m"), np.random.default_rng(1)
        scrape(group, clock, chance, 3)
        spent_s = scrape(group, clock, chance, scrapes)
        store.close()
    show(f"append, {count} targets of {size} series, a scrape", spent_s / scrapes / count * 1e6, "us")
    show("  a sample", spent_s / scrapes / count / size * 1e9, "ns")


def bench_select(hours: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock, chance = ManualClock(START_MS), np.random.default_rng(1)
        store = open_store(Path(directory), clock)
        group = (
            targets(store, 100, 100, "m")
            + targets(store, 2000, 7, "up")
            + targets(store, 1, 10_000, "big")
            + targets(store, 1, 10_000, "wide", 1000)
        )
        scrape(group, clock, chance, int(hours * HOUR_MS / INTERVAL_MS) + 1)
        now = clock.now_ms()
        for name, matchers in {
            "10,000 series in 100 targets": [Matcher("__name__", MatchOp.REGEX, "m_.*")],
            "10,000 series in one target": [Matcher("__name__", MatchOp.REGEX, "big_.*")],
            "10,000 series of 1,000 metrics in one target": [Matcher("__name__", MatchOp.REGEX, "wide_.*")],
            "2,000 targets of one series": [
                Matcher("__name__", MatchOp.EQUAL, "up_0"),
                Matcher("x", MatchOp.EQUAL, "0"),
            ],
            "one series": [
                Matcher("__name__", MatchOp.EQUAL, "m_3"),
                Matcher("instance", MatchOp.EQUAL, "m7"),
                Matcher("x", MatchOp.EQUAL, "3"),
            ],
            "no name, one target": [Matcher("instance", MatchOp.EQUAL, "m7")],
        }.items():
            for span, start in (("1 h", now - HOUR_MS), ("5 min", now - HOUR_MS // 12)):
                show(
                    f"select {name}, {span} at 15 s",
                    median_ms(lambda m=matchers, s=start: store.select(m, s, now)),
                    "ms",
                )
        store.close()


def bench_disk(hours: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock, chance = ManualClock(START_MS), np.random.default_rng(1)
        path = Path(directory)
        store = open_store(path, clock)
        group = targets(store, 10, 500, "m")
        scrape(group, clock, chance, int(hours * HOUR_MS / INTERVAL_MS))
        store.close()
        samples = 5000 * int(hours * HOUR_MS / INTERVAL_MS)
        size = sum(file.stat().st_size for file in (path / "wal").iterdir())
        show(f"WAL of 5,000 series, {hours:g} h, a sample", size / samples, "bytes")
        start_s = time.perf_counter()
        store = open_store(path, clock)
        show(f"start with a WAL of 5,000 series in 10 targets, {hours:g} h", time.perf_counter() - start_s, "s")
        clock.step_wall(24 * 3600)
        start_s = time.perf_counter()
        store.keeper.maintain()
        show(f"cutting blocks of it, {hours:g} h", time.perf_counter() - start_s, "s")
        show("  on disk, a sample", sum(file.stat().st_size for file in (path / "blocks").iterdir()) / samples, "bytes")
        end = START_MS + int(hours * HOUR_MS)
        matchers = [Matcher("__name__", MatchOp.EQUAL, "m_3")]
        show(
            f"select 100 series from blocks, {hours:g} h",
            median_ms(lambda: store.select(matchers, START_MS, end), 5),
            "ms",
        )
        store.close()
        start_s = time.perf_counter()
        open_store(path, clock).close()
        show("start with these blocks", time.perf_counter() - start_s, "s")


def bench_push(series: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(START_MS)
        store = open_store(Path(directory), clock)
        labels = [Labels({"__name__": f"p_{i % 20}", "i": str(i), "job": "push"}) for i in range(series)]
        spent_s = 0.0
        for _ in range(rounds):
            clock.step_wall(15)
            for start in range(0, series, 2000):
                part = labels[start : start + 2000]
                times, values = np.full(len(part), clock.now_ms()), np.random.default_rng(1).random(len(part))
                start_s = time.perf_counter()
                store.append_samples(part, times, values)
                spent_s += time.perf_counter() - start_s
        show(f"append_samples, {series} series in batches of 2,000, a sample", spent_s / rounds / series * 1e9, "ns")
        matchers = [Matcher("job", MatchOp.EQUAL, "push")]
        show(
            f"select all of them, {rounds} samples each", median_ms(lambda: store.select(matchers, 0, 1 << 60), 5), "ms"
        )
        store.close()


def resident_mb() -> float:
    """What the process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def bench_new_series(size: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(START_MS)
        store = open_store(Path(directory), clock)
        spent = []
        for number in range(5):
            series = [named(f"new_{i % 100}", str(i), f"t{number}") for i in range(size)]
            cohort, start_s = store.cohort(f"t{number}"), time.process_time()
            cohort.append(clock.now_ms(), cohort.rows(series), np.zeros(size))
            spent.append(time.process_time() - start_s)
        store.close()
    show(f"the first scrape of a target of {size} series, processor time", statistics.median(spent) * 1000, "ms")


def named(name: str, x: str, instance: str) -> Labels:
    return Labels({"__name__": name, "x": x, "instance": instance, "job": "j", "mode": f"m{int(x) % 7}"})


def bench_memory(count: int, size: int, hours: float) -> None:
    """Targets that stand, scraped for a while. To be run before anything else has left free memory behind."""
    with tempfile.TemporaryDirectory() as directory:
        clock, chance = ManualClock(START_MS), np.random.default_rng(1)
        before_mb = resident_mb()
        store = open_store(Path(directory), clock)
        group = targets(store, count, size, "m", metrics=20)
        show(f"memory of {count * size} series in {count} targets, no sample yet", resident_mb() - before_mb, "MB")
        fill(store, group, clock, chance, hours)
        show(f"  with {hours:g} h at 15 s", resident_mb() - before_mb, "MB")
        store.close()


def fill(store: Store, group: list[Target], clock: ManualClock, chance: np.random.Generator, hours: float) -> None:
    """Hours of scrapes, packed at the pace at which a server's own thread would."""
    for _ in range(int(hours * HOUR_MS / INTERVAL_MS) // 8):
        scrape(group, clock, chance, 8)
        store.keeper.pack()


def bench_start(count: int, size: int, hours: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock, chance = ManualClock(START_MS), np.random.default_rng(1)
        store = open_store(Path(directory), clock)
        fill(store, targets(store, count, size, "m"), clock, chance, hours)
        store.close()
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        store = open_store(Path(directory), clock)
        show(f"start with a WAL of {count} targets of {size} series, {hours:g} h", time.perf_counter() - start_s, "s")
        show("  processor time", time.process_time() - start_cpu_s, "s")
        store.close()


def bench_churn(hours: int) -> None:
    """A target of 1,000 series that shows 2,000 others each hour, kept for 12 h."""
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(START_MS)
        store = Store.open(Path(directory), StoreSettings(retention="12h"), clock, CollectorRegistry())
        target, standing = store.cohort("t"), [named("m", str(i), "t") for i in range(1000)]
        for hour in range(1, hours + 1):
            guests = [named("p", str(i), f"pod-{hour}") for i in range(2000)]
            for _ in range(4):
                rows = target.rows(standing + guests)
                target.append(clock.now_ms(), rows, np.ones(len(rows)))
                clock.step_wall(900)
            store.keeper.maintain()
            if hour in (hours // 2, hours):
                known = store.statistics().head_series
                show(f"2,000 new series an hour kept 12 h, after {hour} h: resident", resident_mb(), "MB")
                show("  series in the head", known, "")
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less data; figures are rougher")
    quick = parser.parse_args().quick
    bench_memory(*((20, 1000) if quick else (100, 1000)), 1.0)
    for count, size in ((100, 100), (10, 1000), (1, 10_000)):
        bench_append(count, size, 40 if quick else 240)
    bench_select(1.0)
    bench_new_series(20_000)
    bench_start(*((20, 1000) if quick else (100, 1000)), 2.0)
    bench_start(*((200, 7) if quick else (2100, 7)), 1.0)
    bench_churn(30 if quick else 60)
    bench_push(10_000, 20 if quick else 100)
    bench_disk(2.0 if quick else 6.0)
    show("peak resident memory of this run", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")


if __name__ == "__main__":
    sys.exit(main())
