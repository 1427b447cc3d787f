"""Fixtures that start real processes on free loopback ports and end them again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from accept.processes import StartProcess
from accept.server import Server, StartServer, start


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[StartProcess]:
    """Start a command with its output in a file (``log_of``); everything started is ended after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(
        command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[str]:
        log_path = tmp_path / f"process-{len(running)}.log"
        with log_path.open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=cwd, text=True)
        process.log_path = log_path  # type: ignore[attr-defined]
        running.append(process)
        return process

    yield start
    for process in reversed(running):
        if process.poll() is None:
            process.terminate()
    for process in reversed(running):
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture
def start_server(start_process: StartProcess) -> Iterator[StartServer]:
    """Start the program and wait until it is ready; it is ended after the test."""
    started: list[Server] = []

    def start_one(data_dir: Path, config: str | None = None, *arguments: str) -> Server:
        server = start(start_process, data_dir, config, *arguments)
        started.append(server)
        return server

    yield start_one
    for server in started:
        server.client.close()
