"""A writer killed with SIGKILL at any moment loses no sample that was acknowledged, and the store always starts."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from unit.metrics.store.look import Samples, bits, everything, named

ROUNDS = 15
START_MS = 20_000 * 86_400_000
SETTINGS = StoreSettings(block_duration_ms=600_000, block_duration_max_ms=2_400_000, wal_segment_bytes=1 << 17)

WRITER = """
import sys
import numpy as np
from pathlib import Path
from prometheus_client import CollectorRegistry
from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels

directory, step = Path(sys.argv[1]), int(sys.argv[2])
settings = StoreSettings.model_validate_json(sys.argv[3])
clock = ManualClock(int(sys.argv[4]) + step * 5000)
store = Store.open(directory, settings, clock, CollectorRegistry())
cohorts = [store.cohort(f"t{number}") for number in range(3)]
print("ready", flush=True)
while True:
    clock.step_wall(5)
    now = clock.now_ms()
    for number, cohort in enumerate(cohorts):
        size = 40 + (step // 10) % 5
        rows = cohort.rows([Labels({"__name__": "m", "t": str(number), "i": str(i)}) for i in range(size)])
        result = cohort.append(now, rows, np.arange(size) + step)
        assert result.accepted == size, result
        print(f"scrape {number} {size} {step} {now}", flush=True)
    result = store.append_samples([Labels({"__name__": "pushed"})] * 3, now - np.arange(3), np.full(3, float(step)))
    assert result.accepted == 3, result
    print(f"push {step} {now}", flush=True)
    if step % 40 == 0:
        store.keeper.maintain()
    step += 1
"""


def acknowledged(lines: list[str]) -> Samples:
    """What the writer said that it had stored."""
    found: Samples = {}
    for line in lines:
        match line.split():
            case ["scrape", number, size, step, now]:
                for i in range(int(size)):
                    found.setdefault(named("m", t=number, i=str(i)), []).append((int(now), bits(int(step) + i)))
            case ["push", step, now]:
                found.setdefault(named("pushed"), []).extend((int(now) - i, bits(int(step))) for i in range(3))
    return found


def write_and_kill(directory: Path, step: int, after_s: float) -> list[str]:
    """Let the writer run for a while and kill it; returns the lines that it finished."""
    command = [sys.executable, "-c", WRITER, str(directory), str(step), SETTINGS.model_dump_json(), str(START_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            killer = time.monotonic() + after_s
            lines = []
            while time.monotonic() < killer:
                lines.append(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL, "the writer fell over by itself"
    return [line for line in lines if line.endswith("\n")]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_acknowledged_sample_is_lost(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    expected: Samples = {}
    lines: list[str] = []
    step = 0
    for _ in range(ROUNDS):
        lines += write_and_kill(tmp_path / "store", step, chance.uniform(0.0, 0.4))
        expected = acknowledged(lines)
        steps = [int(line.split()[-2]) for line in lines]
        step = max(steps, default=step) + 3
        clock = ManualClock(START_MS + step * 5000)
        store = Store.open(tmp_path / "store", SETTINGS, clock, CollectorRegistry())
        try:
            found = everything(store)
        finally:
            store.close()
        for labels, samples in expected.items():
            missing = set(samples) - set(found.get(labels, []))
            assert not missing, f"{labels} lost {sorted(missing)[:5]}"
    assert step > 10 * ROUNDS, "the writers were killed before they wrote much"
    assert np.sum([len(samples) for samples in expected.values()]) > 10_000
