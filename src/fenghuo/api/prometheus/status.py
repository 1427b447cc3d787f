"""``status/*`` and ``alertmanagers``: what this server is, how it was configured, what it holds."""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo import __version__
from fenghuo.api.params import read_params
from fenghuo.api.prometheus.answer import answering, success_json
from fenghuo.api.prometheus.times import rfc3339
from fenghuo.base.clock import Clock
from fenghuo.metrics.store import StoreStatistics

SPOKEN_VERSION = "3.5.0"
"""The Prometheus whose HTTP API this is. Clients such as Grafana choose what they ask for by it."""

TOP_COUNTS = 10

NO_TIME_MIN, NO_TIME_MAX = (1 << 63) - 1, -(1 << 63)
"""What Prometheus says of an empty head: the neutral elements of minimum and maximum."""


@dataclass(frozen=True, slots=True)
class ReloadState:
    """How the last attempt to load the configuration went."""

    ok: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class StatusParts:
    """What the status handlers show."""

    clock: Clock
    started_at_ms: int
    config_yaml: Callable[[], str]
    flags: Mapping[str, str]
    reload_state: Callable[[], ReloadState]
    retention: Callable[[], str]
    corruptions: Callable[[], int]
    statistics: Callable[[int], StoreStatistics]


class StatusApi:
    """The handlers that show the server itself."""

    def __init__(self, parts: StatusParts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/status/config", answering(self.config)),
            Route("/api/v1/status/flags", answering(self.flags)),
            Route("/api/v1/status/buildinfo", answering(self.buildinfo)),
            Route("/api/v1/status/runtimeinfo", answering(self.runtimeinfo)),
            Route("/api/v1/status/tsdb", answering(self.tsdb)),
            Route("/api/v1/alertmanagers", answering(self.alertmanagers)),
        ]

    async def config(self, request: Request) -> Response:
        return success_json({"yaml": self._parts.config_yaml()})

    async def flags(self, request: Request) -> Response:
        return success_json(dict(self._parts.flags))

    async def buildinfo(self, request: Request) -> Response:
        return success_json(
            {
                "version": SPOKEN_VERSION,
                "revision": f"fenghuo-{__version__}",
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": f"python{platform.python_version()}",
            }
        )

    async def runtimeinfo(self, request: Request) -> Response:
        parts = self._parts
        reload = parts.reload_state()
        return success_json(
            {
                "startTime": rfc3339(parts.started_at_ms),
                "CWD": os.getcwd(),
                "hostname": socket.gethostname(),
                "serverTime": rfc3339(parts.clock.now_ms()),
                "reloadConfigSuccess": reload.ok,
                "lastConfigTime": rfc3339(reload.at_ms // 1000 * 1000),
                "corruptionCount": parts.corruptions(),
                "goroutineCount": len(asyncio.all_tasks()) + threading.active_count(),
                "GOMAXPROCS": os.cpu_count() or 1,
                "GOMEMLIMIT": 0,
                "GOGC": "",
                "GODEBUG": "",
                "storageRetention": parts.retention(),
            }
        )

    async def tsdb(self, request: Request) -> Response:
        top = (await read_params(request)).limit() or TOP_COUNTS
        facts = await anyio.to_thread.run_sync(self._parts.statistics, top)
        return success_json(
            {
                "headStats": {
                    "numSeries": facts.head_series,
                    "numLabelPairs": facts.label_pairs,
                    "chunkCount": facts.head_pages,
                    "minTime": NO_TIME_MIN if facts.head_first_ms is None else facts.head_first_ms,
                    "maxTime": NO_TIME_MAX if facts.head_last_ms is None else facts.head_last_ms,
                },
                "seriesCountByMetricName": _counts(facts.series_by_metric),
                "labelValueCountByLabelName": _counts(facts.values_by_label),
                "memoryInBytesByLabelName": _counts(facts.value_bytes_by_label),
                "seriesCountByLabelValuePair": _counts(facts.series_by_label_pair),
            }
        )

    async def alertmanagers(self, request: Request) -> Response:
        """None apart from this program itself, which routes and tells on its own."""
        return success_json({"activeAlertmanagers": [], "droppedAlertmanagers": []})


def _counts(counts: Sequence[tuple[str, int]]) -> list[dict[str, object]]:
    return [{"name": name, "value": value} for name, value in counts]
