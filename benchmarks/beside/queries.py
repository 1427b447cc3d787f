"""Queries over the last hour, answers and all, through HTTP: wall clock, and processor time beside it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beside import data
from beside.agreement import EXACT, WIDE, Agreement, Kind, compare
from beside.asking import Answer
from beside.data import Span, Target
from beside.feed import send, write_fenghuo
from beside.rows import Row
from beside.servers import FENGHUO, PROMETHEUS, VICTORIA, Server, all_running, come_to_rest
from beside.stage import Bench, Stage

ROUNDS = 270
"""An hour, the five or ten minutes before it, and a little more."""
REPEATS_MAX = 8
REPEATS_S = 0.2
NOTICED_S = 10.0
BETWEEN_S = 0.2
"""Short queries are asked several times a round, up to about so long."""

BY_JOB = "sum by (job)(rate({}[5m]))"


@dataclass(frozen=True)
class Query:
    """A row of the table."""

    name: str
    work: str
    expr: str
    data: str
    prometheus: float
    """The ratio to reach; 0 is none."""
    victoria: float
    is_range: bool = True
    kind: Kind = Kind.SERIES
    victoria_tolerance: float = EXACT
    span_s: int = 3600
    step_s: int = 15

    def ask(self, server: Server, end_s: int) -> Answer:
        if self.is_range:
            span = {"start": end_s - self.span_s, "end": end_s, "step": self.step_s}
            return server.connection.get("/api/v1/query_range", query=self.expr, nocache=1, **span)
        return server.connection.get("/api/v1/query", query=self.expr, time=end_s, nocache=1)


QUERIES = (
    Query("range", "sum by (job)(rate(x[5m])), 10,000 series, 100 targets, 1 h", BY_JOB.format("x"), "x", 15, 3,
          victoria_tolerance=WIDE),
    Query("instant", "  the same at one instant", BY_JOB.format("x"), "x", 10, 6, is_range=False,
          victoria_tolerance=WIDE),
    Query("one-target", "  the same, 10,000 series in one target", BY_JOB.format("y"), "y", 15, 3,
          victoria_tolerance=WIDE),
    Query("up-sum", "sum(up), 2,000 targets of one series, 1 h", "sum(up)", "up", 2, 1),
    Query("up-count", "count by (job)(up == 0), the same", "count by (job)(up == 0)", "up", 2, 1),
    Query("one-series", "rate of one series, 1 h",
          'rate(x{instance="10.0.0.7:9100",path="/api/3",method="PUT"}[5m])', "x", 1, 1, victoria_tolerance=WIDE),
    Query("topk", "topk(5, rate(x[5m])), 10,000 series, 1 h", "topk(5, rate(x[5m]))", "x", 10, 3, kind=Kind.RANKS,
          victoria_tolerance=WIDE),
    Query("avg-over-time", "avg_over_time(g[10m]), 10,000 series, 1 h, whole answer", "avg_over_time(g[10m])", "g", 3,
          1.5),
    Query("max-over-time", "max_over_time(g[10m]), the same", "max_over_time(g[10m])", "g", 3, 1.5),
    Query("quantile-over-time", "quantile_over_time(0.9, g[10m]), the same", "quantile_over_time(0.9, g[10m])", "g", 3,
          1.5),
    Query("histogram", "histogram_quantile of 20,000 bucket series, 1 h",
          "histogram_quantile(0.95, sum by (le, job)(rate(b_bucket[5m])))", "b", 10, 3, victoria_tolerance=WIDE),
)  # fmt: skip

DATA: Mapping[str, Callable[[Span], list[Target]]] = {
    "x": lambda span: data.counters("x", 100, 100, span),
    "y": lambda span: data.counters("y", 1, 10_000, span),
    "g": lambda span: data.gauges("g", 100, 100, span),
    "up": lambda span: data.health(2000, span),
    "b": lambda span: data.histograms("b_bucket", 100, 10, span),
}


@dataclass
class Taken:
    """What one server spent on one query."""

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


def fed(bench: Bench, folder: Path, targets: list[Target]) -> None:
    """Write Fenghuo's directory; the others are sent theirs when they run."""
    bench.say(f"{data.series_of(targets):,} series, {data.total(targets):,} samples")
    bench.say(f"fenghuo's directory written in {write_fenghuo(folder / FENGHUO, targets):.1f} s")


