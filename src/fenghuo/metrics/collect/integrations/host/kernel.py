"""What the kernel counts for the whole machine: load, processes, interrupts, descriptors, pressure."""

from __future__ import annotations

from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host
from fenghuo.metrics.collect.integrations.recorder import Recorder

_STAT: Final = {
    # First word of a line of /proc/stat: metric, type, help.
    "intr": ("node_intr_total", "counter", "Interrupts serviced."),
    "ctxt": ("node_context_switches_total", "counter", "Switches from one task to another."),
    "btime": ("node_boot_time_seconds", "gauge", "When the machine was started, in seconds since 1970."),
    "processes": ("node_forks_total", "counter", "Processes and threads that were started."),
    "procs_running": ("node_procs_running", "gauge", "Tasks that run or could run."),
    "procs_blocked": ("node_procs_blocked", "gauge", "Tasks that wait for a disk."),
}
_PRESSURE: Final = (
    # File, word that begins the line, metric, help.
    ("cpu", "some", "node_pressure_cpu_waiting_seconds_total", "Time in which a task waited for a core."),
    ("io", "some", "node_pressure_io_waiting_seconds_total", "Time in which a task waited for a disk."),
    ("io", "full", "node_pressure_io_stalled_seconds_total", "Time in which all tasks waited for a disk."),
    ("memory", "some", "node_pressure_memory_waiting_seconds_total", "Time in which a task waited for memory."),
    ("memory", "full", "node_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory."),
)


class StatCollector:
    """Boot time, interrupts, context switches, forks, tasks running and blocked."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "stat"

    def collect(self, out: Recorder) -> None:
        for line in self._path.read_text().splitlines():
            word, *numbers = line.split()
            if word in _STAT:
                out.family(*_STAT[word]).add(int(numbers[0]))


class LoadavgCollector:
    """``node_load1``, ``node_load5``, ``node_load15``."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "loadavg"

    def collect(self, out: Recorder) -> None:
        loads = self._path.read_text().split()[:3]
        for minutes, load in zip((1, 5, 15), loads, strict=True):
            out.gauge(f"node_load{minutes}", f"Load average over {minutes} min.").add(float(load))


class FilefdCollector:
    """``node_filefd_allocated`` and ``node_filefd_maximum``."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "sys/fs/file-nr"

    def collect(self, out: Recorder) -> None:
        allocated, _, maximum = self._path.read_text().split()
        out.gauge("node_filefd_allocated", "File descriptors in use on the whole machine.").add(int(allocated))
        out.gauge("node_filefd_maximum", "The most file descriptors the machine may use.").add(int(maximum))


class PressureCollector:
    """``node_pressure_*_seconds_total``; kernels before 4.20 and some distributions' have none."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "pressure"

    def collect(self, out: Recorder) -> None:
        for file, word, name, meaning in _PRESSURE:
            for line in (self._path / file).read_text().splitlines():
                first, *fields = line.split()
                if first == word:
                    total_us = int(dict(field.split("=", 1) for field in fields)["total"])
                    out.counter(name, meaning).add(total_us / 1e6)
