"""Fixtures that start real processes on free loopback ports and end them again."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from accept.processes import StartProcess
from accept.server import Server, StartServer, start


@contextlib.contextmanager
def processes(log_dir: Path) -> Iterator[StartProcess]:
    """Start a command with its output in a file (``log_of``); everything started is ended with the context."""
    running: list[subprocess.Popen[str]] = []

    def start(
        command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[str]:
        log_path = log_dir / f"process-{len(running)}.log"
        with log_path.open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=cwd, text=True)
        process.log_path = log_path  # type: ignore[attr-defined]
        running.append(process)
        return process

    try:
        yield start
    finally:
        for process in reversed(running):
            if process.poll() is None:
                process.terminate()
        for process in reversed(running):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@contextlib.contextmanager
def servers(start_process: StartProcess) -> Iterator[StartServer]:
    """Start the program and wait until it is ready; its client is closed with the context."""
    started: list[Server] = []

    def start_one(data_dir: Path, config: str | None = None, *arguments: str, port: int = 0) -> Server:
        server = start(start_process, data_dir, config, *arguments, port=port)
        started.append(server)
        return server

    try:
        yield start_one
    finally:
        for server in started:
            server.client.close()


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[StartProcess]:
    """See :func:`processes`; ended after the test."""
    with processes(tmp_path) as start:
        yield start


@pytest.fixture
def start_server(start_process: StartProcess) -> Iterator[StartServer]:
    """See :func:`servers`; ended after the test."""
    with servers(start_process) as start:
        yield start


@pytest.fixture(scope="module")
def start_module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """The same for a server that all tests of a module ask; ended after the last."""
    with processes(tmp_path_factory.mktemp("module")) as start, servers(start) as start_one:
        yield start_one
