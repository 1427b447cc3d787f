"""CPU time by core and mode, from /proc/stat."""

from __future__ import annotations

import os
from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host
from fenghuo.metrics.collect.integrations.recorder import Recorder

_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_IDLE: Final = _MODES.index("idle")
_HOTPLUG_S: Final = 3.0
"""The kernel's counters waver by a tick or two; a core whose idle time falls by more was taken out and put back."""


class CpuCollector:
    """``node_cpu_seconds_total`` and ``node_cpu_guest_seconds_total``. A counter never falls while a core stays."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "stat"
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._last: dict[str, list[float]] = {}

    def collect(self, out: Recorder) -> None:
        seconds = out.counter("node_cpu_seconds_total", "Time each core spent in each mode, in seconds.")
        guest = out.counter("node_cpu_guest_seconds_total", "Time each core ran virtual machines, in seconds.")
        found: dict[str, list[float]] = {}
        for line in self._path.read_text().splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name != "cpu":
                found[name[3:]] = [int(ticks) / self._ticks_per_s for ticks in fields]
        if not found:
            raise ValueError(f"{self._path} names no core")
        self._last = {cpu: _steady(self._last.get(cpu), values) for cpu, values in found.items()}
        for cpu, values in self._last.items():
            for mode, value in zip(_MODES, values, strict=False):
                seconds.add(value, cpu=cpu, mode=mode)
            for mode, value in zip(("user", "nice"), values[len(_MODES) :], strict=False):
                guest.add(value, cpu=cpu, mode=mode)


def _steady(last: list[float] | None, now: list[float]) -> list[float]:
    if last is None or last[_IDLE] - now[_IDLE] > _HOTPLUG_S:
        return now
    return [max(before, after) for before, after in zip(last, now, strict=True)]
