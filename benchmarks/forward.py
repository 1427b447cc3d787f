"""How fast a backlog leaves by remote write: ``python benchmarks/forward.py [--scrapes 100]``.

A store is filled with scrapes of 100 targets of 100 series in this process, and then forwarded to Debian's Prometheus
and VictoriaMetrics, whichever are installed, in version 1.0 of the protocol, and to Fenghuo in 2.0 too. Printed are
samples a second and processor time a sample, of this process and of the receiver, and how many requests were in flight
at the end. Before that: what encoding alone costs. It stops by itself, whatever happens.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from beside.servers import FENGHUO, Server, installed, running
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import SystemClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.forward.position import PositionFile, Progress
from fenghuo.metrics.forward.service import forwarding
from fenghuo.metrics.forward.settings import V1, V2, RemoteWriteSettings
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Metadata
from fenghuo.model.tailed import Position
from fenghuo.wire.remote_write import (
    OutgoingSeries,
    encode_columns_v1,
    encode_columns_v2,
    encode_v1,
    encode_v2,
    label_bytes,
    packed,
)

TARGETS, SERIES = 100, 100


def labels_of(target: int, series: int) -> Labels:
    return Labels(
        {
            "__name__": f"http_requests_{series % 10}_total", "job": "api", "instance": f"10.0.0.{target}:9100",
            "path": f"/api/v1/{series}", "code": "200",
        }
    )  # fmt: skip


def fill(store: Store, scrapes: int) -> int:
    """Scrapes at 15 s that end now; how many samples they are."""
    now_ms, random = SystemClock().now_ms(), np.random.default_rng(1)
    cohorts = [store.cohort(f"target{number}") for number in range(TARGETS)]
    rows = [
        cohort.rows([labels_of(target, series) for series in range(SERIES)]) for target, cohort in enumerate(cohorts)
    ]
    values = random.integers(0, 1000, (TARGETS, SERIES)).astype(float)
    for scrape in range(scrapes):
        values += random.integers(0, 10, values.shape)
        time_ms = now_ms - (scrapes - scrape) * 15_000
        for target, cohort in enumerate(cohorts):
            assert not cohort.append(time_ms + target, rows[target], values[target]).rejected
    return scrapes * TARGETS * SERIES


async def forward(store: Store, directory: Path, url: str, message: str, samples: int) -> tuple[float, float, int]:
    """Seconds, processor seconds of this process, and requests in flight when all samples had been accepted."""
    registry = CollectorRegistry()

    async def metadata() -> dict[str, list[Metadata]]:
        return {}

    settings = RemoteWriteSettings.model_validate({"url": url, "name": "far", "protobuf_message": message})
    service = forwarding(store.tail(), directory, SystemClock(), registry, Guard(registry), metadata)
    async with service:
        await service.apply([settings])  # Begins at the end of the log: there is nothing to send.
        (path,) = directory.iterdir()
    at_the_beginning(path)
    registry = CollectorRegistry()
    service = forwarding(store.tail(), directory, SystemClock(), registry, Guard(registry), metadata)
    async with service:
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        await service.apply([settings])
        lanes = 1.0
        while (sent := registry.get_sample_value("fenghuo_remote_write_samples_total", {"remote": "far"})) != samples:
            failed = registry.get_sample_value("fenghuo_remote_write_samples_failed_total", {"remote": "far"})
            assert not failed, f"{failed} samples were refused, {sent} were not"
            lanes = max(lanes, registry.get_sample_value("fenghuo_remote_write_shards", {"remote": "far"}) or 0)
            await asyncio.sleep(0.01)
        return time.perf_counter() - start_s, time.process_time() - start_cpu_s, round(lanes)


def at_the_beginning(path: Path) -> None:
    """Let the remote of that file begin with the oldest sample."""
    file = PositionFile(path)
    file.load()
    file.note(Progress(Position(0, 0)))
    file.close()


def measure(server: Server, scrapes: int, message: str, folder: Path) -> None:
    store = Store.open(folder / "store", StoreSettings(), SystemClock(), CollectorRegistry())
    try:
        samples = fill(store, scrapes)
        url = f"http://127.0.0.1:{server.port}/api/v1/write"
        before_s = server.usage.cpu_s
        seconds, cpu_s, lanes = asyncio.run(forward(store, folder / "forward", url, message, samples))
        theirs_s = server.usage.cpu_s - before_s
        print(
            f"{server.name:18} {'2.0' if message == V2 else '1.0'}  {samples / seconds:10,.0f} samples/s  "
            f"{cpu_s / samples * 1e6:5.2f} µs CPU a sample here, {theirs_s / samples * 1e6:5.2f} there, "
            f"{lanes} in flight"
        )
    finally:
        store.close()


def median_ms(work: Callable[[], object], rounds: int = 25) -> float:
    found = []
    for _ in range(rounds):
        start_s = time.process_time()
        work()
        found.append(time.process_time() - start_s)
    return statistics.median(found) * 1000


def encoding() -> None:
    every = [labels_of(number // SERIES, number % SERIES) for number in range(2000)]
    encoded = [label_bytes(each) for each in every]
    times_ms, values = np.full(2000, SystemClock().now_ms()), np.random.default_rng(1).random(2000) * 1000
    rows = list(zip(every, encoded, times_ms.tolist(), values.tolist(), strict=True))
    outgoing = [OutgoingSeries(each, ((at, value),), label_bytes=known) for each, known, at, value in rows]
    body, said = (
        encode_columns_v1(encoded, times_ms, values),
        [Metadata("counter", "How many requests there were.")] * 2000,
    )
    for name, work in (
        ("1.0 in columns", lambda: encode_columns_v1(encoded, times_ms, values)),
        ("1.0 one by one", lambda: encode_v1(outgoing)),
        ("2.0 in columns", lambda: encode_columns_v2(every, said, times_ms, values)),
        ("2.0 one by one", lambda: encode_v2(outgoing)),
        ("snappy", lambda: packed(body)),
    ):
        print(f"a request of 2,000 samples, {name}: {median_ms(work):.2f} ms of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrapes", type=int, default=100, help="of each target; 100 are a million samples")
    scrapes = parser.parse_args().scrapes
    encoding()
    for name in installed():
        for message in (V1, V2) if name == FENGHUO else (V1,):  # Debian's versions of the peers know 1.0 alone.
            with tempfile.TemporaryDirectory() as directory:
                folder = Path(directory)
                with running(name, folder / "server") as server:
                    measure(server, scrapes, message, folder)


if __name__ == "__main__":
    main()
