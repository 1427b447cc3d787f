"""What can be set about watching this host."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from fenghuo.base.document import RefusedError, Settings
from fenghuo.model.settings_types import DurationMs, RegexText


class CollectorName(StrEnum):
    """The collectors, under node_exporter's names."""

    CPU = "cpu"
    DISKSTATS = "diskstats"
    FILEFD = "filefd"
    FILESYSTEM = "filesystem"
    LOADAVG = "loadavg"
    MEMINFO = "meminfo"
    NETCLASS = "netclass"
    NETDEV = "netdev"
    NETSTAT = "netstat"
    OS = "os"
    PRESSURE = "pressure"
    SOCKSTAT = "sockstat"
    STAT = "stat"
    SYSTEMD = "systemd"
    TIME = "time"
    TIMEX = "timex"
    UNAME = "uname"
    VMSTAT = "vmstat"


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise RefusedError(f"{str(path)!r} is not an absolute path", "write it from / on")
    return path


def _path(value: object) -> object:
    return str(value) if isinstance(value, str) else value


AbsolutePath = Annotated[Path, BeforeValidator(_path), AfterValidator(_absolute)]

# node_exporter's defaults.
_MOUNT_POINTS: Final = r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
_FS_TYPES: Final = (
    "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|erofs|fusectl|hugetlbfs|iso9660|mqueue|nsfs"
    "|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$"
)
_DISKS: Final = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"
_UNITS: Final = r"\.(automount|device|mount|scope|slice)$"


class HostSettings(Settings):
    """How this host is watched. Patterns that exclude are searched for, not anchored; an empty one excludes nothing."""

    collectors: tuple[CollectorName, ...] = tuple(CollectorName)
    systemd: bool = True
    """Whether to ask systemctl for the states of units."""
    proc_path: AbsolutePath = Path("/proc")
    sys_path: AbsolutePath = Path("/sys")
    root_path: AbsolutePath = Path("/")
    """Where the host's root is mounted: ``/host`` in a container that gets it there."""
    filesystem_mount_points_exclude: RegexText = _MOUNT_POINTS
    filesystem_fs_types_exclude: RegexText = _FS_TYPES
    filesystem_timeout_ms: DurationMs = Field(5000, alias="filesystem_timeout", ge=100)
    """A file system that does not answer for so long (a dead NFS server) is reported as failing until it does."""
    disk_devices_exclude: RegexText = _DISKS
    network_devices_exclude: RegexText = ""
    systemd_units_exclude: RegexText = _UNITS
    systemd_interval_ms: DurationMs = Field(60_000, alias="systemd_interval")
    """How old the states of units may get before systemctl is asked again."""
