"""Each collector over files of its own: names, labels, units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.collect.integrations.host.clock import TimeCollector, Timex, TimexCollector
from fenghuo.metrics.collect.integrations.host.collector import Collector, Host
from fenghuo.metrics.collect.integrations.host.cpu import CpuCollector
from fenghuo.metrics.collect.integrations.host.disk import DiskstatsCollector
from fenghuo.metrics.collect.integrations.host.identity import OsCollector, UnameCollector
from fenghuo.metrics.collect.integrations.host.kernel import (
    FilefdCollector,
    LoadavgCollector,
    PressureCollector,
    StatCollector,
)
from fenghuo.metrics.collect.integrations.host.memory import MeminfoCollector, VmstatCollector
from fenghuo.metrics.collect.integrations.host.network import NetclassCollector, NetdevCollector
from fenghuo.metrics.collect.integrations.host.sockets import NetstatCollector, SockstatCollector

MakeHost = Callable[..., Host]
Collected = Callable[[Collector], dict[str, float]]

STAT = """\
cpu  300 0 0 0 0 0 0 0 0 0
cpu0 100 2 30 4000 50 6 7 8 9 10
intr 12345 1 2 3
ctxt 777
btime 1700000000
processes 42
procs_running 3
procs_blocked 1
softirq 9 9
"""


@pytest.fixture(autouse=True)
def hundred_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", {"SC_CLK_TCK": 100, "SC_PAGE_SIZE": 4096}.__getitem__)


def test_cpu_time_is_by_core_and_mode_in_seconds(make_host: MakeHost, collected: Collected) -> None:
    found = collected(CpuCollector(make_host({"proc/stat": STAT})))
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    expected = dict(zip(modes, (1.0, 0.02, 0.3, 40.0, 0.5, 0.06, 0.07, 0.08), strict=True))
    assert found == {
        **{f'node_cpu_seconds_total{{cpu="0", mode="{mode}"}}': value for mode, value in expected.items()},
        'node_cpu_guest_seconds_total{cpu="0", mode="user"}': 0.09,
        'node_cpu_guest_seconds_total{cpu="0", mode="nice"}': 0.1,
    }


@pytest.mark.parametrize(("idle_ticks", "expected_s"), [(4100, 41.0), (3900, 40.0), (10, 0.1)])
def test_idle_time_that_wavers_does_not_fall_and_a_core_that_came_back_begins_anew(
    make_host: MakeHost, collected: Collected, idle_ticks: int, expected_s: float
) -> None:
    collector = CpuCollector(make_host({"proc/stat": STAT}))
    collected(collector)
    make_host({"proc/stat": STAT.replace("4000", str(idle_ticks))})
    assert collected(collector)['node_cpu_seconds_total{cpu="0", mode="idle"}'] == expected_s


def test_the_kernel_counts_for_the_whole_machine(make_host: MakeHost, collected: Collected) -> None:
    host = make_host({"proc/stat": STAT, "proc/loadavg": "0.50 1.25 2 3/456 789\n", "proc/sys/fs/file-nr": "1\t0\t2\n"})
    assert collected(StatCollector(host)) == {
        "node_intr_total": 12345,
        "node_context_switches_total": 777,
        "node_boot_time_seconds": 1700000000,
        "node_forks_total": 42,
        "node_procs_running": 3,
        "node_procs_blocked": 1,
    }
    assert collected(LoadavgCollector(host)) == {"node_load1": 0.5, "node_load5": 1.25, "node_load15": 2.0}
    assert collected(FilefdCollector(host)) == {"node_filefd_allocated": 1, "node_filefd_maximum": 2}


def test_pressure_is_in_seconds(make_host: MakeHost, collected: Collected) -> None:
    some = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n"
    full = "full avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n"
    files = {"proc/pressure/cpu": some + full, "proc/pressure/io": some + full, "proc/pressure/memory": some + full}
    assert collected(PressureCollector(make_host(files))) == {
        "node_pressure_cpu_waiting_seconds_total": 1.5,
        "node_pressure_io_waiting_seconds_total": 1.5,
        "node_pressure_io_stalled_seconds_total": 0.25,
        "node_pressure_memory_waiting_seconds_total": 1.5,
        "node_pressure_memory_stalled_seconds_total": 0.25,
    }


def test_memory_fields_are_bytes_and_counts_stay_counts(make_host: MakeHost, collected: Collected) -> None:
    text = "MemTotal:       2048 kB\nActive(anon):      1 kB\nHugePages_Total:       7\n"
    assert collected(MeminfoCollector(make_host({"proc/meminfo": text}))) == {
        "node_memory_MemTotal_bytes": 2048 * 1024,
        "node_memory_Active_anon_bytes": 1024,
        "node_memory_HugePages_Total": 7,
    }


def test_vmstat_keeps_paging_faults_and_kills(make_host: MakeHost, collected: Collected) -> None:
    text = "nr_free_pages 1\npgpgin 2\npswpout 3\npgfault 4\npgmajfault 5\noom_kill 6\npgscan 7\n"
    found = collected(VmstatCollector(make_host({"proc/vmstat": text})))
    assert found == {
        f"node_vmstat_{n}": v
        for n, v in {"pgpgin": 2, "pswpout": 3, "pgfault": 4, "pgmajfault": 5, "oom_kill": 6}.items()
    }


def test_disks_are_in_bytes_and_seconds_and_know_their_hardware(make_host: MakeHost, collected: Collected) -> None:
    host = make_host(
        {
            "proc/diskstats": " 254 0 vda 1 2 3 4000 5 6 7 8000 9 10000 11000 12 13 14 15000 16 17000\n"
            " 254 1 vda1 1 1 1 1 1 1 1 1 1 1 1\n 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n",
            "run/udev/data/b254:0": "S:disk/by-id/x\nE:ID_MODEL=QEMU\nE:ID_SERIAL_SHORT=s=1\n",
        }
    )
    expected = {
        "reads_completed_total": 1, "reads_merged_total": 2, "read_bytes_total": 1536, "read_time_seconds_total": 4.0,
        "writes_completed_total": 5, "writes_merged_total": 6, "written_bytes_total": 3584,
        "write_time_seconds_total": 8.0, "io_now": 9, "io_time_seconds_total": 10.0,
        "io_time_weighted_seconds_total": 11.0, "discards_completed_total": 12, "discards_merged_total": 13,
        "discarded_sectors_total": 14, "discard_time_seconds_total": 15.0, "flush_requests_total": 16,
        "flush_requests_time_seconds_total": 17.0,
    }  # fmt: skip
    found = collected(DiskstatsCollector(host))
    info = next(series for series in found if series.startswith("node_disk_info"))
    assert 'device="vda", major="254", minor="0"' in info
    assert 'model="QEMU", serial="s=1"' in info
    assert {s: v for s, v in found.items() if s != info} == {
        f'node_disk_{name}{{device="vda"}}': value for name, value in expected.items()
    }


def test_a_kernel_without_discards_has_none(make_host: MakeHost, collected: Collected) -> None:
    found = collected(DiskstatsCollector(make_host({"proc/diskstats": "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"})))
    assert 'node_disk_io_time_seconds_total{device="sda"}' in found
    assert not any("discard" in series or "flush" in series for series in found)


DEV = """\
Inter-|   Receive                                             |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
veth1:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
"""


def test_traffic_is_by_interface_and_direction(make_host: MakeHost, collected: Collected) -> None:
    files = {"proc/net/dev": DEV, "sys/class/net/eth0/statistics/rx_nohandler": "17\n"}
    found = collected(NetdevCollector(make_host(files, network_devices_exclude="^veth")))
    receive = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
    transmit = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
    names = [f"receive_{name}" for name in receive] + [f"transmit_{name}" for name in transmit] + ["receive_nohandler"]
    assert found == {f'node_network_{name}_total{{device="eth0"}}': at + 1 for at, name in enumerate(names)}


def test_interface_properties_are_read_and_what_the_kernel_refuses_is_left_out(
    make_host: MakeHost, collected: Collected
) -> None:
    eth0 = {"operstate": "up", "mtu": "1500", "speed": "1000", "flags": "0x1003", "dev_id": "0x0", "duplex": "full",
            "address": "02:00", "carrier_changes": "2"}  # fmt: skip
    files = {f"sys/class/net/eth0/{name}": f"{value}\n" for name, value in eth0.items()}
    files |= {"sys/class/net/eth1/operstate": "down\n", "sys/class/net/eth1/speed": "-1\n"}
    files |= {"sys/class/net/bonding_masters": "\n"}
    info = (
        'node_network_info{device="eth%s", address="%s", broadcast="", duplex="%s", operstate="%s", ifalias="",'
        ' adminstate="%s"}'
    )
    assert collected(NetclassCollector(make_host(files))) == {
        'node_network_up{device="eth0"}': 1.0,
        info % (0, "02:00", "full", "up", "up"): 1,
        'node_network_mtu_bytes{device="eth0"}': 1500,
        'node_network_speed_bytes{device="eth0"}': 125_000_000,
        'node_network_flags{device="eth0"}': 0x1003,
        'node_network_device_id{device="eth0"}': 0,
        'node_network_carrier_changes_total{device="eth0"}': 2,
        'node_network_up{device="eth1"}': 0.0,
        info % (1, "", "", "down", "unknown"): 1,
    }


def test_sockets_are_by_protocol_and_memory_in_pages_and_bytes(make_host: MakeHost, collected: Collected) -> None:
    files = {"proc/net/sockstat": "sockets: used 21\nTCP: inuse 4 mem 3\n", "proc/net/sockstat6": "TCP6: inuse 5\n"}
    assert collected(SockstatCollector(make_host(files))) == {
        "node_sockstat_sockets_used": 21,
        "node_sockstat_TCP_inuse": 4,
        "node_sockstat_TCP_mem": 3,
        "node_sockstat_TCP_mem_bytes": 3 * 4096,
        "node_sockstat_TCP6_inuse": 5,
    }


def test_protocol_counters_are_those_that_node_exporter_shows(make_host: MakeHost, collected: Collected) -> None:
    files = {
        "proc/net/netstat": "TcpExt: ListenDrops TW\nTcpExt: 1 2\nIpExt: InOctets\nIpExt: 3\n",
        "proc/net/snmp": "Tcp: RtoMin RetransSegs\nTcp: 200 4\nUdpLite: InErrors\nUdpLite: 5\n",
        "proc/net/snmp6": "Ip6InReceives 1\nIp6InOctets 6\nIcmp6InErrors 7\n",
    }
    expected = {
        "node_netstat_TcpExt_ListenDrops": 1,
        "node_netstat_IpExt_InOctets": 3,
        "node_netstat_Tcp_RetransSegs": 4,
        "node_netstat_UdpLite_InErrors": 5,
    }
    host = make_host(files)
    assert collected(NetstatCollector(host)) == {
        **expected,
        "node_netstat_Ip6_InOctets": 6,
        "node_netstat_Icmp6_InErrors": 7,
    }
    (host.proc / "net/snmp6").unlink()
    assert collected(NetstatCollector(host)) == expected


def test_the_time_comes_from_the_clock(make_host: MakeHost, collected: Collected, clock: ManualClock) -> None:
    files = {
        "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet \n",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    }
    found = collected(TimeCollector(make_host(files)))
    assert found["node_time_seconds"] == clock.now_ms() / 1000
    assert {series for series in found if "clocksource" in series} == {
        'node_time_clocksource_available_info{device="0", clocksource="tsc"}',
        'node_time_clocksource_available_info{device="0", clocksource="hpet"}',
        'node_time_clocksource_current_info{device="0", clocksource="tsc"}',
    }
    assert any(series.startswith("node_time_zone_offset_seconds{time_zone=") for series in found)


@pytest.mark.parametrize(
    ("state", "status", "offset", "synchronised", "offset_s"),
    [(0, 0x2001, 1_500_000, 1.0, 0.0015), (0, 0x0001, -1500, 1.0, -0.0015), (5, 0x40, 0, 0.0, 0.0)],
)
def test_the_kernels_clock_figures_are_in_seconds(
    make_host: MakeHost,
    collected: Collected,
    state: int,
    status: int,
    offset: int,
    synchronised: float,
    offset_s: float,
) -> None:
    figures = Timex(status=status, offset=offset, freq=65536, maxerror=16_000_000, tick=10_000, tai=37)
    found = collected(TimexCollector(make_host({}), lambda: (state, figures)))
    assert found["node_timex_sync_status"] == synchronised
    assert found["node_timex_offset_seconds"] == pytest.approx(offset_s)
    assert found["node_timex_frequency_adjustment_ratio"] == pytest.approx(1.000001)
    assert found["node_timex_maxerror_seconds"] == 16.0
    assert found["node_timex_tick_seconds"] == 0.01
    assert found["node_timex_tai_offset_seconds"] == 37


def test_the_kernel_says_who_it_is(make_host: MakeHost, collected: Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = {"ostype": "Linux", "osrelease": "6.1", "version": "#1 SMP", "hostname": "vm", "domainname": "(none)"}
    host = make_host({f"proc/sys/kernel/{name}": f"{value}\n" for name, value in kernel.items()})
    (series,) = collected(UnameCollector(host))
    for label in ('sysname="Linux"', 'release="6.1"', 'version="#1 SMP"', 'nodename="vm"', 'domainname="(none)"'):
        assert label in series


def test_the_distribution_says_who_it_is(make_host: MakeHost, collected: Collected) -> None:
    text = '# a comment\nNAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12.5"\nPRETTY_NAME=\'Debian 12\'\n\nBUG\n'
    found = collected(OsCollector(make_host({"usr/lib/os-release": text})))
    assert found['node_os_version{id="debian", id_like="", name="Debian GNU/Linux"}'] == 12.5
    (info,) = (series for series in found if series.startswith("node_os_info"))
    assert 'pretty_name="Debian 12"' in info


@pytest.mark.parametrize(
    ("collector", "file", "text"),
    [
        (CpuCollector, "proc/stat", ""),
        (MeminfoCollector, "proc/meminfo", "no colon here\n"),
        (LoadavgCollector, "proc/loadavg", "1 2\n"),
        (StatCollector, "proc/stat", "intr\n"),
        (NetdevCollector, "proc/net/dev", "a\nb\neth0: 1 2 3\n"),
        (DiskstatsCollector, "proc/diskstats", "8 0\n"),
        (NetstatCollector, "proc/net/netstat", "Tcp: a b\n"),
    ],
)
def test_a_file_that_says_something_else_is_an_error_that_the_integration_foresees(
    make_host: MakeHost, collected: Collected, collector: type[Collector], file: str, text: str
) -> None:
    host = make_host({file: text})
    with pytest.raises((ValueError, LookupError)):
        collected(collector(host))  # type: ignore[call-arg]
    (host.root / Path(file)).unlink()
    with pytest.raises(OSError, match=file):
        collected(collector(host))  # type: ignore[call-arg]
