"""Parsing a scrape of 20,000 lines: the fast path, a body with one new series, a new body; prometheus_client beside it.

Run ``python benchmarks/exposition.py [--quick]``. CPU time of this thread, medians; the peer runs on a tenth of the
lines.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from fenghuo.wire.exposition import parse_text

LINES = 20_000


def body(lines: int, seed: int) -> bytes:
    """Counters of an HTTP service, a hundred series a family, about 125 bytes a line."""
    rng = random.Random(seed)
    out = []
    for family in range(lines // 100):
        out.append(f"# HELP service_{family}_total Requests by endpoint.\n# TYPE service_{family}_total counter")
        out += [
            f'service_{family}_total{{method="GET",endpoint="/api/v1/orders/{index}/positions",status="{200 + index}"'
            f',service="quant",region="cn-shanghai-{index % 5}"}} {rng.random() * 1e6:.3f}'
            for index in range(100)
        ]
    return ("\n".join(out) + "\n").encode()


def median_ms(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start_s = time.thread_time()
        work()
        taken.append((time.thread_time() - start_s) * 1000)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; figures are rougher")
    rounds = 3 if parser.parse_args().quick else 9
    first, second = body(LINES, 1), body(LINES, 2)
    numbered = enumerate(zip(first.split(b"\n"), second.split(b"\n"), strict=True))
    third = b"\n".join(old if number % 3 else new for number, (old, new) in numbered)
    last = parse_text(first, "text/plain")
    assert parse_text(second, "text/plain", last).layout is last.layout
    grown = second.replace(b"\n", b"\none_new_series 1\n", 1)
    small = body(LINES // 10, 1).decode()
    print(f"body: {LINES} samples, {len(second)} bytes")
    print(f"a third changed  {median_ms(lambda: parse_text(third, 'text/plain', last), 3 * rounds):8.1f} ms")
    print(f"all changed      {median_ms(lambda: parse_text(second, 'text/plain', last), 3 * rounds):8.1f} ms")
    print(f"one series new   {median_ms(lambda: parse_text(grown, 'text/plain', last), rounds):8.1f} ms")
    print(f"first time       {median_ms(lambda: parse_text(second, 'text/plain'), rounds):8.1f} ms")
    peer_ms = 10 * median_ms(lambda: list(text_string_to_metric_families(small)), rounds)
    print(f"prometheus_client{peer_ms:8.1f} ms (ten times a tenth)")


if __name__ == "__main__":
    main()
