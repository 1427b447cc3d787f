"""Bytes a sample on disk, of scrapes of this machine's own node_exporter: blocks, their index, and the log, apart."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from beside import data
from beside.data import Span, Target
from beside.exported import exported
from beside.feed import make_visible, send, write_fenghuo, write_prometheus_blocks
from beside.queries import last_moment_s
from beside.rows import Row
from beside.servers import (
    FENGHUO,
    PROMETHEUS,
    VICTORIA,
    data_of,
    free_port,
    running,
    size_bytes,
    started,
    wait_until_ready,
)
from beside.stage import Bench, Stage
from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.metrics.store.block_format import FOOTER_SIZE, SUFFIX, parse_footer

EXPORTER = "prometheus-node-exporter"
PAUSE_S = 0.01
HOSTS = 5
BLOCK_MS = 2 * data.HOUR_MS
MERGE_S = 3.0
NAMES = ("disk", "disk-index", "disk-wal")
WORK = {
    "disk": "bytes a sample in blocks, node_exporter, 2 h at 15 s",
    "disk-index": "  the blocks' index, by sample",
    "disk-wal": "  the log, by sample",
}
Sizes = Mapping[str, float]
"""Bytes, by the names of the rows."""


def run(bench: Bench) -> Iterator[Row]:
    if shutil.which(EXPORTER) is None:
        bench.say(f"disk: left out, {EXPORTER} is not installed")
        return
    with bench.folder("disk") as folder:
        targets = scraped(bench, folder)
        samples = data.total(targets)
        bench.say(f"{data.series_of(targets):,} series, {samples:,} samples scraped")
        measured = {FENGHUO: fenghuo(folder / FENGHUO, targets)}
        if PROMETHEUS in bench.servers:
            measured[PROMETHEUS] = prometheus(folder / PROMETHEUS, targets)
        if VICTORIA in bench.servers:
            measured[VICTORIA] = victoria(folder / VICTORIA, targets)
    for name in bench.wanted(NAMES):
        values = {server: sizes[name] / samples for server, sizes in measured.items() if name in sizes}
        yield Row(name, WORK[name], "bytes", values, {PROMETHEUS: 2})


def scraped(bench: Bench, folder: Path) -> list[Target]:
    """One exporter, scraped fast and in turn for several hosts, replayed at 15 s within one block's two hours."""
    hosts, rounds = (2, 120) if bench.quick else (HOSTS, BLOCK_MS // data.INTERVAL_MS)
    port, bodies = free_port(), list[bytes]()
    with started([EXPORTER, f"--web.listen-address=127.0.0.1:{port}"], folder, EXPORTER) as process:
        connection = wait_until_ready(EXPORTER, port, process, folder)
        for _ in range(hosts * rounds):
            bodies.append(connection.get("/metrics").body)
            time.sleep(PAUSE_S)
        connection.close()
    said = exported(bodies)
    span = Span(last_moment_s() * 1000 // BLOCK_MS * BLOCK_MS, rounds)
    return [
        Target(f"host{host}", said.of("node", f"host{host}:9100"), span.times_ms(host), said.values[:, host::hosts])
        for host in range(hosts)
    ]


def fenghuo(directory: Path, targets: Sequence[Target]) -> Sizes:
    write_fenghuo(directory, targets, with_blocks=False)
    path = data_of(FENGHUO, directory)
    log_bytes = size_bytes(path / "wal", "*.wal")
    later_ms = int(targets[0].times_ms[-1]) + data.HOUR_MS * 24
    store = Store.open(path, StoreSettings(), ManualClock(later_ms), CollectorRegistry())
    store.keeper.maintain()
    store.close()
    index_bytes = sum(_index_bytes(file) for file in (path / "blocks").glob(f"*{SUFFIX}"))
    blocks_bytes = size_bytes(path / "blocks", f"*{SUFFIX}")
    return {"disk": blocks_bytes - index_bytes, "disk-index": index_bytes, "disk-wal": log_bytes}


def _index_bytes(block: Path) -> int:
    content = block.read_bytes()
    place = len(content) - FOOTER_SIZE
    return parse_footer(block, content[place:], place)[1] + FOOTER_SIZE


def prometheus(directory: Path, targets: Sequence[Target]) -> Sizes:
    """The log of a server that takes each scrape as a write, and the blocks that promtool makes of the same."""
    with running(PROMETHEUS, directory / "log") as server:
        send(server, targets, rounds=1, series_max=1)
    write_prometheus_blocks(directory / "blocks", targets)
    blocks = data_of(PROMETHEUS, directory / "blocks")
    chunks_bytes = size_bytes(blocks, "*/chunks/*")
    return {
        "disk": chunks_bytes,
        "disk-index": size_bytes(blocks, "*/index"),
        "disk-wal": size_bytes(data_of(PROMETHEUS, directory / "log"), "wal/*"),
    }


def victoria(directory: Path, targets: Sequence[Target]) -> Sizes:
    """Parts merged into one, as they are some hours later. It has no log."""
    with running(VICTORIA, directory) as server:
        send(server, targets)
        server.connection.get("/internal/force_merge")
        time.sleep(MERGE_S)
        make_visible(server)
    path = data_of(VICTORIA, directory)
    return {"disk": size_bytes(path, "data/**/*"), "disk-index": size_bytes(path, "indexdb/**/*")}


STAGE = Stage(NAMES, run)
