"""Each rule of the pack ``host`` fires on what it is for, when its time has come, and not on its neighbour.

The engine is Debian's promtool, so that the rules are known to mean the same to a real Prometheus.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from fenghuo.packs import load_pack

NODE = 'job="node", instance="a"'
DISK = NODE + ', device="/dev/vda", mountpoint="/", fstype="ext4"'
GB = 10**9


@dataclass(frozen=True)
class Case:
    """``series`` at one sample a minute; the alert is active ``at_min`` and not ``quiet_min``."""

    alert: str
    series: dict[str, str]
    at_min: int
    quiet_min: int
    labels: str = NODE
    state: str = "firing"


def constant(value: float) -> str:
    return f"{value}x100"


def filesystem(used: float, *, readonly: str = "0x100", labels: str = DISK) -> dict[str, str]:
    """A disk of 100 GB of which root keeps 5."""
    free = 100 * GB * (1 - used)
    return {
        f"node_filesystem_size_bytes{{{labels}}}": constant(100 * GB),
        f"node_filesystem_free_bytes{{{labels}}}": constant(free),
        f"node_filesystem_avail_bytes{{{labels}}}": constant(max(free - 5 * GB, 0)),
        f"node_filesystem_files{{{labels}}}": constant(1000),
        f"node_filesystem_files_free{{{labels}}}": constant(1000 * (1 - used)),
        f"node_filesystem_readonly{{{labels}}}": readonly,
    }


def memory(used_percent: float, swap_percent: float = 0) -> dict[str, str]:
    return {
        f"node_memory_MemTotal_bytes{{{NODE}}}": constant(100),
        f"node_memory_MemAvailable_bytes{{{NODE}}}": constant(100 - used_percent),
        f"node_memory_SwapTotal_bytes{{{NODE}}}": constant(100),
        f"node_memory_SwapFree_bytes{{{NODE}}}": constant(100 - swap_percent),
    }


def cpu(mode: str, per_minute: float) -> dict[str, str]:
    return {f'node_cpu_seconds_total{{{NODE}, cpu="{core}", mode="{mode}"}}': f"0+{per_minute}x100" for core in (0, 1)}


FIRING = [
    Case("HighCPUUsage", cpu("idle", 6), 7, 4),
    Case("HighSystemLoad", {**cpu("idle", 30), f"node_load5{{{NODE}}}": constant(5)}, 11, 9),
    Case("HighCPUSteal", cpu("steal", 20), 21, 14),
    Case("HighMemoryUsage", memory(86), 6, 4),
    Case("CriticalMemoryUsage", memory(96), 3, 1),
    Case("HighSwapUsage", memory(50, 90), 11, 9),
    Case("MemoryPressure", {f"node_pressure_memory_waiting_seconds_total{{{NODE}}}": "0+20x100"}, 15, 9),
    Case("OutOfMemoryKill", {f"node_vmstat_oom_kill{{{NODE}}}": "0x9 1x100"}, 11, 8),
    Case("HighDiskUsage", filesystem(0.87), 6, 4, DISK),
    Case("CriticalDiskUsage", filesystem(0.94), 2, 0, DISK),
    Case(
        "DiskWillFill",
        filesystem(0.7) | {f"node_filesystem_avail_bytes{{{DISK}}}": f"{30 * GB}-{GB // 20}x100"},
        64,
        50,
        DISK,
    ),
    Case("HighInodeUsage", filesystem(0.91), 6, 4, DISK),
    Case("FilesystemBecameReadOnly", filesystem(0.2, readonly="0x30 1x100"), 34, 30, DISK),
    Case("FilesystemNotAnswering", {f"node_filesystem_device_error{{{DISK}}}": "0x30 1x100"}, 38, 33, DISK),
    Case("DiskPressure", {f"node_pressure_io_stalled_seconds_total{{{NODE}}}": "0+30x100"}, 21, 14),
    Case(
        "HighFileDescriptorUsage",
        {f"node_filefd_allocated{{{NODE}}}": constant(85), f"node_filefd_maximum{{{NODE}}}": constant(100)},
        6,
        4,
    ),
    Case(
        "HighProcessFileDescriptorUsage",
        {f"process_open_fds{{{NODE}}}": constant(900), f"process_max_fds{{{NODE}}}": constant(1024)},
        6,
        4,
    ),
    Case(
        "NetworkErrors",
        {
            f'node_network_receive_errs_total{{{NODE}, device="eth0"}}': "0+5x100",
            f'node_network_transmit_errs_total{{{NODE}, device="eth0"}}': "0x100",
            f'node_network_receive_packets_total{{{NODE}, device="eth0"}}': "0+100x100",
            f'node_network_transmit_packets_total{{{NODE}, device="eth0"}}': "0+100x100",
        },
        12,
        9,
        NODE + ', device="eth0"',
    ),
    Case(
        "ClockNotSynchronised",
        {f"node_timex_sync_status{{{NODE}}}": constant(0), f"node_timex_maxerror_seconds{{{NODE}}}": constant(16)},
        16,
        14,
    ),
    Case("ClockSkew", {f"node_timex_offset_seconds{{{NODE}}}": constant(0.2)}, 12, 9),
    Case(
        "SystemdUnitFailed",
        {f'node_systemd_unit_state{{{NODE}, name="x.service", state="failed", type="simple"}}': constant(1)},
        6,
        4,
        NODE + ', name="x.service", state="failed", type="simple"',
    ),
    Case("TargetDown", {f"up{{{NODE}}}": "1x5 0x100"}, 8, 6),
    Case(
        "HostCollectorFailing",
        {f'node_scrape_collector_success{{{NODE}, collector="cpu"}}': "1x5 0x100"},
        24,
        19,
        NODE + ', collector="cpu"',
    ),
    Case(
        "FenghuoNotificationsFailing",
        {'fenghuo_notification_attempts_failed_total{job="fenghuo", instance="a", channel="email"}': "0x5 0+1x100"},
        12,
        6,
        'instance="a", channel="email"',
    ),
    Case(
        "FenghuoRulesFailing",
        {'fenghuo_rule_evaluation_failures_total{job="fenghuo", instance="a", group="g"}': "0x5 0+1x100"},
        14,
        10,
        'job="fenghuo", instance="a", group="g"',
    ),
    Case(
        "FenghuoStoreNotWriting",
        {'fenghuo_store_wal_write_failures_total{job="fenghuo", instance="a", operation="write"}': "_x9 3x100"},
        10,
        16,
        'instance="a", operation="write"',
    ),
    Case(
        "FenghuoUnexpectedFault",
        {'fenghuo_unexpected_faults_total{job="fenghuo", instance="a", part="scrape"}': "0x5 1x100"},
        7,
        4,
        'instance="a", part="scrape"',
    ),
    Case(
        "FenghuoUnexpectedFault",
        {'fenghuo_unexpected_faults_total{job="fenghuo", instance="a", part="scrape"}': "_x9 1x100"},
        20,
        26,
        'instance="a", part="scrape"',
    ),
]

QUIET = {
    # What looks like trouble and is none: series, and the alerts that must not come of it.
    "a read-only image is full by design": (filesystem(1.0, readonly="1x100"), "HighDiskUsage|HighInodeUsage"),
    "a tmpfs is no disk": (filesystem(0.99, labels=DISK.replace("ext4", "tmpfs")), ".*Disk.*|.*Inode.*"),
    "root's reserve is not in use": (filesystem(0.8), ".*Disk.*"),
    "no swap at all": ({s: v.replace("100x", "0x") for s, v in memory(50).items()}, "HighSwapUsage"),
    "btrfs counts no inodes": (
        {series: "0x100" if "files" in series.split("{")[0][-10:] else v for series, v in filesystem(0.2).items()},
        "HighInodeUsage",
    ),
    "a clock that is being pulled back": (
        {f"node_timex_offset_seconds{{{NODE}}}": "1-0.01x90 0x100"},
        "ClockSkew",
    ),
    "a collector that never worked": (
        {f'node_scrape_collector_success{{{NODE}, collector="systemd"}}': constant(0)},
        "HostCollectorFailing",
    ),
    "a busy but healthy host": (
        {**memory(80), **cpu("idle", 15), **filesystem(0.6), f"up{{{NODE}}}": constant(1)},
        ".*",
    ),
}


def alerts_test(series: dict[str, str], checks: list[tuple[int, str, list[str]]]) -> dict[str, object]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": labels, "value": 1} for labels in expected],
            }
            for minute, expr, expected in checks
        ],
    }


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_the_rules_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    rules = load_pack("host").rule_files
    tests = []
    for case in FIRING:
        expr = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
        severity = severities()[case.alert]
        shown = f'ALERTS{{alertname="{case.alert}", alertstate="firing", severity="{severity}", {case.labels}}}'
        tests.append(alerts_test(case.series, [(case.at_min, expr, [shown]), (case.quiet_min, expr, [])]))
    for series, names in QUIET.values():
        expr = f'ALERTS{{alertname=~"{names}", alertstate="firing"}}'
        tests.append(alerts_test(series, [(minute, expr, []) for minute in (10, 40, 75)]))
    script = tmp_path / "tests.yml"
    script.write_text(
        yaml.safe_dump({"rule_files": [str(path) for path in rules], "evaluation_interval": "1m", "tests": tests})
    )
    done = subprocess.run(["promtool", "test", "rules", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def severities() -> dict[str, str]:
    found = {}
    for path in load_pack("host").rule_files:
        for group in yaml.safe_load(path.read_text())["groups"]:
            found |= {rule["alert"]: rule["labels"]["severity"] for rule in group["rules"]}
    return found


def test_every_rule_has_a_case() -> None:
    assert {case.alert for case in FIRING} == set(severities())