def last_moment_s() -> int:
    """A whole minute that has just gone by, up to which there is data."""
    return int(time.time()) // 60 * 60 - 60


def run(bench: Bench) -> Iterator[Row]:
    wanted = [query for query in QUERIES if bench.wants(query.name)]
    end_s = last_moment_s()
    span = Span(end_s * 1000, ROUNDS)
    targets = [target for name in dict.fromkeys(query.data for query in wanted) for target in DATA[name](span)]
    with bench.folder("queries") as folder:
        fed(bench, folder, targets)
        with all_running(bench.servers, folder) as servers:
            for name, server in servers.items():
                if name != FENGHUO:
                    bench.say(f"{name} fed in {send(server, targets):.1f} s")
            del targets
            for query in wanted:
                yield measure(bench, query, servers, end_s)


def measure(bench: Bench, query: Query, servers: Mapping[str, Server], end_s: int) -> Row:
    """The median of every server, which take turns within each round."""
    answers = {name: query.ask(server, end_s) for name, server in servers.items()}
    repeats = {name: repeats_of(query.ask(server, end_s).seconds) for name, server in servers.items()}
    taken = {name: Taken() for name in servers}
    agreement = agreements(query, answers)
    del answers  # Some are large.
    if (rested_s := come_to_rest(servers.values())) > NOTICED_S:
        bench.say(f"{query.name}: the servers came to rest after {rested_s:.0f} s")
    for _ in bench.rounds():
        for name, server in servers.items():
            come_to_rest(servers.values(), BETWEEN_S)
            if repeats[name] > 1:
                query.ask(
                    server, end_s
                )  # A processor that has rested takes some milliseconds to be at its speed again.
            before_s = server.usage.cpu_s
            taken[name].wall_ms += [query.ask(server, end_s).seconds * 1000 for _ in range(repeats[name])]
            taken[name].cpu_ms.append((server.usage.cpu_s - before_s) * 1000 / repeats[name])
    return row_of(query, taken, agreement)


def row_of(query: Query, taken: Mapping[str, Taken], agreement: Agreement) -> Row:
    """The medians of what was taken."""
    return Row(
        query.name,
        query.work,
        "ms",
        {name: statistics.median(each.wall_ms) for name, each in taken.items()},
        {peer: most for peer, most in ((PROMETHEUS, query.prometheus), (VICTORIA, query.victoria)) if most},
        cpu_ms={name: statistics.median(each.cpu_ms) for name, each in taken.items()},
        note=agreement.text,
        agrees=agreement.agrees,
    )


def repeats_of(seconds: float) -> int:
    return max(1, min(REPEATS_MAX, int(REPEATS_S / max(seconds, 1e-6))))


def agreements(query: Query, answers: Mapping[str, Answer]) -> Agreement:
    """Whether each peer's answer is ours, and how far it is from it, for the table."""
    decoded = {name: answer.json() for name, answer in answers.items()}
    agrees, texts = True, []
    for peer, tolerance in ((PROMETHEUS, EXACT), (VICTORIA, query.victoria_tolerance)):
        if peer in decoded:
            found = compare(decoded[FENGHUO], decoded[peer], query.kind, tolerance)
            agrees = agrees and found.agrees
            texts.append(f"{peer[0].upper()} {'' if found.agrees else 'DIFFERS: '}{found.text}")
    return Agreement(agrees, ", ".join(texts))


STAGE = Stage(tuple(query.name for query in QUERIES), run)
