"""A server that speaks the panel's part of the API over made-up but moving metrics, for tests of the panel alone.

It is a real HTTP server that serves the built panel through ``fenghuo.web``. What it answers is set by its
:class:`Scenario`; tests change that while it runs.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fenghuo.web import panel_routes

NAME, PASSWORD = "admin", "beacon-on-the-wall"
COOKIE, CSRF = "session", "csrf-of-the-test"
GIB = 1024**3

Labels = dict[str, str]


@dataclass
class Scenario:
    """What the server pretends. ``gap`` leaves out the samples between 30 and 20 minutes ago."""

    auth: bool = True
    hosts: tuple[str, ...] = ("web-1",)
    alerts: list[dict[str, object]] = field(default_factory=list)
    down: Mapping[str, str] = field(default_factory=dict)
    gap: bool = False
    failing_query: str = ""
    cpu_percent: float = 22.0
    notifications: list[dict[str, object]] = field(default_factory=list)


def firing(name: str, severity: str, state: str = "firing", *, age_s: float = 420, **labels: str) -> dict[str, object]:
    return {
        "labels": {"alertname": name, "severity": severity, "instance": "web-1", **labels},
        "annotations": {
            "summary": f"{name} on web-1 is over its limit",
            "summary_zh": f"web-1 的 {name} 超过阈值",
        },
        "state": state,
        "activeAt": time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(time.time() - age_s)),
        "value": "9.216666666666667e+01",
    }


def held(alert: Mapping[str, object]) -> dict[str, object]:
    """A rule's alert as Alertmanager's API lists it."""
    return {
        "labels": alert["labels"],
        "annotations": alert["annotations"],
        "startsAt": alert["activeAt"],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
    }


class FakeServer:
    """The ASGI application and its scenario."""

    def __init__(self) -> None:
        self.scenario = Scenario()
        routes = [
            Route("/api/fenghuo/status", self.status),
            Route("/api/fenghuo/session", self.session, methods=["GET"]),
            Route("/api/fenghuo/session", self.sign_in, methods=["POST"]),
            Route("/api/fenghuo/session", self.sign_out, methods=["DELETE"]),
            Route("/api/fenghuo/notifications", self.notifications),
            Route("/api/v1/query", self.query),
            Route("/api/v1/query_range", self.query_range),
            Route("/api/v1/targets", self.targets),
            Route("/api/v1/alerts", self.alerts),
            Route("/api/v2/alerts", self.held_alerts),
            *panel_routes(),
        ]
        self.app = Starlette(routes=routes)

    def signed_in(self, request: Request) -> bool:
        return not self.scenario.auth or request.cookies.get(COOKIE) == "signed-in"

    async def status(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "version": "0.1.0",
                "started_at_ms": int(time.time() * 1000) - 86_400_000,
                "hostname": "web-1",
                "auth": self.scenario.auth,
                "language": "en",
            }
        )

    async def session(self, request: Request) -> Response:
        return JSONResponse(session_body()) if self.signed_in(request) else unauthorized()

    async def sign_in(self, request: Request) -> Response:
        body = await request.json()
        if body["name"] == "eager":
            error = {"code": "too_many_attempts", "message": "too many attempts", "remedy": "wait a minute"}
            return JSONResponse({"error": error}, status_code=429)
        if (body["name"], body["password"]) != (NAME, PASSWORD):
            return unauthorized()
        response = JSONResponse(session_body())
        response.set_cookie(COOKIE, "signed-in", httponly=True, samesite="strict")
        return response

    async def sign_out(self, request: Request) -> Response:
        if request.headers.get("x-csrf-token") != CSRF:
            return JSONResponse({"error": {"code": "csrf", "message": "no token", "remedy": ""}}, status_code=403)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE)
        return response

    async def notifications(self, request: Request) -> Response:
        if not self.signed_in(request):
            return unauthorized()
        return JSONResponse({"notifications": self.scenario.notifications[: int(request.query_params["limit"])]})

    async def alerts(self, request: Request) -> Response:
        return success({"alerts": self.scenario.alerts}) if self.signed_in(request) else unauthorized()

    async def held_alerts(self, request: Request) -> Response:
        if not self.signed_in(request):
            return unauthorized()
        return JSONResponse([held(alert) for alert in self.scenario.alerts if alert["state"] == "firing"])

    async def targets(self, request: Request) -> Response:
        if not self.signed_in(request):
            return unauthorized()
        jobs = [("node", host) for host in self.scenario.hosts]
        jobs += [("fenghuo", "127.0.0.1:9470"), ("shop-api", "10.2.0.17:8000"), ("redis", "10.2.0.21:9121")]
        active = [target_of(job, instance, self.scenario.down.get(instance, "")) for job, instance in jobs]
        return success({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {}})

    async def query(self, request: Request) -> Response:
        if not self.signed_in(request):
            return unauthorized()
        time_s = float(request.query_params["time"])
        expr = request.query_params["query"]
        if expr.startswith("group by (instance, job)"):
            found = [({"instance": host, "job": "node"}, 1.0) for host in self.scenario.hosts]
        elif expr.startswith("count("):
            found = [({}, 8.0)]
        else:
            found = [
                ({"__name__": "node_load1"}, 1.27),
                ({"__name__": "node_load5"}, 0.94),
                ({"__name__": "node_load15"}, 0.71),
                ({"__name__": "node_boot_time_seconds"}, time_s - 1_054_800),
                ({"__name__": "node_uname_info", "sysname": "Linux", "release": "6.8.0"}, 1.0),
            ]
        result = [{"metric": labels, "value": [time_s, str(value)]} for labels, value in found]
        return success({"resultType": "vector", "result": result})

    async def query_range(self, request: Request) -> Response:
        if not self.signed_in(request):
            return unauthorized()
        params = request.query_params
        expr = params["query"]
        if self.scenario.failing_query and self.scenario.failing_query in expr:
            body = {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}
            return JSONResponse(body, status_code=503)
        start_s, end_s, step_s = int(params["start"]), int(params["end"]), int(params["step"])
        times = list(range(start_s, end_s + 1, step_s))
        if self.scenario.gap:
            times = [at_s for at_s in times if not end_s - 1800 < at_s < end_s - 1200]
        result = [
            {"metric": labels, "values": [[at_s, repr(value_at(curve, at_s))] for at_s in times]}
            for labels, curve in self.curves(expr)
        ]
        return success({"resultType": "matrix", "result": result})

    def curves(self, expr: str) -> list[tuple[Labels, tuple[float, float, float]]]:
        """Series as ``(labels, (level, swing, phase))``."""
        if "node_cpu_seconds_total" in expr:
            cpu = self.scenario.cpu_percent
            shares = {"user": 0.62, "system": 0.24, "iowait": 0.09, "softirq": 0.05}
            return [({"mode": mode}, (cpu * share, 0.45, len(mode))) for mode, share in shares.items()]
        if "node_memory_" in expr:
            sizes = {"MemTotal": (31.2, 0.0), "MemAvailable": (17.4, 0.05), "MemFree": (5.1, 0.1)}
            return [({"__name__": f"node_memory_{k}_bytes"}, (v * GIB, s, 1)) for k, (v, s) in sizes.items()]
        if "node_filesystem_" in expr:
            return filesystem_curves()
        if "receive" in expr:
            return [({}, (2.4e6, 0.7, 2))]
        return [({}, (7.3e5, 0.6, 4))]


def filesystem_curves() -> list[tuple[Labels, tuple[float, float, float]]]:
    disks = [
        ("/", "/dev/vda1", "ext4", 98.0, 41.0),
        ("/data", "/dev/vdb", "xfs", 983.0, 84.0),
        ("/boot/efi", "/dev/vda15", "vfat", 0.12, 0.11),
        ("/run", "tmpfs", "tmpfs", 3.1, 3.0),
    ]
    curves: list[tuple[Labels, tuple[float, float, float]]] = []
    for mountpoint, device, fstype, size, avail in disks:
        labels = {"mountpoint": mountpoint, "device": device, "fstype": fstype}
        curves.append(({"__name__": "node_filesystem_size_bytes", **labels}, (size * GIB, 0.0, 0)))
        curves.append(({"__name__": "node_filesystem_free_bytes", **labels}, (avail * GIB, 0.01, 0)))
        curves.append(({"__name__": "node_filesystem_avail_bytes", **labels}, (avail * GIB, 0.01, 0)))
        curves.append(({"__name__": "node_filesystem_readonly", **labels}, (0.0, 0.0, 0)))
    return curves


def value_at(curve: tuple[float, float, float], at_s: float) -> float:
    """A level that swings in two rhythms with a jitter that depends on the time alone."""
    level, swing, phase = curve
    wave = 0.55 * math.sin(at_s / 610 + phase) + 0.3 * math.sin(at_s / 97 + 2 * phase)
    jitter = 0.15 * math.sin(at_s * 12.9898 + phase * 78.233)
    return level * (1 + swing * (wave + jitter))


def target_of(job: str, instance: str, error: str) -> dict[str, object]:
    scraped = time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime(time.time() - 6))
    return {
        "discoveredLabels": {"__address__": instance, "job": job},
        "labels": {"instance": instance, "job": job},
        "scrapePool": job,
        "scrapeUrl": f"http://{instance}/metrics",
        "globalUrl": f"http://{instance}/metrics",
        "lastError": error,
        "lastScrape": scraped,
        "lastScrapeDuration": 0.0123,
        "health": "down" if error else "up",
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }


def session_body() -> dict[str, object]:
    return {"user": {"name": NAME, "role": "admin"}, "csrf_token": CSRF}


def success(data: object) -> Response:
    return JSONResponse({"status": "success", "data": data})


def unauthorized() -> Response:
    error = {"code": "unauthorized", "message": "sign in first", "remedy": "POST /api/fenghuo/session"}
    return JSONResponse({"error": error}, status_code=401)


@contextmanager
def running(server: FakeServer) -> Iterator[str]:
    """Serve on a free loopback port; yields the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    uvicorn_server = uvicorn.Server(uvicorn.Config(server.app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline_s = time.monotonic() + 10
    while not uvicorn_server.started and time.monotonic() < deadline_s:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        uvicorn_server.should_exit = True
        thread.join(10)
        listener.close()
