"""Memory: every line of /proc/meminfo, and the paging counters of /proc/vmstat."""

from __future__ import annotations

import re
from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host
from fenghuo.metrics.collect.integrations.recorder import Recorder

_LINE: Final = re.compile(r"(?P<name>[^:]+):\s+(?P<number>\d+)(?P<unit> kB)?\s*")
_VMSTAT: Final = re.compile(r"oom_kill|pgpg|pswp|pg.*fault")


class MeminfoCollector:
    """``node_memory_<field>_bytes``; fields that are counts (huge pages) go without the unit."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "meminfo"

    def collect(self, out: Recorder) -> None:
        for line in self._path.read_text().splitlines():
            found = _LINE.fullmatch(line)
            if found is None:
                raise ValueError(f"{self._path} holds a line that is not a field: {line!r}")
            field = found["name"].replace("(", "_").replace(")", "")
            unit, factor = ("_bytes", 1024) if found["unit"] else ("", 1)
            gauge = out.gauge(f"node_memory_{field}{unit}", f"The field {found['name']} of /proc/meminfo.")
            gauge.add(int(found["number"]) * factor)


class VmstatCollector:
    """``node_vmstat_<field>``: page faults, paging, swapping and kills for want of memory."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "vmstat"

    def collect(self, out: Recorder) -> None:
        for line in self._path.read_text().splitlines():
            name, number = line.split()
            if _VMSTAT.match(name):
                family = out.family(f"node_vmstat_{name}", "unknown", f"The field {name} of /proc/vmstat.")
                family.add(int(number))
