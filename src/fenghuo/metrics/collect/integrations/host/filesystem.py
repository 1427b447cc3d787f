"""Mounted file systems: size, free space, inodes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fenghuo.metrics.collect.integrations.host.bounded import BoundedCalls
from fenghuo.metrics.collect.integrations.host.collector import Host, excluded
from fenghuo.metrics.collect.integrations.recorder import Recorder

_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of /proc/mounts. ``point`` is where the host sees it."""

    device: str
    point: str
    fstype: str
    read_only: bool


class FilesystemCollector:
    """``node_filesystem_*``. A file system that fails or does not answer says so in ``_device_error`` alone."""

    def __init__(self, host: Host, statvfs: Callable[[str], os.statvfs_result] = os.statvfs) -> None:
        self._host = host
        self._statvfs = BoundedCalls(statvfs, host.settings.filesystem_timeout_ms / 1000)

    def collect(self, out: Recorder) -> None:
        settings = self._host.settings
        failing = out.gauge("node_filesystem_device_error", "1 when the file system could not be asked, else 0.")
        for mount in dict.fromkeys(_mounts(self._host)):
            if excluded(settings.filesystem_mount_points_exclude, mount.point):
                continue
            if excluded(settings.filesystem_fs_types_exclude, mount.fstype):
                continue
            labels = {"device": mount.device, "mountpoint": mount.point, "fstype": mount.fstype}
            try:
                found = self._statvfs.call(str(_below(self._host.root, mount.point)))
            except OSError:
                failing.add(1, **labels)
                continue
            failing.add(0, **labels)
            _record(out, mount, found, labels)


def _record(out: Recorder, mount: Mount, found: os.statvfs_result, labels: dict[str, str]) -> None:
    for name, value, meaning in (
        ("size_bytes", found.f_blocks * found.f_frsize, "Size in bytes."),
        ("free_bytes", found.f_bfree * found.f_frsize, "Free space in bytes, the superuser's reserve included."),
        ("avail_bytes", found.f_bavail * found.f_frsize, "Free space in bytes for everybody."),
        ("files", found.f_files, "Inodes."),
        ("files_free", found.f_ffree, "Free inodes."),
        ("readonly", int(mount.read_only), "1 when mounted read-only, else 0."),
    ):
        out.gauge(f"node_filesystem_{name}", meaning).add(value, **labels)


def _below(root: Path, point: str) -> Path:
    return root / point.lstrip("/")


def _mounts(host: Host) -> Iterator[Mount]:
    """The mounts that init sees, or ours where we may not look; with a root elsewhere, those below it."""
    try:
        text = (host.proc / "1/mounts").read_text(errors="replace")
    except OSError:
        text = (host.proc / "self/mounts").read_text(errors="replace")
    for line in text.splitlines():
        device, point, fstype, options, *_ = (_unescaped(field) for field in line.split(" "))
        if host.root != Path("/") and Path(point).is_relative_to(host.root):
            point = "/" + str(Path(point).relative_to(host.root)).removeprefix(".")
        yield Mount(device, point, fstype, "ro" in options.split(","))


def _unescaped(field: str) -> str:
    """The kernel writes blanks, line breaks and backslashes as three octal digits."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
