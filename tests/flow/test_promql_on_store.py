"""PromQL over the real store: Prometheus' test files once more, with the samples on their way through the WAL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.metrics.promql.script.run import run_script
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.store import Store
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.selection import Selection

FILES = ["selectors", "staleness", "functions", "aggregators", "histograms", "name_label_dropping", "range_queries"]
ANY_AGE = StoreSettings(retention_ms=0, future_window_ms=0, out_of_order_window_ms=10**12)


class StoreUnderScript:
    """A store that a script can fill: as scrapes of one target, or as samples with timestamps of their own."""

    def __init__(self, directory: Path, *, as_scrapes: bool) -> None:
        self._directory = directory
        self._as_scrapes = as_scrapes
        self._number = 0
        self._added: list[tuple[Labels, int, float]] = []
        self._store = self._open()

    def _open(self) -> Store:
        self._number += 1
        directory = self._directory / str(self._number)
        directory.mkdir()
        return Store.open(directory, ANY_AGE, ManualClock(0), CollectorRegistry())

    def add(self, labels: Labels, samples: Iterable[tuple[int, float]]) -> None:
        self._added.extend((labels, time_ms, value) for time_ms, value in samples)

    def add_starts(self, labels: Labels, starts_ms: Mapping[int, int]) -> None:
        """Start timestamps are not kept."""

    def clear(self) -> None:
        self._added.clear()
        self._store.close()
        self._store = self._open()

    def close(self) -> None:
        self._store.close()

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        if self._added:
            self._write()
            self._added.clear()
        return self._store.select(matchers, start_ms, end_ms)

    def _write(self) -> None:
        if not self._as_scrapes:
            series, times, values = zip(*self._added, strict=True)
            self._store.append_samples(series, np.array(times, dtype=np.int64), np.array(values))
            return
        cohort = self._store.cohort("target")
        scrapes: dict[int, dict[Labels, float]] = {}
        for labels, time_ms, value in self._added:
            scrapes.setdefault(time_ms, {})[labels] = value
        for time_ms, samples in sorted(scrapes.items()):
            cohort.append(time_ms, cohort.rows(list(samples)), np.array(list(samples.values())))


@pytest.mark.parametrize("as_scrapes", [True, False], ids=["scrapes", "samples"])
@pytest.mark.parametrize("name", FILES)
def test_the_store_answers_as_memory_does(conformance: Path, tmp_path: Path, name: str, *, as_scrapes: bool) -> None:
    """What the files say of the engine over a plain store holds over the real one."""
    text = (conformance / "promqltest" / f"{name}.test").read_text()
    reference = run_script(text, name, MemoryStore())
    store = StoreUnderScript(tmp_path, as_scrapes=as_scrapes)
    try:
        report = run_script(text, name, store)
    finally:
        store.close()
    assert report.failures == reference.failures
    assert report.passed == reference.passed > 0
