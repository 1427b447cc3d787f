"""The real program under test, asked over HTTP only."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from accept.processes import StartProcess, free_port, log_of, wait_for

FENGHUO = [sys.executable, "-m", "fenghuo"]


@dataclass
class Server:
    """A started ``fenghuo up``."""

    process: subprocess.Popen[str]
    url: str
    data_dir: Path
    client: httpx.Client

    @property
    def output(self) -> str:
        return log_of(self.process)

    @property
    def whole_output(self) -> str:
        """Everything that it wrote."""
        return Path(self.process.log_path).read_text(errors="replace")  # type: ignore[attr-defined]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        answer = self.client.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["result"]

    def value(self, expression: str, timeout_s: float = 30.0) -> float:
        """The value of an expression with one result, waiting until there is one."""
        deadline_s = time.monotonic() + timeout_s
        while not (result := self.query(expression)):
            assert time.monotonic() < deadline_s, f"{expression} gave nothing: {self.output}"
            time.sleep(0.1)
        return float(result[0]["value"][1])

    def stop(self) -> int:
        """Ask it to end, as systemd would; its exit code."""
        self.client.close()
        self.process.terminate()
        return self.process.wait(20)

    def kill(self) -> None:
        """End it as a crash would."""
        self.client.close()
        self.process.kill()
        self.process.wait(10)


class StartServer(Protocol):
    """The fixture ``start_server``: see :func:`start`."""

    def __call__(self, data_dir: Path, config: str | None = None, *arguments: str, port: int = 0) -> Server: ...


def start(start_process: StartProcess, data_dir: Path, config: str | None, *arguments: str, port: int = 0) -> Server:
    """Start ``fenghuo up`` and wait until it is ready; the client is signed in with the commands' token.

    ``config`` is the text of a ``fenghuo.yml``, which is written beside ``data_dir``. Port 0 is any that is free.
    """
    port = port or free_port()
    command = [*FENGHUO, "up", "--data-dir", str(data_dir), "--listen", f"127.0.0.1:{port}", *arguments]
    if config is not None:
        path = data_dir.parent / "fenghuo.yml"
        path.write_text(config)
        command += ["--config", str(path)]
    process = start_process(command, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/-/ready", process, status=200)
    token = json.loads((data_dir / "server.json").read_text())["token"]
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    return Server(process, url, data_dir, client)


def refused_start(*arguments: str) -> tuple[int, str]:
    """Run ``fenghuo up`` where it cannot start: its exit code and what it says to a person."""
    ended = subprocess.run([*FENGHUO, "up", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stderr


def first_password(server: Server) -> str:
    """The password that the first start showed."""
    found = re.search(r"Password / 密码:\s+(\S+)", server.output)
    assert found, server.output
    return found.group(1)


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}
