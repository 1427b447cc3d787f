"""A server to scrape: ``python benchmarks/scrape_targets.py [--targets 100] [--lines 1000] [--plain]``.

Each target listens on a loopback address of its own (127.0.1.1, 127.0.1.2, …), as targets on hosts of their own do,
so that no scraper saves connections that it would need elsewhere. The bodies are rendered beforehand, and gzipped for
who asks unless ``--plain``: what they cost here is a copy into a socket. From one scrape to the next about a third of
the lines change, as with real exporters: counters grow by what their endpoint is used, digits are added, histograms
move all their buckets from one on, gauges wander. After :data:`GENERATIONS` scrapes a target begins again, which is a
counter reset.

``GET /served`` on any address says how many scrapes were answered, and how many lines of samples those had.
:func:`serving` starts it in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

GENERATIONS = 60
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
FAMILY_LINES = 20
TEXT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Exporter:
    """Renders the bodies of one target: half histograms, a third counters, the rest gauges."""

    def __init__(self, lines: int, seed: int = 1) -> None:
        rng = self._rng = random.Random(seed)
        self._lines = lines
        histograms = lines // 2 // (len(BOUNDS) + 2)
        self._buckets = [[0] * len(BOUNDS) for _ in range(histograms)]
        self._sums = [rng.random() * 50 for _ in range(histograms)]
        counters = (lines - histograms * (len(BOUNDS) + 2)) * 2 // 3
        self._counters = [float(int(10 ** (rng.random() * 7))) for _ in range(counters)]
        gauges = lines - counters - histograms * (len(BOUNDS) + 2)
        self._gauges = [rng.random() * 10 ** rng.randrange(1, 8) for _ in range(gauges)]
        self._activity = {id(kind): [rng.choice((0.0, 0.0, 0.4, 0.9)) for _ in kind] for kind in self._kinds()}
        for histogram in range(histograms):
            self._observe(histogram, rng.randrange(2000))

    def _kinds(self) -> tuple[list[float], list[float], list[float]]:
        return self._sums, self._counters, self._gauges

    def _observe(self, histogram: int, times: int) -> None:
        for _ in range(times):
            at = min(int(self._rng.expovariate(0.25)), len(BOUNDS) - 1)
            self._sums[histogram] += float(BOUNDS[at]) if at < len(BOUNDS) - 1 else 20.0
            for bound in range(at, len(BOUNDS)):
                self._buckets[histogram][bound] += 1

    def move(self) -> None:
        """Let one interval pass."""
        sums, counters, gauges = (self._activity[id(kind)] for kind in self._kinds())
        for index, share in enumerate(sums):
            if self._rng.random() < share:
                self._observe(index, self._rng.randrange(1, 9))
        for index, share in enumerate(counters):
            if self._rng.random() < share:
                self._counters[index] += self._rng.randrange(1, 200)
        for index, share in enumerate(gauges):
            if self._rng.random() < share:
                self._gauges[index] *= 0.9 + 0.2 * self._rng.random()

    def body(self) -> bytes:
        """What the target says now."""
        out: list[str] = []
        for index, value in enumerate(self._counters):
            family, place = divmod(index, FAMILY_LINES)
            if not place:
                out.append(f"# HELP shop_{family}_requests_total Requests by endpoint and status.")
                out.append(f"# TYPE shop_{family}_requests_total counter")
            out.append(
                f'shop_{family}_requests_total{{method="{("GET", "POST")[place % 2]}",status="{200 + place % 4}",'
                f'endpoint="/api/v1/orders/{place}/items"}} {value:.0f}'
            )
        if self._buckets:
            out.append("# HELP shop_request_seconds Time to answer.\n# TYPE shop_request_seconds histogram")
        for index, (buckets, total) in enumerate(zip(self._buckets, self._sums, strict=True)):
            endpoint = f'endpoint="/api/v1/products/{index}/stock",method="GET"'
            out += [
                f'shop_request_seconds_bucket{{{endpoint},le="{bound}"}} {count}'
                for bound, count in zip(BOUNDS, buckets, strict=True)
            ]
            out.append(f"shop_request_seconds_sum{{{endpoint}}} {total:.6f}".rstrip("0").rstrip("."))
            out.append(f"shop_request_seconds_count{{{endpoint}}} {buckets[-1]}")
        for index, gauge in enumerate(self._gauges):
            family, place = divmod(index, FAMILY_LINES)
            if not place:
                out.append(f"# HELP shop_{family}_queue_depth What waits.\n# TYPE shop_{family}_queue_depth gauge")
            out.append(f'shop_{family}_queue_depth{{queue="orders-{place}",worker="{place % 5}"}} {gauge!r}')
        return ("\n".join(out) + "\n").encode()


def bodies(lines: int, generations: int = GENERATIONS, seed: int = 1) -> list[bytes]:
    """What a target says at one scrape after the other."""
    exporter = Exporter(lines, seed)
    found = []
    for _ in range(generations):
        found.append(exporter.body())
        exporter.move()
    return found


def answer(body: bytes, *headers: bytes) -> bytes:
    head = [b"HTTP/1.1 200 OK", b"Content-Type: " + TEXT_TYPE, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@dataclass
class Answers:
    """The rendered answers, plain and gzipped, and what was served of them."""

    lines: int
    plain: list[bytes]
    gzipped: list[bytes]
    served: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    """How many scrapes each address has answered."""

    @staticmethod
    def rendered(lines: int, *, compressed: bool) -> Answers:
        found = bodies(lines)
        plain = [answer(body) for body in found]
        if not compressed:
            return Answers(lines, plain, plain)
        return Answers(lines, plain, [answer(gzip.compress(body, 6), b"Content-Encoding: gzip") for body in found])


class Connection(asyncio.Protocol):
    """Answers whatever is asked on one connection, of which none sends a body and all wait for their answers."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._address = str(transport.get_extra_info("sockname")[0])
        # Neighbours stand at other generations, so that what is cached by chance does not flatter anybody.
        positions = self._answers.positions
        positions.setdefault(self._address, 7 * len(positions))

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            head, _, self._asked = self._asked.partition(b"\r\n\r\n")
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        answers = self._answers
        if head.startswith(b"GET /served"):
            return answer(b"%d %d" % (answers.served, answers.served * answers.lines))
        answers.positions[self._address] += 1
        answers.served += 1
        which = answers.gzipped if b"gzip" in head else answers.plain
        return which[answers.positions[self._address] % len(which)]


