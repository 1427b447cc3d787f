"""Ports and processes for tests of the real program."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx

StartProcess = Callable[..., subprocess.Popen[str]]


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[str], timeout_s: float = 30.0, status: int | None = None) -> None:
    """Wait until ``url`` answers (with ``status``, if given); fail when the process ends or time runs out."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise AssertionError(f"{process.args!r} ended with {process.returncode}: {log_of(process)}")
        try:
            answer = httpx.get(url, timeout=2)
            if status is None or answer.status_code == status:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer within {timeout_s} s: {log_of(process)}")


def log_of(process: subprocess.Popen[str]) -> str:
    """The end of what the process wrote."""
    path = getattr(process, "log_path", None)
    return Path(path).read_text(errors="replace")[-4000:] if path else ""
