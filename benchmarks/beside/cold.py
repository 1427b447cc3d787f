"""A week from blocks that nobody has read: every round ends the servers, drops their files from memory, starts anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from beside import data
from beside.agreement import WIDE
from beside.asking import Answer
from beside.data import Span, Target
from beside.feed import send, write_fenghuo, write_prometheus_blocks
from beside.queries import Query, Taken, agreements, last_moment_s, row_of
from beside.rows import Row
from beside.servers import FENGHUO, PROMETHEUS, VICTORIA, drop_from_memory, running
from beside.stage import Bench, Stage

DAY_S = 86_400
INTERVAL_MS = 30_000
ROUNDS_A_REQUEST = 400
NAMES = ("cold", "cold-again")


def week(name: str, work: str, days: int, targets: tuple[float, float] = (0, 0)) -> Query:
    """The query over all days but the first hour. ``targets``: the ratios to reach."""
    span_s = days * DAY_S - 3600
    return Query(name, work, "rate(z[1h])", "z", *targets, victoria_tolerance=WIDE, span_s=span_s, step_s=600)


WARM = Query("warm", "what loads code and nothing of the blocks", "rate(w[5m])", "w", 0, 0)


def run(bench: Bench) -> Iterator[Row]:
    days = 2 if bench.quick else 7
    end_s = last_moment_s()
    with bench.folder("cold") as folder:
        fill(bench, folder, history(days, end_s))
        first = week("cold", f"rate(z[1h]), {days} d at 30 s, 200 series, step 10 m, cold blocks", days, (3, 1))
        taken, again, answers = measure(bench, folder, first, end_s)
    agreement = agreements(first, answers)
    yield row_of(first, taken, agreement)
    yield row_of(week("cold-again", "  the same a second time", days), again, agreement)


def history(days: int, end_s: int) -> list[Target]:
    rounds = days * DAY_S * 1000 // INTERVAL_MS
    span = Span(end_s * 1000, rounds, INTERVAL_MS)
    return data.counters("z", 10, 20, span) + data.counters("w", 1, 1, span)


def fill(bench: Bench, folder: Path, targets: list[Target]) -> None:
    """Each server's own blocks: Fenghuo cut them itself, promtool and VictoriaMetrics made theirs."""
    bench.say(f"fenghuo's blocks written in {write_fenghuo(folder / FENGHUO, targets):.1f} s")
    if PROMETHEUS in bench.servers:
        bench.say(f"promtool's blocks written in {write_prometheus_blocks(folder / PROMETHEUS, targets):.1f} s")
    if VICTORIA in bench.servers:
        with running(VICTORIA, folder / VICTORIA) as server:
            bench.say(f"victoria-metrics fed in {send(server, targets, ROUNDS_A_REQUEST):.1f} s")


Times = defaultdict[str, Taken]


def measure(bench: Bench, folder: Path, query: Query, end_s: int) -> tuple[Times, Times, dict[str, Answer]]:
    """Of each server: the first answer of each start, the second, and one answer to compare."""
    first, second, answers = Times(Taken), Times(Taken), dict[str, Answer]()
    for _ in bench.rounds():
        for name in bench.servers:
            drop_from_memory(folder / name / "data")
            with running(name, folder / name) as server:
                WARM.ask(server, end_s)
                for times in (first, second):
                    before_s = server.usage.cpu_s
                    answers[name] = query.ask(server, end_s)
                    times[name].cpu_ms.append((server.usage.cpu_s - before_s) * 1000)
                    times[name].wall_ms.append(answers[name].seconds * 1000)
    return first, second, answers


STAGE = Stage(NAMES, run)
