"""All collectors of a host as one target."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.integrations.host.collector import Collector, Host
from fenghuo.metrics.collect.integrations.host.registry import COLLECTORS
from fenghuo.metrics.collect.integrations.host.settings import CollectorName, HostSettings
from fenghuo.metrics.collect.integrations.recorder import Recorder, StableLayout
from fenghuo.wire.exposition import Parsed

log = logging.getLogger(__name__)


class HostIntegration:
    """This host's metrics. A collector that fails is 0 in ``node_scrape_collector_success``; the others go on."""

    def __init__(
        self,
        settings: HostSettings,
        clock: Clock,
        guard: Guard,
        collectors: Mapping[str, Collector] | None = None,
    ) -> None:
        host = Host(settings, clock)
        self._clock = clock
        self._guard = guard
        self._collectors: Mapping[str, Collector] = (
            {name: COLLECTORS[name](host) for name in CollectorName if name in settings.collectors}
            if collectors is None
            else collectors
        )
        self._layout = StableLayout()
        self._said: dict[str, str] = {}

    def collect(self) -> Parsed:
        """Ask every collector. Synchronous, about 5 ms; never twice at a time."""
        recorded = Recorder()
        taken_s: dict[str, float] = {}
        succeeded: dict[str, bool] = {}
        for name, collector in self._collectors.items():
            start_s = self._clock.monotonic_s()
            succeeded[name] = self._ask(name, collector, recorded)
            taken_s[name] = self._clock.monotonic_s() - start_s
        duration = recorded.gauge("node_scrape_collector_duration_seconds", "How long a collector took, in seconds.")
        for name, seconds in taken_s.items():
            duration.add(seconds, collector=name)
        success = recorded.gauge("node_scrape_collector_success", "1 when a collector succeeded, else 0.")
        for name, well in succeeded.items():
            success.add(float(well), collector=name)
        return self._layout.parsed(recorded)

    def _ask(self, name: str, collector: Collector, recorded: Recorder) -> bool:
        part = Recorder()
        foreseen: list[Exception] = []

        def collect() -> None:
            try:
                collector.collect(part)
            except (OSError, ValueError, LookupError, OperatingError) as error:
                foreseen.append(error)

        if not self._guard.call(f"host collector {name}", collect):
            return False
        if foreseen:
            self._complain(name, foreseen[0])
            return False
        self._said.pop(name, None)
        recorded.take_in(part)
        return True

    def _complain(self, name: str, error: Exception) -> None:
        """Log what went wrong once, not at every scrape. What the system does not have is no fault of it."""
        text = str(error)
        if self._said.get(name) != text:
            self._said[name] = text
            level = logging.DEBUG if isinstance(error, FileNotFoundError) else logging.WARNING
            log.log(level, "host collector %s has nothing to report: %s", name, text)
