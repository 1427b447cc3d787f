"""The same history into all three: Fenghuo as its scrapes would have written it, the others by remote write."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from beside.asking import RefusedError
from beside.data import Target
from beside.remote_write import HEADERS, requests, uncompressed_snappy
from beside.servers import FENGHUO, PROMETHEUS, VICTORIA, Server, data_of
from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels

ROUNDS_A_REQUEST = 20
SERIES_A_REQUEST = 5_000
MAINTAINED_MS = 1_800_000
"""How often blocks are looked after while history is written, in simulated time."""


def write_fenghuo(directory: Path, targets: Sequence[Target], *, with_blocks: bool = True) -> float:
    """Fill the data directory of a Fenghuo that does not run; seconds spent.

    One cohort a target and one append a scrape, on a clock that stands at the scrape; blocks are cut when due,
    or not at all.
    """
    start_s = time.perf_counter()
    clock = ManualClock(int(min(target.times_ms[0] for target in targets)))
    store = Store.open(data_of(FENGHUO, directory), StoreSettings(), clock, CollectorRegistry())
    try:
        cohorts = [store.cohort(target.key) for target in targets]
        rows = [
            cohort.rows([Labels(series) for series in target.series])
            for cohort, target in zip(cohorts, targets, strict=True)
        ]
        longest = max(len(target.times_ms) for target in targets)
        maintained_ms = clock.now_ms()
        for number in range(longest):
            for cohort, own, target in zip(cohorts, rows, targets, strict=True):
                time_ms = int(target.times_ms[number])
                if time_ms > clock.now_ms():
                    clock.step_wall((time_ms - clock.now_ms()) / 1000)
                result = cohort.append(time_ms, own, target.values[:, number])
                assert not result.rejected, result
            if with_blocks and clock.now_ms() - maintained_ms > MAINTAINED_MS:
                maintained_ms = clock.now_ms()
                store.keeper.maintain()
    finally:
        store.close()
    return time.perf_counter() - start_s


def send(
    server: Server, targets: Sequence[Target], rounds: int = ROUNDS_A_REQUEST, series_max: int = SERIES_A_REQUEST
) -> float:
    """Remote write everything to a running server, in the order of time; seconds spent.

    A request has ``rounds`` scrapes of whole targets with about ``series_max`` series, at least of one.
    """
    start_s = time.perf_counter()
    for body in requests(targets, rounds, series_max):
        answer = server.connection.post("/api/v1/write", uncompressed_snappy(body), HEADERS)
        if answer.status not in (200, 204):
            raise RefusedError(f"{server.name} refused a remote write: {answer.status} {answer.body[:300]!r}")
    if server.name == VICTORIA:
        make_visible(server)
    return time.perf_counter() - start_s


def make_visible(server: Server) -> None:
    """VictoriaMetrics shows samples some seconds after it took them, unless it is asked."""
    server.connection.get("/internal/force_flush")
    time.sleep(1.0)


def write_prometheus_blocks(directory: Path, targets: Sequence[Target]) -> float:
    """Fill the data directory of a Prometheus that does not run with blocks, as promtool makes them; seconds spent."""
    start_s = time.perf_counter()
    directory.mkdir(parents=True, exist_ok=True)
    text = directory / "history.txt"
    write_openmetrics(text, targets)
    # 18 h is what Prometheus itself merges up to under its default retention of 15 d.
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=18h", "--quiet"]
    subprocess.run([*command, text, data_of(PROMETHEUS, directory)], check=True, capture_output=True, timeout=600)
    text.unlink()
    return time.perf_counter() - start_s


def write_openmetrics(file: Path, targets: Sequence[Target]) -> None:
    """All samples with their times, target by target and in the order of time."""
    with file.open("w") as out:
        for target in targets:
            names = [_series_text(series) for series in target.series]
            for time_ms, values in zip(target.times_ms.tolist(), target.values.T.tolist(), strict=True):
                end = f" {time_ms / 1000:.3f}\n"
                out.writelines(f"{name} {value!r}{end}" for name, value in zip(names, values, strict=True))
        out.write("# EOF\n")


def _series_text(series: dict[str, str]) -> str:
    pairs = ",".join(f'{name}="{value}"' for name, value in series.items() if name != "__name__")
    return f"{series['__name__']}{{{pairs}}}"
