"""How the cost of a query grows with its series: once, three times and ten times as many."""

from __future__ import annotations

from collections.abc import Iterator

from beside import data
from beside.agreement import WIDE, Kind
from beside.data import Span
from beside.feed import send, write_fenghuo
from beside.queries import BY_JOB, ROUNDS, Query, last_moment_s, measure
from beside.rows import Row
from beside.servers import FENGHUO, all_running
from beside.stage import Bench, Stage

TIMES = (1, 3, 10)
EXPRESSIONS = (BY_JOB, "topk(5, rate({}[5m]))", "max(max_over_time({}[10m]))")


def queries(targets: int) -> list[Query]:
    """The same work over metrics of so many times ``targets`` targets of a hundred series."""
    return [
        Query(
            "query-growth",
            f"{expr.format('x')}, {targets * times * 100:,} series, 1 h",
            expr.format(metric_of(times)),
            "x",
            0,
            0,
            kind=Kind.RANKS if "topk" in expr else Kind.SERIES,
            victoria_tolerance=WIDE,
        )
        for expr in EXPRESSIONS
        for times in TIMES
    ]


def metric_of(times: int) -> str:
    return f"x{times}"


def run(bench: Bench) -> Iterator[Row]:
    unit = 10 if bench.quick else 100
    end_s = last_moment_s()
    span = Span(end_s * 1000, ROUNDS)
    targets = [each for times in TIMES for each in data.counters(metric_of(times), unit * times, 100, span)]
    with bench.folder("growth") as folder:
        bench.say(f"{data.series_of(targets):,} series, {data.total(targets):,} samples")
        write_fenghuo(folder / FENGHUO, targets)
        with all_running(bench.servers, folder) as servers:
            for name, server in servers.items():
                if name != FENGHUO:
                    send(server, targets)
            del targets
            for query in queries(unit):
                yield measure(bench, query, servers, end_s)


STAGE = Stage(("query-growth",), run)
