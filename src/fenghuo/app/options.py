"""What the command line says about a server."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fenghuo.base.errors import InputError

DEFAULT_LISTEN = "127.0.0.1:9470"

SERVER_FILE = "server.json"
"""In the data directory, readable by its owner alone: where the server listens, and the commands' token."""

SNAPSHOTS = "snapshots"
"""In the data directory: what the snapshot API makes, a directory for each."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0 lets the system choose."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """An address that works on this machine; one that listens everywhere is reached by its host name."""
        if self.host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            return f"http://{self}"
        return f"http://{socket.gethostname()}:{self.port}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """``HOST:PORT``, ``[IPV6]:PORT`` or ``:PORT`` (all addresses). Raises InputError."""
    host, colon, port = text.rpartition(":")
    remedy = "write HOST:PORT, as in 127.0.0.1:9470 or 0.0.0.0:9470"
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InputError(f"{text!r} is not an address to listen on", remedy=remedy)
    host = host.removeprefix("[").removesuffix("]") or "0.0.0.0"  # noqa: S104 - asked for by leaving the host out
    if any(char.isspace() for char in host):
        raise InputError(f"{text!r} is not an address to listen on", remedy=remedy)
    return Address(host, int(port))


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to start a server. ``config`` None is the built-in configuration that watches this host."""

    config: Path | None = None
    data_dir: Path = Path("fenghuo-data")
    listen: Address | None = None
    no_auth: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    """What ``${…}`` in the configuration is replaced from."""

    def address(self, configured: str | None) -> Address:
        """Where to listen: the command line before the file before the default.

        Raises InputError for ``--no-auth`` on an address that others can reach.
        """
        address = self.listen or parse_address(configured or DEFAULT_LISTEN)
        if self.no_auth and not address.is_loopback:
            raise InputError(
                f"--no-auth is refused on {address}, which other machines can reach",
                remedy="listen on 127.0.0.1, or leave --no-auth away",
            )
        return address
