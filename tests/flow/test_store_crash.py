"""A writer killed with SIGKILL at any moment loses no sample that was acknowledged, and the store always starts.

Nor does a sample come back whose deletion was acknowledged.

``FENGHUO_CRASHES=200`` kills it that often.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store
from fenghuo.model.labels import Labels
from flow import crash_writer
from flow.crash_writer import SETTINGS, START_MS, STEP_MS, value
from unit.metrics.store.look import Samples, bits, everything

KILLS = int(os.environ.get("FENGHUO_CRASHES", "20"))
AFTER_S_MAX = 0.5
OPERATIONS_MAX = 300

Sample = tuple[Labels, int]


class Expected:
    """What the writer said that must be there; what it was about when it was killed may be."""

    def __init__(self) -> None:
        self.there: set[Sample] = set()
        self.last_ms = START_MS
        self.written = 0
        self.deleted: set[Sample] = set()
        self.snapshot: tuple[str, set[Sample], set[Sample]] | None = None
        """The last one: its name, and what it must hold and must not."""
        self._begun: set[Sample] = set()
        self._deleting = False

    def hear(self, word: str, what: list[object]) -> None:
        match word, what:
            case "begin", ["write", list(labels), list(times)]:
                self._begun = {(Labels(each), time) for each, time in zip(labels, times, strict=True)}
                self._deleting = False
                self.deleted -= self._begun
                self.last_ms = max(self.last_ms, *times)
            case "begin", ["snapshot"]:
                self._begun, self._deleting = set(), False
            case "done", [str(name)]:
                self.forget_before(self.last_ms - (SETTINGS.retention_ms or 0))
                self.snapshot = name, self.there.copy(), self.deleted.copy()
            case "begin", ["delete", dict(wanted), int(start_ms), int(end_ms)]:
                hit = {sample for sample in self.there if start_ms <= sample[1] <= end_ms}
                self._begun = {sample for sample in hit if all(sample[0].get(name) == wanted[name] for name in wanted)}
                self._deleting = True
                self.there -= self._begun
            case "done", _ if self._deleting:
                self.deleted |= self._begun
            case "done", _:
                self.there |= self._begun
                self.written += len(self._begun)

    def forget_before(self, time_ms: int) -> None:
        self.there = {sample for sample in self.there if sample[1] >= time_ms}
        self.deleted = {sample for sample in self.deleted if sample[1] >= time_ms}


def check(found: Samples, there: set[Sample], deleted: set[Sample]) -> None:
    """All of ``there`` is found, none of ``deleted``, and every value is right."""
    samples = {(series, time) for series, pairs in found.items() for time, _ in pairs}
    missing = there - samples
    assert not missing, f"{len(missing)} lost, among them {sorted(missing)[:3]}"
    back = deleted & samples
    assert not back, f"{len(back)} came back after their deletion, among them {sorted(back)[:3]}"
    seen = ((series, time, found_bits) for series, pairs in found.items() for time, found_bits in pairs)
    wrong = [(series, time) for series, time, found_bits in seen if found_bits != bits(value(series, time))]
    assert not wrong, f"{len(wrong)} wrong, among them {wrong[:3]}"


class Mortal:
    """The writer's process, which outlives its writers."""

    def __init__(self, directory: Path) -> None:
        tests = str(Path(__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, crash_writer.__file__, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([tests, *sys.path]), "OPENBLAS_NUM_THREADS": "1"},
        )

    def life(self, step: int, after_s: float, operation: int) -> Iterator[tuple[str, list[object]]]:
        """What one writer says from its start to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{step} {after_s} {operation}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            word, _, rest = line.partition(" ")
            if word == "ended":
                assert json.loads(rest) == [signal.SIGKILL], "the writer fell over by itself"
                return
            yield word, json.loads(rest)
        raise AssertionError("the process that starts writers ended")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(60 + 5 * KILLS)
def test_no_acknowledged_sample_is_lost(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    expected, mortal = Expected(), Mortal(tmp_path)
    try:
        for kill in range(KILLS):
            step = (expected.last_ms - START_MS) // STEP_MS + 1
            by_time = kill % 2 == 0
            after_s = chance.uniform(0.01, AFTER_S_MAX) if by_time else 0.0
            for word, what in mortal.life(step, after_s, 0 if by_time else chance.randint(1, OPERATIONS_MAX)):
                expected.hear(word, what)
            expected.forget_before(expected.last_ms - (SETTINGS.retention_ms or 0))
            check(reopened(tmp_path / "store", expected.last_ms), expected.there, expected.deleted)
        assert expected.snapshot is not None
        name, *held = expected.snapshot
        check(reopened(tmp_path / "snapshots" / name / "store", expected.last_ms), *held)
    finally:
        mortal.close()
    print(f"{KILLS} kills, {expected.written} samples acknowledged, none lost")
    assert expected.written > 200 * KILLS, "the writers were killed before they wrote much"


def reopened(directory: Path, now_ms: int) -> Samples:
    store = Store.open(directory, SETTINGS, ManualClock(now_ms), CollectorRegistry())
    try:
        return everything(store)
    finally:
        store.close()
