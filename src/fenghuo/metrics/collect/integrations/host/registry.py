"""Every collector, a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fenghuo.metrics.collect.integrations.host.clock import TimeCollector, TimexCollector
from fenghuo.metrics.collect.integrations.host.collector import Collector, Host
from fenghuo.metrics.collect.integrations.host.cpu import CpuCollector
from fenghuo.metrics.collect.integrations.host.disk import DiskstatsCollector
from fenghuo.metrics.collect.integrations.host.filesystem import FilesystemCollector
from fenghuo.metrics.collect.integrations.host.identity import OsCollector, UnameCollector
from fenghuo.metrics.collect.integrations.host.kernel import (
    FilefdCollector,
    LoadavgCollector,
    PressureCollector,
    StatCollector,
)
from fenghuo.metrics.collect.integrations.host.memory import MeminfoCollector, VmstatCollector
from fenghuo.metrics.collect.integrations.host.network import NetclassCollector, NetdevCollector
from fenghuo.metrics.collect.integrations.host.settings import CollectorName
from fenghuo.metrics.collect.integrations.host.sockets import NetstatCollector, SockstatCollector
from fenghuo.metrics.collect.integrations.host.systemd import SystemdCollector

COLLECTORS: Final[Mapping[CollectorName, Callable[[Host], Collector]]] = {
    CollectorName.CPU: CpuCollector,
    CollectorName.DISKSTATS: DiskstatsCollector,
    CollectorName.FILEFD: FilefdCollector,
    CollectorName.FILESYSTEM: FilesystemCollector,
    CollectorName.LOADAVG: LoadavgCollector,
    CollectorName.MEMINFO: MeminfoCollector,
    CollectorName.NETCLASS: NetclassCollector,
    CollectorName.NETDEV: NetdevCollector,
    CollectorName.NETSTAT: NetstatCollector,
    CollectorName.OS: OsCollector,
    CollectorName.PRESSURE: PressureCollector,
    CollectorName.SOCKSTAT: SockstatCollector,
    CollectorName.STAT: StatCollector,
    CollectorName.SYSTEMD: SystemdCollector,
    CollectorName.TIME: TimeCollector,
    CollectorName.TIMEX: TimexCollector,
    CollectorName.UNAME: UnameCollector,
    CollectorName.VMSTAT: VmstatCollector,
}
