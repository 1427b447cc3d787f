"""Heartbeats as series, so that expressions, charts and rules can ask. Shown with the program's own metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fenghuo.model.heartbeat import Pulse


class Seen(Protocol):
    """What the series are made of."""

    @property
    def pulse(self) -> Pulse: ...
    @property
    def due_ms(self) -> int: ...
    @property
    def well(self) -> bool: ...


class HeartbeatSeries(Collector):
    """``heartbeat_*{heartbeat="…"}``. What has not happened yet has no sample."""

    def __init__(self, seen: Callable[[], Sequence[Seen]]) -> None:
        self._seen = seen

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield from self._families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up, due, running, success, duration = families = self._families()
        for each in self._seen():
            name, pulse = [each.pulse.name], each.pulse
            up.add_metric(name, float(each.well))
            due.add_metric(name, each.due_ms / 1000)
            running.add_metric(name, float(pulse.started_ms is not None))
            if pulse.succeeded_ms is not None:
                success.add_metric(name, pulse.succeeded_ms / 1000)
            if pulse.duration_ms is not None:
                duration.add_metric(name, pulse.duration_ms / 1000)
        yield from families

    def _families(self) -> tuple[GaugeMetricFamily, ...]:
        return tuple(
            GaugeMetricFamily(name, text, labels=["heartbeat"])
            for name, text in (
                ("heartbeat_up", "1 while the heartbeat is neither missing nor failed nor late, else 0."),
                ("heartbeat_due_timestamp_seconds", "When the next sign of life is due."),
                ("heartbeat_running", "1 while a run is under way that said when it started, else 0."),
                ("heartbeat_last_success_timestamp_seconds", "When a run last ended well."),
                ("heartbeat_last_duration_seconds", "How long the last run took that said when it started."),
            )
        )
