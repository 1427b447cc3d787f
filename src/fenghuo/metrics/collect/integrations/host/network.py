"""Network interfaces: traffic from /proc/net/dev, properties from /sys/class/net."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host, excluded, read_text
from fenghuo.metrics.collect.integrations.recorder import Recorder

_RECEIVE: Final = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
_TRANSMIT: Final = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")

_BYTES_PER_MEGABIT: Final = 125_000
_PROPERTIES: Final = (
    # File, metric behind node_network_, factor.
    ("addr_assign_type", "address_assign_type", 1),
    ("carrier", "carrier", 1),
    ("carrier_changes", "carrier_changes_total", 1),
    ("carrier_up_count", "carrier_up_changes_total", 1),
    ("carrier_down_count", "carrier_down_changes_total", 1),
    ("dev_id", "device_id", 1),
    ("dormant", "dormant", 1),
    ("flags", "flags", 1),
    ("ifindex", "iface_id", 1),
    ("iflink", "iface_link", 1),
    ("link_mode", "iface_link_mode", 1),
    ("mtu", "mtu_bytes", 1),
    ("name_assign_type", "name_assign_type", 1),
    ("netdev_group", "net_dev_group", 1),
    ("speed", "speed_bytes", _BYTES_PER_MEGABIT),
    ("tx_queue_len", "transmit_queue_length", 1),
    ("type", "protocol_type", 1),
)
_INFO: Final = ("address", "broadcast", "duplex", "operstate", "ifalias")
_IFF_UP: Final = 1


class NetdevCollector:
    """``node_network_receive_*_total`` and ``node_network_transmit_*_total``."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "net/dev"
        self._sys = host.sys / "class/net"
        self._exclude = host.settings.network_devices_exclude

    def collect(self, out: Recorder) -> None:
        for line in self._path.read_text().splitlines()[2:]:
            device, _, rest = line.strip().rpartition(":")
            if excluded(self._exclude, device):
                continue
            numbers = [int(number) for number in rest.split()]
            for direction, names, values in (
                ("receive", _RECEIVE, numbers[: len(_RECEIVE)]),
                ("transmit", _TRANSMIT, numbers[len(_RECEIVE) :]),
            ):
                for name, value in zip(names, values, strict=True):
                    _traffic(out, f"{direction}_{name}", value, device)
            unclaimed = _number(self._sys / device / "statistics/rx_nohandler")
            if unclaimed is not None:
                _traffic(out, "receive_nohandler", unclaimed, device)


def _traffic(out: Recorder, name: str, value: int, device: str) -> None:
    meaning = f"The interface's count {name.replace('_', ' ')}."
    out.counter(f"node_network_{name}_total", meaning).add(value, device=device)


class NetclassCollector:
    """``node_network_up``, ``_info``, ``_speed_bytes``, ``_mtu_bytes`` and the interface's other properties."""

    def __init__(self, host: Host) -> None:
        self._path = host.sys / "class/net"
        self._exclude = host.settings.network_devices_exclude

    def collect(self, out: Recorder) -> None:
        for folder in sorted(self._path.iterdir()):
            if folder.is_dir() and not excluded(self._exclude, folder.name):
                self._interface(out, folder)

    def _interface(self, out: Recorder, folder: Path) -> None:
        device = folder.name
        info = {name: _text(folder / name) for name in _INFO}
        flags = _number(folder / "flags")
        info["adminstate"] = "unknown" if flags is None else "up" if flags & _IFF_UP else "down"
        up = out.gauge("node_network_up", "1 when the interface's operational state is up, else 0.")
        up.add(float(info["operstate"] == "up"), device=device)
        out.gauge("node_network_info", "What an interface is; always 1.").add(1, device=device, **info)
        for file, name, factor in _PROPERTIES:
            value = _number(folder / file)
            # An interface that is down knows no speed and says -1.
            if value is None or (file == "speed" and value < 0):
                continue
            kind = "counter" if name.endswith("_total") else "gauge"
            family = out.family(f"node_network_{name}", kind, f"The interface's property {file} in /sys/class/net.")
            family.add(value * factor, device=device)


def _text(path: Path) -> str:
    """A property; empty where the kernel does not offer it or, the interface being down, refuses to read it."""
    try:
        return read_text(path)
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text, 0) if text else None
