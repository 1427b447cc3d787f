"""Remote write: how many samples a second one sender gets in, and what queries cost over series that came that way."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import cramjam

from beside import data
from beside.asking import RefusedError
from beside.data import Span, Target
from beside.feed import send
from beside.queries import QUERIES, last_moment_s, measure
from beside.remote_write import HEADERS, requests
from beside.rows import Row
from beside.servers import PROMETHEUS, Server, all_running
from beside.stage import Bench, Stage

PASS_ROUNDS = 8
"""Scrapes of every target that one pass sends."""
SAMPLES_A_REQUEST = 2_000
"""One sample of each of so many series: what Prometheus sends by default since 2.53."""
PUSHED = tuple(
    replace(query, name=f"{query.name}-pushed", work=f"sum by (job)(rate(x[5m])), {query.name}, series by remote write")
    for query in QUERIES
    if query.name in ("range", "instant")
)


def run(bench: Bench) -> Iterator[Row]:
    end_s = last_moment_s()
    targets = data.counters("x", 100, 100, Span(end_s * 1000, 270))
    with bench.folder("remote") as folder, all_running(bench.servers, folder) as servers:
        if bench.wants("remote-write"):
            yield sending(bench, servers)
        wanted = [query for query in PUSHED if bench.wants(query.name)]
        if wanted:
            for name, server in servers.items():
                bench.say(f"{name} fed in {send(server, targets):.1f} s")
        for query in wanted:
            yield measure(bench, query, servers, end_s)


def sending(bench: Bench, servers: Mapping[str, Server]) -> Row:
    """Samples a second of each server; they take turns, and each pass goes on in time where the last one ended."""
    passes = 4 if bench.quick else 12
    ahead = Span(last_moment_s() * 1000 - data.HOUR_MS, PASS_ROUNDS * (passes + 1))
    targets = data.counters("r", 100, 100, ahead)
    bodies = [bytes(cramjam.snappy.compress_raw(body)) for body in requests(targets, 1, SAMPLES_A_REQUEST)]
    size = len(bodies) // (passes + 1)
    rates: dict[str, list[float]] = {name: [] for name in servers}
    cpu_us: dict[str, list[float]] = {name: [] for name in servers}
    for number, part in enumerate(parts_of(bodies, size)):
        for name, server in servers.items():
            before_s = server.usage.cpu_s
            seconds = sum(posted(server, body) for body in part)
            if number:  # The first pass brings new series.
                samples = samples_of(targets, PASS_ROUNDS)
                rates[name].append(samples / seconds)
                cpu_us[name].append((server.usage.cpu_s - before_s) * 1e6 / samples)
    note = "µs a sample: " + "/".join(f"{statistics.median(each):.2f}" for each in cpu_us.values())
    values = {name: statistics.median(each) for name, each in rates.items()}
    work = "remote write of 10,000 series, one sender"
    return Row("remote-write", work, "1/s", values, {PROMETHEUS: 1}, more_is_better=True, note=note)


def parts_of(bodies: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(bodies), size):
        yield bodies[start : start + size]


def samples_of(targets: Sequence[Target], rounds: int) -> int:
    return rounds * data.series_of(targets)


def posted(server: Server, body: bytes) -> float:
    answer = server.connection.post("/api/v1/write", body, HEADERS)
    if answer.status not in (200, 204):
        raise RefusedError(f"{server.name} refused a remote write: {answer.status} {answer.body[:300]!r}")
    return answer.seconds


STAGE = Stage(("remote-write", *(query.name for query in PUSHED)), run)
