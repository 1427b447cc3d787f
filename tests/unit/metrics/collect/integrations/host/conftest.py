"""A host made of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.collect.integrations.host.collector import Collector, Host
from fenghuo.metrics.collect.integrations.host.settings import HostSettings
from fenghuo.metrics.collect.integrations.recorder import Recorder

MakeHost: TypeAlias = Callable[..., Host]


@pytest.fixture
def make_host(tmp_path: Path, clock: ManualClock) -> MakeHost:
    """``make_host({"proc/stat": "…"}, setting=…)`` writes the files and returns the host that has them."""

    def make(files: Mapping[str, str], **settings: Any) -> Host:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        paths = {"proc_path": tmp_path / "proc", "sys_path": tmp_path / "sys", "root_path": tmp_path}
        return Host(HostSettings(**{**paths, **settings}), clock)

    return make


@pytest.fixture
def collected() -> Callable[[Collector], dict[str, float]]:
    """``collected(collector)`` gives the samples of one collection by their series as PromQL writes them."""

    def collect(collector: Collector) -> dict[str, float]:
        recorder = Recorder()
        collector.collect(recorder)
        found = {
            name + (f"{{{', '.join(f'{label}={value!r}' for label, value in labels)}}}" if labels else ""): value
            for (name, labels), value in zip(recorder.keys, recorder.values, strict=True)
        }
        assert len(found) == len(recorder.keys), "a series was recorded twice"
        assert {name for name, _ in recorder.keys} <= set(recorder.metadata)
        return {series.replace("'", '"'): value for series, value in found.items()}

    return collect
