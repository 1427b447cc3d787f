"""Import of old samples as OpenMetrics text: ``python benchmarks/importing.py [--series N] [--samples N]``.

The text is made in memory, in the two orders that files have: one series after another, as ``promtool tsdb dump`` and
exports write them, and one moment after another. Printed: processor time and megabytes a second for reading and
storing, blocks written, and bytes a sample on disk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry

from fenghuo.base.clock import SystemClock
from fenghuo.metrics.receive.importer import Importer
from fenghuo.metrics.receive.metadata import PushedMetadata
from fenghuo.metrics.receive.metrics import ReceiveMetrics
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import EMPTY
from fenghuo.wire.exposition import Format

STEP_S = 30
PIECE_BYTES = 1 << 20


def line(series: int, step: int, start_s: int) -> str:
    labels = f'instance="host-{series // 8}:9100",job="node",cpu="{series % 8}",mode="user"'
    value = 1000 * series + step * 0.37
    return f"node_cpu_seconds_total{{{labels}}} {value:.2f} {start_s + step * STEP_S}.123\n"


def text(series: int, steps: int, start_s: int, *, by_series: bool) -> bytes:
    if by_series:
        lines = (line(number, step, start_s) for number in range(series) for step in range(steps))
    else:
        lines = (line(number, step, start_s) for step in range(steps) for number in range(series))
    return ("# TYPE node_cpu_seconds counter\n" + "".join(lines) + "# EOF\n").encode()


def pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def measure(name: str, body: bytes, samples: int) -> None:
    clock, registry = SystemClock(), CollectorRegistry()
    with tempfile.TemporaryDirectory(prefix="fenghuo-bench-") as directory:
        store = Store.open(Path(directory), StoreSettings(), clock, registry)
        metrics = ReceiveMetrics(registry)
        work = Importer(Format.OPENMETRICS, EMPTY, None, 1_800_000, store, PushedMetadata(), metrics, clock)
        start_s = time.process_time()
        for piece in pieces(body):
            work.feed(piece)
        receipt = work.finish()
        cpu_s = time.process_time() - start_s
        assert receipt.samples == samples, receipt.summary
        size = sum(path.stat().st_size for path in Path(directory).rglob("*.block"))
        store.close()
    print(
        f"{name:<20} {len(body) / 1e6:6.1f} MB {cpu_s:6.2f} s {len(body) / 1e6 / cpu_s:6.1f} MB/s "
        f"{samples / cpu_s:12,.0f} samples/s {work.blocks:4} blocks {size / samples:6.2f} bytes a sample"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--samples", type=int, default=1_000_000, help="of all series")
    given = parser.parse_args()
    steps = given.samples // given.series
    start_s = int(time.time()) - 86_400 - steps * STEP_S
    for by_series in (True, False):
        body = text(given.series, steps, start_s, by_series=by_series)
        measure("by series" if by_series else "by moment", body, given.series * steps)


if __name__ == "__main__":
    main()
