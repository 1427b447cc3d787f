"""Which machine this is: kernel and distribution."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host, read_text
from fenghuo.metrics.collect.integrations.recorder import Recorder

_KERNEL: Final = {
    # Label: file in /proc/sys/kernel.
    "sysname": "ostype",
    "release": "osrelease",
    "version": "version",
    "nodename": "hostname",
    "domainname": "domainname",
}
_OS_INFO: Final = (
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
)
_MAJOR_MINOR: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


class UnameCollector:
    """``node_uname_info``."""

    def __init__(self, host: Host) -> None:
        self._path = host.proc / "sys/kernel"

    def collect(self, out: Recorder) -> None:
        labels = {label: read_text(self._path / file) for label, file in _KERNEL.items()}
        info = out.gauge("node_uname_info", "What uname says; always 1.")
        info.add(1, machine=os.uname().machine, **labels)


class OsCollector:
    """``node_os_info`` and, where the version is a number, ``node_os_version``."""

    def __init__(self, host: Host) -> None:
        self._paths = (host.root / "etc/os-release", host.root / "usr/lib/os-release")

    def collect(self, out: Recorder) -> None:
        said = _os_release(next((path for path in self._paths if path.is_file()), self._paths[0]))
        labels = {label: said.get(label.upper(), "") for label in _OS_INFO}
        out.gauge("node_os_info", "What os-release says; always 1.").add(1, **labels)
        version = _MAJOR_MINOR.match(labels["version_id"])
        if version is not None:
            family = out.gauge("node_os_version", "The distribution's version, as far as it is a number.")
            family.add(float(version[0]), id=labels["id"], id_like=labels["id_like"], name=labels["name"])


def _os_release(path: Path) -> dict[str, str]:
    """The assignments of an os-release file, quoted as a shell does."""
    said = {}
    for line in path.read_text(errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            said[key.strip()] = "".join(shlex.split(value))
    return said
