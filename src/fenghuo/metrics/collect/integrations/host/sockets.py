"""The network stack: sockets in use and protocol counters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host
from fenghuo.metrics.collect.integrations.recorder import FamilyRecorder, Recorder

_NETSTAT: Final = re.compile(
    r"(?:.*_(?:InErrors|InErrs)|Ip_Forwarding|Ip(?:6|Ext)_(?:InOctets|OutOctets)|Icmp6?_(?:InMsgs|OutMsgs)"
    r"|TcpExt_(?:Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
    r"|Tcp_(?:ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(?:InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))"
)


class SockstatCollector:
    """``node_sockstat_<protocol>_<field>``. A host without IPv6 has no file for it."""

    def __init__(self, host: Host) -> None:
        self._net = host.proc / "net"
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def collect(self, out: Recorder) -> None:
        lines = (self._net / "sockstat").read_text().splitlines()
        lines += _optional(self._net / "sockstat6").splitlines()
        for line in lines:
            protocol, _, rest = line.partition(":")
            fields = rest.split()
            for name, text in zip(fields[::2], fields[1::2], strict=True):
                _sockets(out, protocol, name).add(int(text))
                if name == "mem":
                    _sockets(out, protocol, "mem_bytes").add(int(text) * self._page_bytes)


class NetstatCollector:
    """``node_netstat_<protocol>_<field>``: the fields of snmp, snmp6 and netstat that node_exporter shows."""

    def __init__(self, host: Host) -> None:
        self._net = host.proc / "net"

    def collect(self, out: Recorder) -> None:
        for file in ("netstat", "snmp"):
            for name, value in _two_line_fields((self._net / file).read_text()):
                _protocol(out, name, value)
        for line in _optional(self._net / "snmp6").splitlines():
            name, text = line.split()
            protocol, six, field = name.partition("6")
            if six:
                _protocol(out, f"{protocol}6_{field}", int(text))


def _sockets(out: Recorder, protocol: str, field: str) -> FamilyRecorder:
    return out.gauge(f"node_sockstat_{protocol}_{field}", f"The field {field} of {protocol} in /proc/net/sockstat.")


def _protocol(out: Recorder, name: str, value: int) -> None:
    if _NETSTAT.fullmatch(name):
        out.family(f"node_netstat_{name}", "unknown", f"The network stack's counter {name}.").add(value)


def _two_line_fields(text: str) -> Iterator[tuple[str, int]]:
    """Names on one line, their values on the next, both behind the protocol's name."""
    lines = text.splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, _, rest = names.partition(":")
        for name, value in zip(rest.split(), values.partition(":")[2].split(), strict=True):
            yield f"{protocol}_{name}", int(value)


def _optional(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
