"""The collectors together."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.integrations.host import CollectorName, HostIntegration, HostSettings
from fenghuo.metrics.collect.integrations.host.registry import COLLECTORS
from fenghuo.metrics.collect.integrations.recorder import Recorder
from fenghuo.wire.exposition import Parsed


class Good:
    def collect(self, out: Recorder) -> None:
        out.gauge("good", "").add(1)


class Bad:
    """Fails after its first sample, for the reasons given, one at a time, and then no more."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    def collect(self, out: Recorder) -> None:
        out.gauge("bad", "").add(1)
        if self._errors:
            raise self._errors.pop(0)


def shown(parsed: Parsed) -> dict[str, float]:
    series = (str(labels) for labels in parsed.layout.series)
    found = dict(zip(series, parsed.values.tolist(), strict=True))
    return {name: value for name, value in found.items() if "duration" not in name}


@pytest.fixture
def make(clock: ManualClock, registry: CollectorRegistry) -> Callable[..., HostIntegration]:
    def integration(**collectors: Good | Bad) -> HostIntegration:
        return HostIntegration(HostSettings(), clock, Guard(registry), collectors)

    return integration


@pytest.mark.parametrize(
    "error", [FileNotFoundError("x"), ValueError("x"), KeyError("x"), RuntimeError("nobody foresaw")]
)
def test_a_collector_that_fails_does_not_spoil_the_others(
    make: Callable[..., HostIntegration], error: Exception
) -> None:
    integration = make(first=Good(), second=Bad(error))
    success = 'node_scrape_collector_success{collector="%s"}'
    assert shown(integration.collect()) == {"good": 1, success % "first": 1, success % "second": 0}
    assert shown(integration.collect()) == {"good": 1, "bad": 1, success % "first": 1, success % "second": 1}


def test_what_goes_wrong_is_logged_when_it_changes(
    make: Callable[..., HostIntegration], caplog: pytest.LogCaptureFixture
) -> None:
    integration = make(x=Bad(ValueError("a"), ValueError("a"), FileNotFoundError("b")))
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            integration.collect()
    assert [(record.levelname, record.getMessage()[-1]) for record in caplog.records] == [
        ("WARNING", "a"),
        ("DEBUG", "b"),
    ]


def test_the_layout_stays_the_same_object_on_this_very_host(clock: ManualClock, registry: CollectorRegistry) -> None:
    names = (CollectorName.CPU, CollectorName.MEMINFO, CollectorName.LOADAVG, CollectorName.STAT)
    integration = HostIntegration(HostSettings(collectors=names), clock, Guard(registry))
    first = integration.collect()
    assert integration.collect().layout is first.layout
    assert first.layout.metadata["node_cpu_seconds_total"].type == "counter"
    succeeded = {labels["collector"] for labels in first.layout.series if labels.metric_name.endswith("_success")}
    assert succeeded == set(names)


def test_every_name_has_a_collector() -> None:
    assert set(COLLECTORS) == set(CollectorName)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("collectors: [cpu, memory]", "collectors[1]"),
        ("proc_path: host/proc", "proc_path"),
        ("disk_devices_exclude: '('", "disk_devices_exclude"),
        ("filesystem_timeout: 5 seconds", "filesystem_timeout"),
        ("systemd_intervall: 5s", "systemd_intervall"),
    ],
)
def test_impossible_settings_are_refused_with_their_place(text: str, path: str) -> None:
    settings, problems = validate(HostSettings, load_yaml(text, "f.yml"))
    assert settings is None
    assert [problem.path for problem in problems] == [path]


def test_settings_are_read_from_yaml() -> None:
    text = "{collectors: [cpu], systemd: false, root_path: /host, filesystem_timeout: 2s, network_devices_exclude: ''}"
    settings, problems = validate(HostSettings, load_yaml(text, "f.yml"))
    assert problems == []
    assert settings is not None
    assert settings.collectors == (CollectorName.CPU,)
    assert (settings.systemd, str(settings.root_path), settings.filesystem_timeout_ms) == (False, "/host", 2000)
