"""Fenghuo and Debian's Alertmanager with the same routes, and alerts for both."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from beside.asking import Answer, RefusedError
from beside.servers import FENGHUO, NOTHING_TO_WATCH, Server, running

ALERTMANAGER = "prometheus-alertmanager"
PAIR = (FENGHUO, ALERTMANAGER)

ROUTES = """
route: {{receiver: hook, group_by: [service], group_wait: {wait}, group_interval: {interval}, repeat_interval: 4h}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}'}}]}}]
inhibit_rules: [{{source_matchers: [severity=p0], target_matchers: [severity=warning], equal: [service]}}]
"""
"""An inhibition that finds nothing has to be looked at for every alert all the same."""


def pair_installed() -> list[str]:
    return [name for name in PAIR if name == FENGHUO or shutil.which(name)]


@contextlib.contextmanager
def alerting(name: str, directory: Path, routes: str) -> Iterator[Server]:
    """The server of that name with these routes, ready."""
    config = NOTHING_TO_WATCH + routes.lstrip() if name == FENGHUO else routes
    with running(name, directory, config) as server:
        yield server


def alerts(first: int, count: int, groups: int, at_ms: int) -> list[dict[str, object]]:
    """Alerts as a rule over hosts gives them, with numbers from ``first`` on, spread evenly over groups."""
    starts = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [
        {
            "labels": {
                "alertname": "HostOutOfMemory",
                "service": f"service-{number % groups:04}",
                "instance": f"host-{number:06}.example.org:9100",
                "job": "node",
                "cluster": "shanghai-1",
                "env": "production",
                "severity": "warning",
                "team": "infrastructure",
            },
            "annotations": {
                "summary": f"Host out of memory (instance host-{number:06}.example.org:9100)",
                "description": "Node memory is filling up (less than 10% left); the value is 7.3%",
            },
            "startsAt": starts,
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=node_memory_MemAvailable_bytes&g0.tab=1",
        }
        for number in range(first, first + count)
    ]


def body_of(some: Sequence[dict[str, object]]) -> bytes:
    return orjson.dumps(list(some))


def post(server: Server, body: bytes) -> Answer:
    """Report alerts. Raises RefusedError when they are not taken."""
    answer = server.connection.post("/api/v2/alerts", body, {"Content-Type": "application/json"})
    if answer.status != 200:
        raise RefusedError(f"{server.name} refused alerts: {answer.status} {answer.body[:300]!r}")
    return answer