def addresses(count: int) -> list[str]:
    return [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(count)]


async def serve(targets: int, lines: int, port: int, *, compressed: bool) -> None:
    """Until cancelled; says ``ready`` when it answers. Port 0 takes one that is free on the first address."""
    answers = Answers.rendered(lines, compressed=compressed)
    loop = asyncio.get_running_loop()
    first, *others = addresses(targets)
    server = await loop.create_server(lambda: Connection(answers), first, port)
    port = server.sockets[0].getsockname()[1]
    rest = await loop.create_server(lambda: Connection(answers), others, port) if others else server
    print(f"ready {port}", flush=True)
    await asyncio.gather(server.serve_forever(), rest.serve_forever())


@dataclass(frozen=True)
class Served:
    scrapes: int
    lines: int


@dataclass(frozen=True)
class Targets:
    """A running server of targets."""

    process: subprocess.Popen[str]
    port: int
    count: int

    @property
    def addresses(self) -> list[str]:
        return [f"{address}:{self.port}" for address in addresses(self.count)]

    @property
    def served(self) -> Served:
        with urllib.request.urlopen(f"http://{self.addresses[0]}/served", timeout=10) as said:
            scrapes, lines = map(int, said.read().split())
        return Served(scrapes, lines)

    def config(self, interval: str = "1s") -> str:
        """``scrape_configs`` that all three servers read."""
        targets = ", ".join(f"'{address}'" for address in self.addresses)
        return (
            f"global: {{scrape_interval: {interval}, scrape_timeout: {interval}, evaluation_interval: 1h}}\n"
            f"scrape_configs:\n- job_name: shop\n  static_configs: [{{targets: [{targets}]}}]\n"
        )


@contextlib.contextmanager
def serving(targets: int, lines: int, *, compressed: bool = True) -> Iterator[Targets]:
    """``targets`` targets of ``lines`` lines each, in a process of their own."""
    command = [sys.executable, str(Path(__file__)), f"--targets={targets}", f"--lines={lines}", "--port=0"]
    command += [] if compressed else ["--plain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline().split()
            if said[:1] != ["ready"]:
                raise SystemExit(f"the server of targets did not start (exit code {process.wait()})")
            yield Targets(process, int(said[1]), targets)
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--port", type=int, default=9600)
    parser.add_argument("--plain", action="store_true", help="compress for nobody")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.targets, given.lines, given.port, compressed=not given.plain))


if __name__ == "__main__":
    main()
