"""The host integration beside the real node_exporter on the same machine: the same series, the same figures."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from typing import Final

import httpx
import pytest
from prometheus_client import CollectorRegistry

from accept.processes import StartProcess, free_port, wait_for
from fenghuo.base.clock import SystemClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.integrations.host import HostIntegration, HostSettings
from fenghuo.model.labels import Labels
from fenghuo.wire.exposition import Parsed, parse_text

pytestmark = [
    pytest.mark.accept,
    pytest.mark.skipif(shutil.which("prometheus-node-exporter") is None, reason="node_exporter is not installed"),
]

NEWER: Final = {
    # What node_exporter has in releases after Debian's 1.5, and so have we.
    "node_netstat_TcpExt_TCPOFOQueue",
    "node_netstat_TcpExt_TCPRcvQDrop",
}
NEWER_LABELS: Final = {"node_network_info": "adminstate"}
NOT_OURS: Final = {
    # Metrics of collectors we have that need hardware or notes which few hosts have.
    "node_cpu_core_throttles_total",
    "node_cpu_package_throttles_total",
    "node_disk_ata_rotation_rate_rpm",
    "node_disk_ata_write_cache",
    "node_disk_ata_write_cache_enabled",
    "node_disk_device_mapper_info",
    "node_disk_filesystem_info",
    "node_systemd_system_running",
    "node_systemd_version",
    "node_systemd_timer_last_trigger_seconds",
    "node_systemd_socket_accepted_connections_total",
    "node_systemd_socket_current_connections",
    "node_systemd_socket_refused_connections_total",
}
OTHER_COLLECTORS: Final = ("node_cpu_frequency_", "node_cpu_scaling_")
"""Prefixes that a collector of node_exporter shares with one of ours: cpufreq with cpu."""
DEBIANS: Final = HostSettings(
    # Debian changed defaults of its node_exporter; the comparison is made under Debian's.
    filesystem_mount_points_exclude=r"^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
    disk_devices_exclude=r"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
    systemd=False,
)
"""Systemd is asked over D-Bus there and with systemctl here, and a container has neither."""

CLOSE: Final = {
    # Metric: how far the two may be apart, in parts of the larger; they are read a few milliseconds apart.
    "node_cpu_seconds_total": 0.05,
    "node_boot_time_seconds": 1e-12,
    "node_memory_MemTotal_bytes": 0,
    "node_memory_SwapTotal_bytes": 0,
    "node_filesystem_size_bytes": 0,
    "node_filesystem_files": 0,
    "node_filesystem_avail_bytes": 0.05,
    "node_filesystem_readonly": 0,
    "node_disk_read_bytes_total": 0.05,
    "node_disk_written_bytes_total": 0.05,
    "node_network_receive_bytes_total": 0.05,
    "node_network_mtu_bytes": 0,
    "node_network_up": 0,
    "node_network_flags": 0,
    "node_context_switches_total": 0.05,
    "node_forks_total": 0.05,
    "node_filefd_maximum": 0,
    "node_time_seconds": 1e-12,
    "node_timex_sync_status": 0,
    "node_timex_tick_seconds": 0,
    "node_pressure_cpu_waiting_seconds_total": 0.05,
    "node_os_version": 0,
    "node_sockstat_sockets_used": 0.5,
}
SMALL: Final = 3.0
"""By so much they may differ whatever the ratio: a tick, a packet, a second of time."""


@pytest.fixture
def node_exporter(start_process: StartProcess) -> str:
    port = free_port()
    process = start_process(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"])
    url = f"http://127.0.0.1:{port}/metrics"
    wait_for(url, process)
    return url


def by_series(parsed: Parsed) -> dict[Labels, float]:
    assert parsed.problem is None
    return dict(zip(parsed.layout.series, parsed.values.tolist(), strict=True))


def comparable(found: Mapping[Labels, float], families: set[str]) -> dict[Labels, float]:
    """What both are expected to have: the collectors both run, without the differences that are meant."""
    kept = {}
    for labels, value in found.items():
        name = labels.metric_name
        ours = name in families and name not in NEWER | NOT_OURS
        ours = ours and not name.startswith(("node_scrape_collector_", *OTHER_COLLECTORS))
        # Debian hides the loopback interface from one of two network collectors.
        loopback = labels.get("device") == "lo" and name.startswith(("node_network_receive", "node_network_transmit_"))
        if ours and not loopback and not (name == "node_network_speed_bytes" and value < 0):
            kept[labels.without([NEWER_LABELS.get(name, "")])] = value
    return kept


def test_names_labels_types_and_values_are_those_of_node_exporter(node_exporter: str) -> None:
    integration = HostIntegration(DEBIANS, SystemClock(), Guard(CollectorRegistry()))
    answer = httpx.get(node_exporter)
    theirs = parse_text(answer.content, answer.headers["content-type"])
    ours = integration.collect()
    prefixes = tuple(f"node_{group}_" for group in ("cpu", "memory", "filesystem", "disk", "network", "timex", "time",
                     "filefd", "pressure", "vmstat", "uname", "os", "sockstat", "netstat", "procs"))  # fmt: skip
    families = {name for name in theirs.layout.metadata if name.startswith(prefixes)} | set(ours.layout.metadata)
    expected, found = comparable(by_series(theirs), families), comparable(by_series(ours), families)
    assert {str(labels) for labels in found} == {str(labels) for labels in expected}
    assert len(found) > 250
    apart = [
        f"{labels}: {found[labels]} and {value}"
        for labels, value in expected.items()
        if labels.metric_name in CLOSE
        and abs(found[labels] - value)
        > max(CLOSE[labels.metric_name] * abs(value), SMALL if CLOSE[labels.metric_name] else 0)
    ]
    assert apart == []
    assert set(CLOSE) <= {labels.metric_name for labels in expected} | {"node_os_version"}
    types = {name: said.type for name, said in theirs.layout.metadata.items()}
    assert [name for name, said in ours.layout.metadata.items() if types.get(name, said.type) != said.type] == []


def test_every_collector_succeeds_here_that_succeeds_there(node_exporter: str) -> None:
    integration = HostIntegration(DEBIANS, SystemClock(), Guard(CollectorRegistry()))
    answer = httpx.get(node_exporter)
    theirs = by_series(parse_text(answer.content, answer.headers["content-type"]))
    ours = by_series(integration.collect())
    failing = [
        str(labels)
        for labels, value in ours.items()
        if labels.metric_name == "node_scrape_collector_success"
        and labels["collector"] != "systemd"
        and value < theirs[labels]
    ]
    assert failing == []


def test_a_collection_is_quick_and_keeps_its_layout() -> None:
    integration = HostIntegration(HostSettings(systemd=False), SystemClock(), Guard(CollectorRegistry()))
    first = integration.collect()
    start_s = time.thread_time()
    again = integration.collect()
    assert time.thread_time() - start_s < 0.1
    assert again.layout is first.layout
