"""The three programs as processes on free loopback ports, ended by their process ids whatever happens. Linux only."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from beside.asking import Connection, RefusedError

FENGHUO, PROMETHEUS, VICTORIA = "fenghuo", "prometheus", "victoria-metrics"
SERVERS = (FENGHUO, PROMETHEUS, VICTORIA)

READY_S_MAX = 120.0
END_S_MAX = 30.0
_CPUCLOCK_SCHED = 2

NOTHING_TO_WATCH = "global: {scrape_interval: 1h, scrape_timeout: 1m, evaluation_interval: 1m}\n"
"""What both Prometheus and Fenghuo read. Fenghuo always scrapes itself: an hour keeps that out of the figures."""
FENGHUO_ALONE = "integrations: {host: null}\npacks: []\n"

LOOK_S, QUIET_S, REST_S_MAX = 0.5, 3.0, 120.0
QUIET_SHARE = 0.05
"""Of one core, all servers together: programs that scrape nothing need a hundredth."""


@dataclass(frozen=True)
class Usage:
    """One look at a process."""

    cpu_s: float
    """Processor time of all threads, ended ones too, user and system, to the nanosecond."""
    resident_mib: float
    anonymous_mib: float
    """What is its own and not shared with files on disk."""


def usage_of(pid: int) -> Usage:
    clock = ~pid << 3 | _CPUCLOCK_SCHED  # What clock_getcpuclockid(3) makes of a process id.
    pairs = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    status = {name: value.split()[0] for name, value in pairs if value.split()}
    return Usage(time.clock_gettime(clock), int(status["VmRSS"]) / 1024, int(status["RssAnon"]) / 1024)


@dataclass
class Server:
    """A started program."""

    name: str
    port: int
    directory: Path
    process: subprocess.Popen[bytes]
    ready_s: float
    """From its start to its first answer that it is ready."""
    connection: Connection

    @property
    def usage(self) -> Usage:
        return usage_of(self.process.pid)

    @property
    def data(self) -> Path:
        """Where its samples are."""
        return data_of(self.name, self.directory)


def come_to_rest(servers: Iterable[Server], wanted_s: float = QUIET_S) -> float:
    """Wait until none of them has done anything by itself for so long, such as merging what it was fed or collecting
    garbage, but not for ever: it would disturb the others. Returns how many seconds that took."""
    servers, began_s, quiet_s, look_s = list(servers), time.monotonic(), 0.0, min(LOOK_S, wanted_s / 2)
    used_s = sum(server.usage.cpu_s for server in servers)
    while quiet_s < wanted_s and time.monotonic() - began_s < REST_S_MAX:
        time.sleep(look_s)
        before_s, used_s = used_s, sum(server.usage.cpu_s for server in servers)
        quiet_s = quiet_s + look_s if used_s - before_s < QUIET_SHARE * look_s else 0.0
    return time.monotonic() - began_s


def data_of(name: str, directory: Path) -> Path:
    """Where a server that lives in ``directory`` keeps its samples."""
    return directory / "data" / "metrics" if name == FENGHUO else directory / "data"


def installed() -> list[str]:
    """The programs that this machine has, Fenghuo first."""
    return [name for name in SERVERS if name == FENGHUO or shutil.which(name)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fenghuo(directory: Path, port: int, config: Path) -> list[str]:
    (directory / "data").mkdir(exist_ok=True)
    return [
        sys.executable, "-m", "fenghuo", "up", "--no-auth", f"--config={config}", f"--data-dir={directory / 'data'}",
        f"--listen=127.0.0.1:{port}",
    ]  # fmt: skip


def _prometheus(directory: Path, port: int, config: Path) -> list[str]:
    return [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}", "--log.level=warn",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--web.enable-lifecycle",
        "--web.enable-admin-api",
    ]  # fmt: skip


def _victoria(directory: Path, port: int, config: Path) -> list[str]:
    """Without its result cache, and without the 30 s by which it keeps answers from the present."""
    return [
        "victoria-metrics", f"-storageDataPath={directory / 'data'}", f"-httpListenAddr=127.0.0.1:{port}",
        "-search.disableCache", "-search.latencyOffset=0s", "-loggerLevel=WARN", "-retentionPeriod=12",
        f"-promscrape.config={config}", "-search.maxUniqueTimeseries=10000000", "-promscrape.config.strictParse=false",
    ]  # fmt: skip


def _alertmanager(directory: Path, port: int, config: Path) -> list[str]:
    return [
        "prometheus-alertmanager", f"--config.file={config}", f"--storage.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip


_COMMANDS: dict[str, Callable[[Path, int, Path], list[str]]] = {
    FENGHUO: _fenghuo,
    PROMETHEUS: _prometheus,
    VICTORIA: _victoria,
    "prometheus-alertmanager": _alertmanager,
}
_READY = {VICTORIA: "/health", "prometheus-node-exporter": "/"}


@contextlib.contextmanager
def started(command: Sequence[str], directory: Path, log_name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, so that Ctrl-C reaches it through this program alone.

    Where this program is killed so that it cannot clean up, the process is sent SIGTERM by the system.
    """
    ended_with_us = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    with (directory / f"{log_name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*ended_with_us, *command],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def configured(name: str, directory: Path, config: str) -> Path:
    file = directory / "config.yml"
    file.write_text(config + FENGHUO_ALONE if name == FENGHUO else config)
    return file


def reload(server: Server, config: str) -> None:
    """Make a peer go on under another configuration. Raises RefusedError."""
    configured(server.name, server.directory, config)
    answer = server.connection.post("/-/reload", b"", {})
    if answer.status not in (200, 204):
        raise RefusedError(f"{server.name} did not reload: {answer.status} {answer.body[:300]!r}")


@contextlib.contextmanager
def running(name: str, directory: Path, config: str = NOTHING_TO_WATCH) -> Iterator[Server]:
    """The server of that name on what ``directory`` holds, ready. ``config`` is what all three understand."""
    directory.mkdir(exist_ok=True, parents=True)
    file = configured(name, directory, config)
    port = free_port()
    start_s = time.monotonic()
    with started(_COMMANDS[name](directory, port, file), directory, name) as process:
        connection = wait_until_ready(name, port, process, directory)
        with contextlib.closing(connection):
            yield Server(name, port, directory, process, time.monotonic() - start_s, connection)


def wait_until_ready(name: str, port: int, process: subprocess.Popen[bytes], directory: Path) -> Connection:
    deadline_s = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline_s and process.poll() is None:
        connection = Connection(port)
        with contextlib.suppress(OSError):
            if connection.get(_READY.get(name, "/-/ready")).status == 200:
                return connection
        connection.close()
        time.sleep(0.01)
    tail = (directory / f"{name}.log").read_text(errors="replace")[-2000:]
    raise RefusedError(f"{name} was not ready within {READY_S_MAX:g} s or ended ({process.poll()}):\n{tail}")


@contextlib.contextmanager
def all_running(names: Sequence[str], directory: Path, config: str = NOTHING_TO_WATCH) -> Iterator[dict[str, Server]]:
    """Several at once, each in a folder of its name."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(running(name, directory / name, config)) for name in names}


def size_bytes(path: Path, pattern: str = "**/*") -> int:
    """What the files below hold."""
    return sum(file.stat().st_size for file in path.glob(pattern) if file.is_file())


def drop_from_memory(path: Path) -> None:
    """Ask the system to forget what it keeps of the files below, so that the next reader goes to the disk."""
    for file in path.rglob("*"):
        if file.is_file():
            with contextlib.suppress(OSError), file.open("rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
