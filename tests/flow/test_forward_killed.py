"""A forwarder that is killed at random moments: a real Prometheus has every acknowledged sample in the end."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accept.conftest import processes
from accept.engines import INSTALLED, Engine
from accept.processes import StartProcess

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED, reason="Debian's prometheus and victoria-metrics are not installed"),
]
KILLS = 12
SERIES = 30


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[StartProcess]:
    with processes(tmp_path) as start:
        yield start


def test_nothing_acknowledged_is_missing(tmp_path: Path, start_process: StartProcess) -> None:
    seed = time.time_ns() % 100_000
    print(f"seed {seed}")
    chance = random.Random(seed)
    engine = Engine("prometheus", tmp_path / "prometheus", start_process).start()
    script = Path(__file__).with_name("forward_writer.py")
    acknowledged: list[int] = []
    start_s = time.time()
    for _ in range(KILLS):
        command = [sys.executable, str(script), str(tmp_path / "data"), f"{engine.url}/api/v1/write"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged.append(int(writer.stdout.readline()))
            time.sleep(chance.uniform(0, 0.6))
            writer.kill()
            acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        last_ms = int(writer.stdout.readline())
        arrived = _arrived(engine, start_s, last_ms)
        writer.kill()
        writer.stdout.read()

    missing = {n: sorted(set(acknowledged) - times) for n, times in arrived.items()}
    assert len(arrived) == SERIES
    assert {n: times for n, times in missing.items() if times} == {}
    assert len(acknowledged) > KILLS


def _arrived(engine: Engine, start_s: float, until_ms: int) -> dict[str, set[int]]:
    """The times of what Prometheus has of each series, once it has what came last."""
    deadline_s = time.monotonic() + 30
    while True:
        now_s = time.time()
        found = engine.samples("written", start_s - 1, now_s)
        times = {dict(labels)["n"]: {round(at_s * 1000) for at_s, _ in each} for labels, each in found.items()}
        if len(times) == SERIES and all(max(each) >= until_ms for each in times.values()):
            return times
        assert time.monotonic() < deadline_s, f"what came last does not arrive: {engine.output}"
        time.sleep(0.2)
