"""Block devices, from /proc/diskstats and udev's notes about them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host, excluded
from fenghuo.metrics.collect.integrations.recorder import Recorder

_SECTOR_BYTES: Final = 512
"""The kernel counts in sectors of this size whatever the device's are."""

_FIELDS: Final = (
    # The fields behind the device name in their order: metric, factor, help.
    ("reads_completed_total", 1.0, "Reads that were completed."),
    ("reads_merged_total", 1.0, "Reads that were merged with a neighbour."),
    ("read_bytes_total", _SECTOR_BYTES, "Bytes read."),
    ("read_time_seconds_total", 0.001, "Time that all reads took together, in seconds."),
    ("writes_completed_total", 1.0, "Writes that were completed."),
    ("writes_merged_total", 1.0, "Writes that were merged with a neighbour."),
    ("written_bytes_total", _SECTOR_BYTES, "Bytes written."),
    ("write_time_seconds_total", 0.001, "Time that all writes took together, in seconds."),
    ("io_now", 1.0, "Requests in progress."),
    ("io_time_seconds_total", 0.001, "Time during which requests were in progress, in seconds."),
    ("io_time_weighted_seconds_total", 0.001, "The same, each second multiplied by the requests in progress."),
    ("discards_completed_total", 1.0, "Discards that were completed."),
    ("discards_merged_total", 1.0, "Discards that were merged with a neighbour."),
    ("discarded_sectors_total", 1.0, "Sectors discarded."),
    ("discard_time_seconds_total", 0.001, "Time that all discards took together, in seconds."),
    ("flush_requests_total", 1.0, "Flush requests that were completed."),
    ("flush_requests_time_seconds_total", 0.001, "Time that all flush requests took together, in seconds."),
)
_UDEV: Final = {
    "path": "ID_PATH",
    "wwn": "ID_WWN",
    "model": "ID_MODEL",
    "serial": "ID_SERIAL_SHORT",
    "revision": "ID_REVISION",
}


class DiskstatsCollector:
    """``node_disk_*``. Kernels before 4.18 have no discards and those before 5.5 no flushes; those are left out."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "diskstats"
        self._udev = host.root / "run/udev/data"
        self._exclude = host.settings.disk_devices_exclude

    def collect(self, out: Recorder) -> None:
        info = out.gauge("node_disk_info", "What is known of a block device; always 1.")
        for line in self._path.read_text().splitlines():
            major, minor, device, *numbers = line.split()
            if excluded(self._exclude, device):
                continue
            info.add(1, device=device, major=major, minor=minor, **_properties(self._udev / f"b{major}:{minor}"))
            for (name, factor, meaning), number in zip(_FIELDS, numbers, strict=False):
                kind = "counter" if name.endswith("_total") else "gauge"
                out.family(f"node_disk_{name}", kind, meaning).add(int(number) * factor, device=device)


def _properties(path: Path) -> dict[str, str]:
    """What udev noted about a device: lines ``E:KEY=value``. Nothing where there is no udev."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    noted = dict(line[2:].split("=", 1) for line in lines if line.startswith("E:") and "=" in line)
    return {label: noted.get(key, "") for label, key in _UDEV.items()}
