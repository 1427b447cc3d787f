"""A store, and remotes that forward what is appended to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock, settle
from fenghuo.metrics.forward.metrics import ForwardMetrics
from fenghuo.metrics.forward.position import Progress
from fenghuo.metrics.forward.remote import Remote, RemoteParts
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.sample import Metadata
from fenghuo.model.tailed import Position
from unit.metrics.forward.receiver import Receiver, Sample, inline


@dataclass
class Lab:
    """A store that a test fills, and a receiver that gets what is in it."""

    directory: Path
    clock: ManualClock
    registry: CollectorRegistry
    store: Store
    receiver: Receiver
    metadata: Mapping[str, Sequence[Metadata]] = field(default_factory=dict)
    written: list[Sample] = field(default_factory=list)
    noted: list[Progress] = field(default_factory=list)
    _metrics: ForwardMetrics | None = None

    def append(self, key: str = "a", step_ms: int = 1, **values: float) -> list[Sample]:
        """One scrape, a little later than the last."""
        self.clock.step_wall(step_ms / 1000)
        series = [Labels({"__name__": name, "job": key}) for name in values]
        return self.append_series(key, series, list(values.values()))

    def append_series(self, key: str, series: Sequence[Labels], values: Sequence[float]) -> list[Sample]:
        cohort = self.store.cohort(key)
        now_ms, numbers = self.clock.now_ms(), np.array(values, dtype=np.float64)
        assert cohort.append(now_ms, cohort.rows(series), numbers).rejected == {}
        samples = [(each, now_ms, bits) for each, bits in zip(series, numbers.view(np.int64).tolist(), strict=True)]
        self.written += samples
        return samples

    def reopen(self) -> None:
        """Close the store and open it anew, as a restart does."""
        self.store.close()
        self.store = Store.open(self.directory / "store", StoreSettings(), self.clock, CollectorRegistry())

    def remote(
        self,
        progress: Progress | Position | None = None,
        external: Labels = EMPTY,
        receiver: Receiver | None = None,
        **keys: object,
    ) -> Remote:
        given = {"url": "http://receiver/write", "name": "far", "metadata_config": {"send": False}, **keys}
        settings = RemoteWriteSettings.model_validate(given)
        if self._metrics is None:
            self._metrics = ForwardMetrics(self.registry)
        parts = RemoteParts(
            "far", settings, external, self.store.tail(), receiver or self.receiver, self._metadata_now,
            self.clock, self._metrics.of("far"), inline, self.noted.append,
        )  # fmt: skip
        return Remote(parts, progress if isinstance(progress, Progress) else Progress(progress or Position(0, 0)))

    @contextlib.asynccontextmanager
    async def forwarding(
        self, progress: Progress | Position | None = None, external: Labels = EMPTY, **keys: object
    ) -> AsyncIterator[Remote]:
        """A remote that runs."""
        remote = self.remote(progress, external, **keys)
        task = asyncio.create_task(remote.run())
        try:
            await settle()
            yield remote
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.wait([task])
            remote.close()

    async def _metadata_now(self) -> Mapping[str, Sequence[Metadata]]:
        return self.metadata

    def value(self, name: str, **labels: str) -> float:
        """One of the remote's own metrics."""
        found = self.registry.get_sample_value(f"fenghuo_remote_write_{name}", {"remote": "far", **labels})
        assert found is not None
        return found


@pytest.fixture
def lab(tmp_path: Path, clock: ManualClock, registry: CollectorRegistry) -> Iterator[Lab]:
    store = Store.open(tmp_path / "store", StoreSettings(), clock, CollectorRegistry())
    lab = Lab(tmp_path, clock, registry, store, Receiver(clock))
    yield lab
    lab.store.close()


@pytest.fixture
def in_order() -> Callable[[list[Sample]], None]:
    """Fails unless the samples of each series are in the order of their times."""

    def check(samples: list[Sample]) -> None:
        last: dict[Labels, int] = {}
        for labels, time_ms, _ in samples:
            assert last.get(labels, 0) <= time_ms, f"{labels} goes back"
            last[labels] = time_ms

    return check
