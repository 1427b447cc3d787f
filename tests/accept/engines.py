"""Other engines on free ports: Debian's Prometheus and VictoriaMetrics, as receivers and as engines to ask."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from accept.processes import StartProcess, free_port, log_of, wait_for

KINDS = ("prometheus", "victoria-metrics")
INSTALLED = all(shutil.which(kind) for kind in KINDS)

Samples = dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]


@dataclass
class Engine:
    """One engine with a directory of its own; it may be ended and started again on the same port."""

    kind: str
    directory: Path
    start_process: StartProcess
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> Engine:
        self.process = self.start_process(self._command())
        wait_for(f"{self.url}/-/ready" if self.kind == "prometheus" else f"{self.url}/health", self.process, status=200)
        return self

    def stop(self) -> None:
        """End it and wait until it has ended."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)

    def _command(self) -> list[str]:
        if self.kind == "prometheus":
            config = self.directory / "prometheus.yml"
            config.write_text("global: {scrape_interval: 1h}\n")
            return [
                "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.directory / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver",
                "--enable-feature=exemplar-storage",
            ]  # fmt: skip
        return [
            "victoria-metrics", f"-storageDataPath={self.directory / 'data'}", f"-httpListenAddr=127.0.0.1:{self.port}",
            "-search.latencyOffset=0s", "-search.disableCache", "-retentionPeriod=1",
        ]  # fmt: skip

    def get(self, path: str, params: dict[str, Any]) -> httpx.Response:
        """Ask it something."""
        return httpx.get(self.url + path, params=params, timeout=30)

    @property
    def output(self) -> str:
        return log_of(self.process) if self.process is not None else ""

    def samples(self, selector: str, start_s: float, end_s: float) -> Samples:
        """The raw samples between the times, both excluded, by labels; each once, and no staleness markers.

        VictoriaMetrics keeps what it gets twice, and shows the markers as NaN.
        """
        found = samples_of(self.get, selector, start_s, end_s)
        if self.kind == "prometheus":
            return found
        numbers = {
            labels: [each for each in dict.fromkeys(samples) if not math.isnan(each[1])]
            for labels, samples in found.items()
        }
        return {labels: samples for labels, samples in numbers.items() if samples}


def samples_of(get: Callable[..., httpx.Response], selector: str, start_s: float, end_s: float) -> Samples:
    """The same of whatever answers Prometheus' queries."""
    query = f"{selector}[{round(end_s - start_s) + 2}s]"
    answer = get("/api/v1/query", params={"query": query, "time": end_s})
    assert answer.status_code == 200, answer.text
    found = {}
    for each in answer.json()["data"]["result"]:
        values = [(float(at), float(value)) for at, value in each["values"] if start_s < float(at) < end_s]
        if values:
            found[tuple(sorted(each["metric"].items()))] = values
    return found
