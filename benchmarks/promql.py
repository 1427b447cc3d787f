"""How long the engine takes, from a selection in memory to arrays: ``python benchmarks/promql.py [--quick]``.

10,000 counters, one sample every 15 s for an hour and a bit. Medians in milliseconds: of this process' time on
processors, and by the clock on the wall, which says nothing when others keep the machine busy. Store and parsing of
the request are not in them, and writing the answer as JSON has lines of its own. Other lines read a week from blocks,
ask what alerting rules ask, of series of five hosts, and ask one large question in several threads at once.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from fenghuo.api.prometheus.encode import encode_result
from fenghuo.base.clock import ManualClock, SystemClock
from fenghuo.base.interpreter import SWITCH_INTERVAL_S
from fenghuo.metrics.promql import Engine, QueryResult
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.label_table import Dictionary, LabelColumn, LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection

INTERVAL_MS = 15_000
START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds."""

    processor: float
    wall: float

    def __str__(self) -> str:
        return f"{self.processor:9.2f} ms {self.wall:9.2f} ms"


class Fixed:
    """Answers every question with the same selection."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        first = next(iter(self._selection.blocks)).times_ms
        if first[0] >= start_ms and first[-1] <= end_ms:
            return self._selection
        blocks = tuple(_cut(block, start_ms, end_ms) for block in self._selection.blocks)
        return Selection(self._selection.labels, blocks)


def _cut(block: DenseBlock | RaggedBlock, start_ms: int, end_ms: int) -> DenseBlock | RaggedBlock:
    if isinstance(block, RaggedBlock):
        return block
    left, right = np.searchsorted(block.times_ms, start_ms), np.searchsorted(block.times_ms, end_ms, side="right")
    values = np.ascontiguousarray(block.values[:, left:right])
    return DenseBlock(block.series, block.times_ms[left:right], values)


def counters(targets: int, per_target: int) -> Selection:
    """Counters of random steps that have run for a while; target t has the job ``job<t % 10>``, every tenth of its
    series restarts."""
    random = np.random.default_rng(1)
    samples = (HOUR_MS + 5 * 60_000) // INTERVAL_MS + 1
    blocks = []
    for target in range(targets):
        values = np.cumsum(random.integers(0, 50, (per_target, samples)), axis=1).astype(np.float64)
        values += random.integers(0, 1_000_000, (per_target, 1))
        values[::10, samples // 2 :] -= values[::10, samples // 2 : samples // 2 + 1]
        times = START_MS - 5 * 60_000 + np.arange(samples, dtype=np.int64) * INTERVAL_MS + target % 1000
        series = np.arange(per_target, dtype=np.int64) + target * per_target
        blocks.append(DenseBlock(series, times, values))
    return Selection(_labels(targets, per_target), _as_stored(blocks))


def _as_stored(blocks: list[DenseBlock]) -> tuple[DenseBlock | RaggedBlock, ...]:
    """Cohorts of a few series come from the store as one ragged block."""
    if len(blocks[0].series) > 1:
        return tuple(blocks)
    sizes = [0, *(len(block.times_ms) for block in blocks)]
    return (
        RaggedBlock(
            np.concatenate([block.series for block in blocks]),
            np.cumsum(sizes),
            np.concatenate([block.times_ms for block in blocks]),
            np.concatenate([block.values[0] for block in blocks]),
        ),
    )


def _labels(targets: int, per_target: int) -> LabelTable:
    target = np.repeat(np.arange(targets), per_target)
    number = np.tile(np.arange(per_target), targets)
    size = targets * per_target
    return LabelTable(
        size,
        {
            "__name__": _column(np.zeros(size, np.int64), "requests_total"),
            "instance": _column(target, "host"),
            "job": _column(target % 10, "job"),
            "path": _column(number, "/path/"),
        },
    )


def buckets(targets: int, histograms: int) -> Selection:
    """Histograms of ten buckets; every bucket counts at least as fast as the one below."""
    random = np.random.default_rng(2)
    series = targets * histograms * len(BOUNDS)
    samples = (HOUR_MS + 5 * 60_000) // INTERVAL_MS + 1
    blocks = []
    for target in range(targets):
        grown = random.integers(0, 10, (histograms, len(BOUNDS), samples)).cumsum(axis=1).cumsum(axis=2)
        values = grown.reshape(-1, samples).astype(np.float64) + 1e6
        times = START_MS - 5 * 60_000 + np.arange(samples, dtype=np.int64) * INTERVAL_MS + target % 1000
        blocks.append(DenseBlock(np.arange(len(values)) + target * len(values), times, values))
    table = _labels(targets, histograms * len(BOUNDS))
    bounds = LabelColumn(
        np.tile(np.arange(1, len(BOUNDS) + 1, dtype=np.int32), series // len(BOUNDS)), Dictionary(BOUNDS)
    )
    return Selection(LabelTable(series, {**table.columns, "le": bounds}), tuple(blocks))


def cold_milliseconds(directory: Path, days: int, rounds: int) -> Taken:
    """The median of ``rate[1h]`` of 200 series at 30 s, step 10 m, from blocks that are opened for each round."""
    clock = ManualClock(START_MS)
    settings = StoreSettings(retention_ms=0)
    store = Store.open(directory, settings, clock, CollectorRegistry())
    cohorts = [store.cohort(f"t{target}") for target in range(2)]
    labels = [[{"__name__": "x_total", "t": str(t), "n": str(n)} for n in range(100)] for t in range(2)]
    rows = [cohort.rows([Labels(each) for each in own]) for cohort, own in zip(cohorts, labels, strict=True)]
    values, random = np.zeros((2, 100)), np.random.default_rng(3)
    for scrape in range(days * 2880):
        clock.step_wall(30)
        values += random.integers(0, 50, values.shape)
        for cohort, own_rows, own in zip(cohorts, rows, values, strict=True):
            cohort.append(clock.now_ms(), own_rows, own)
        if scrape % 240 == 0:
            store.keeper.maintain()
    clock.step_wall(6 * 3600)
    store.keeper.maintain()
    store.close()
    processor, wall = [], []
    for _ in range(rounds):
        store = Store.open(directory, settings, clock, CollectorRegistry())
        engine = Engine(store, SystemClock())
        start_s, wall_s = time.process_time(), time.perf_counter()
        engine.range("rate(x_total[1h])", START_MS + HOUR_MS, START_MS + days * 24 * HOUR_MS, 600_000)
        processor.append((time.process_time() - start_s) * 1000)
        wall.append((time.perf_counter() - wall_s) * 1000)
        store.close()
    return Taken(statistics.median(processor), statistics.median(wall))


def _column(numbers: np.ndarray, prefix: str) -> LabelColumn:
    dictionary = Dictionary(f"{prefix}{number}" for number in range(int(numbers.max()) + 1))
    return LabelColumn((numbers + 1).astype(np.int32), dictionary)


def milliseconds(engine: Engine, expr: str, *, is_range: bool, rounds: int) -> Taken:
    """The median of ``rounds`` evaluations."""
    return _median(rounds, lambda: evaluated(engine, expr, is_range=is_range))


def at_once_milliseconds(engine: Engine, expr: str, *, threads: int, rounds: int) -> Taken:
    """The median of asking the same in several threads at once, until all have their answers."""
    with ThreadPoolExecutor(threads) as pool:

        def ask() -> None:
            asked = [pool.submit(evaluated, engine, expr, is_range=True) for _ in range(threads)]
            for each in asked:
                each.result()

        return _median(rounds, ask)


def json_milliseconds(engine: Engine, expr: str, *, rounds: int) -> Taken:
    """The median of writing the answer ``rounds`` times."""
    result = evaluated(engine, expr, is_range=True)
    return _median(rounds, lambda: b"".join(encode_result(result)[0]))


def evaluated(engine: Engine, expr: str, *, is_range: bool) -> QueryResult:
    if is_range:
        return engine.range(expr, START_MS, START_MS + HOUR_MS, INTERVAL_MS)
    return engine.instant(expr, START_MS + HOUR_MS)


def _median(rounds: int, work: Callable[[], object]) -> Taken:
    processor, wall = [], []
    for _ in range(rounds + 1):
        start_s, wall_s = time.process_time(), time.perf_counter()
        work()
        processor.append((time.process_time() - start_s) * 1000)
        wall.append((time.perf_counter() - wall_s) * 1000)
    return Taken(statistics.median(processor[1:]), statistics.median(wall[1:]))


RATE = "sum by (job)(rate(x[5m]))"
QUANTILE = "histogram_quantile(0.95, sum by (le, job)(rate(x[5m])))"
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf")
RULES = ("x == 0", "rate(x[5m]) > 1e9", "sum by (job)(x) / on(job) group_left() count by (job)(x) < 0", "absent(x)")


def main() -> None:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; figures are rougher")
    quick = parser.parse_args().quick
    rounds = 3 if quick else 9
    many = Engine(Fixed(counters(100, 100)), SystemClock())
    one = Engine(Fixed(counters(1, 10_000)), SystemClock())
    ups = Engine(Fixed(counters(2000, 1)), SystemClock())
    single = Engine(Fixed(counters(1, 1)), SystemClock())
    histograms = Engine(Fixed(buckets(100, 20)), SystemClock())
    hosts = Engine(Fixed(counters(5, 1)), SystemClock())
    work = [
        ("10,000 series in 100 targets", many, RATE, True),
        ("10,000 series in 100 targets", many, RATE, False),
        ("10,000 series in one target", one, RATE, True),
        ("10,000 series in 100 targets", many, "topk(5, rate(x[5m]))", True),
        ("10,000 series in 100 targets", many, "avg_over_time(x[10m])", True),
        ("10,000 series in 100 targets", many, "max_over_time(x[10m])", True),
        ("10,000 series in 100 targets", many, "quantile_over_time(0.9, x[10m])", True),
        ("2,000 targets of one series", ups, "sum(x)", True),
        ("2,000 targets of one series", ups, "count by (job)(x == 0)", True),
        ("one series", single, "rate(x[5m])", True),
        ("20,000 buckets in 100 targets", histograms, QUANTILE, True),
        *(("series of five hosts", hosts, rule, False) for rule in RULES),
    ]
    for data, engine, expr, is_range in work:
        kind = "1 h at 15 s" if is_range else "instant"
        print(f"{milliseconds(engine, expr, is_range=is_range, rounds=rounds)}  {expr:34} {kind:12} {data}")
    for threads in (2, 4):
        taken = at_once_milliseconds(many, RATE, threads=threads, rounds=rounds)
        print(f"{taken}  {RATE:34} {threads} at once    10,000 series in 100 targets")
    for expr in ("avg_over_time(x[10m])", "max_over_time(x[10m])"):
        print(f"{json_milliseconds(many, expr, rounds=rounds)}  {expr:34} as JSON      2,410,000 points")

    days = 1 if quick else 7
    with tempfile.TemporaryDirectory() as directory:
        taken = cold_milliseconds(Path(directory), days, rounds)
        print(f"{taken}  {'rate(x_total[1h])':34} {days} d at 10 m   200 series at 30 s, from blocks")


if __name__ == "__main__":
    main()
