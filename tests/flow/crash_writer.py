"""A store that is written to until it is killed; a program for ``test_store_crash.py``.

It reads lines ``STEP AFTER_S OPERATION`` from standard input. For each it forks a writer that goes on from that step,
kills it after so many seconds or at its so-and-so-many-th call of the file system, and says ``ended``. The writer tells
on standard output what it is about to do (``begin …``) and what it has done (``done …``), a line of JSON each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Floats

MINUTE_MS = 60_000
START_MS = 20_000 * 1440 * MINUTE_MS
STEP_MS = 5000
SETTINGS = StoreSettings(
    block_duration_ms=MINUTE_MS,
    block_duration_max_ms=8 * MINUTE_MS,
    retention_ms=80 * MINUTE_MS,
    wal_segment_bytes=1 << 16,
)
"""Everything happens often: a cut each twelve steps, merges, retention, new segments."""


def value(series: Labels, time_ms: int) -> float:
    """The value of a series at a time: whoever finds another one has found a wrong one."""
    step, number = (time_ms - START_MS) // STEP_MS, int(series.get("i") or 0)
    match number % 3:
        case 0:
            return float(number)
        case 1:
            return float(step + number)
        case _:
            return (step * 7919 % 1000 + number) / 7


def values(series: Sequence[Labels], times_ms: Sequence[int]) -> Floats:
    return np.array([value(*each) for each in zip(series, times_ms, strict=True)])


def tell(word: str, *what: object) -> None:
    """One write of less than the size that a pipe takes as a whole."""
    os.write(1, f"{word} {json.dumps(what)}\n".encode())


class Writer:
    """Does a bit of everything that a store can."""

    def __init__(self, directory: Path, step: int) -> None:
        self._directory = directory
        self._step = step
        self._clock = ManualClock(START_MS + step * STEP_MS)
        self._store = Store.open(directory / "store", SETTINGS, self._clock, CollectorRegistry())

    def run(self) -> None:
        while True:
            self._step += 1
            self._clock.step_wall(STEP_MS / 1000)
            now_ms = self._clock.now_ms()
            for number in range(3):
                self._scrape(number, now_ms)
            self._push([{"__name__": "pushed", "i": "5"}] * 3, [now_ms - 2, now_ms - 1, now_ms])
            if self._step % 7 == 0:
                self._push([{"__name__": "late", "i": "2"}], [now_ms - 2 * MINUTE_MS])
            if self._step % 2 == 0:
                self._push_by_reference(now_ms)
            if self._step % 31 == 0:
                self._import(now_ms)
            if self._step % 9 == 0:
                self._delete(now_ms)
            if self._step % 25 == 0:
                tell("begin", "snapshot")
                tell("done", self._store.snapshot(self._directory / "snapshots"))
            if self._step % 12 == 0:
                self._store.keeper.maintain()

    def _scrape(self, number: int, now_ms: int) -> None:
        size = 12 + (self._step // 10) % 5
        labels = [{"__name__": "m", "t": str(number), "i": str(i)} for i in range(size)]
        tell("begin", "write", labels, [now_ms] * size)
        series = [Labels(each) for each in labels]
        cohort = self._store.cohort(f"t{number}")
        result = cohort.append(now_ms, cohort.rows(series), values(series, [now_ms] * size))
        assert result.accepted == size, result
        tell("done")

    def _push_by_reference(self, now_ms: int) -> None:
        """As remote write does."""
        labels = [{"__name__": "remote", "i": str(i)} for i in range(8)]
        tell("begin", "write", labels, [now_ms] * 8)
        series = [Labels(each) for each in labels]
        result = self._store.push(self._store.refs(series), np.full(8, now_ms), values(series, [now_ms] * 8))
        assert result.result.accepted == 8, result
        tell("done")

    def _import(self, now_ms: int) -> None:
        """Some minutes of an hour ago."""
        labels = {"__name__": "old", "i": "4"}
        times = [now_ms - 60 * MINUTE_MS + second * 1000 for second in range(0, 300, 10)]
        tell("begin", "write", [labels] * 30, times)
        work = self._store.backfill()
        series = [Labels(labels)]
        work.add(series, np.zeros(30, dtype=np.int64), np.array(times), values(series * 30, times))
        work.finish()
        tell("done")

    def _delete(self, now_ms: int) -> None:
        """Of all samples of one series some minutes; each ninth time, all that ever was, and from the disk, too."""
        number, turn = self._step % 3, self._step // 9
        matchers = {"__name__": "m", "t": str(number), "i": str(turn % 12)} if turn % 2 else {"__name__": "late"}
        start_ms, end_ms = (now_ms - 5 * MINUTE_MS, now_ms - MINUTE_MS) if turn % 9 else (0, now_ms)
        tell("begin", "delete", matchers, start_ms, end_ms)
        self._store.delete([Matcher(name, MatchOp.EQUAL, text) for name, text in matchers.items()], start_ms, end_ms)
        if turn % 9 == 0:
            self._store.clean_tombstones()
        tell("done")

    def _push(self, labels: list[dict[str, str]], times_ms: list[int]) -> None:
        tell("begin", "write", labels, times_ms)
        series = [Labels(each) for each in labels]
        result = self._store.append_samples(series, np.array(times_ms), values(series, times_ms))
        assert result.accepted == len(series), result
        tell("done")


def die_at(operation: int) -> None:
    """Be killed at the so-and-so-many-th call that changes a file; a write is done by half before."""
    left = operation

    def deadly(real: Callable[..., Any], half: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                if half:
                    descriptor, data, offset = arguments
                    real(descriptor, data[: len(data) // 2], offset)
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keywords)

        return call

    for name in (
        "fsync",
        "fdatasync",
        "ftruncate",
        "truncate",
        "rename",
        "replace",
        "unlink",
        "remove",
        "link",
        "mkdir",
    ):
        setattr(os, name, deadly(getattr(os, name), half=False))
    os.pwrite = deadly(os.pwrite, half=True)


def main() -> None:
    directory = Path(sys.argv[1])
    for line in sys.stdin:
        step, after_s, operation = line.split()
        writer = os.fork()
        if writer == 0:
            die_at(int(operation))
            Writer(directory, int(step)).run()
        if float(after_s):
            time.sleep(float(after_s))
            os.kill(writer, signal.SIGKILL)
        _, status = os.waitpid(writer, 0)
        tell("ended", status)


if __name__ == "__main__":
    main()
