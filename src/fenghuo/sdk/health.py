"""Health checks: what ``/health``, ``/health/live`` and ``/health/ready`` answer.

A check is a callable, plain or async, that takes nothing. It is well when it returns anything but False; it is not
when it returns False or raises. A critical check that fails makes the service unhealthy (503); another one makes
it degraded (200). Checks run side by side, each within its timeout; one that hangs is not started a second time
while it hangs.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum

CheckFunction = Callable[[], object] | Callable[[], Awaitable[object]]


class Status(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``critical`` decides whether its failure takes the whole service down with it."""

    function: CheckFunction
    critical: bool = True
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check went."""

    status: Status
    duration_s: float
    critical: bool
    message: str = ""


class Health:
    """The checks of one application.

    >>> health = Health()
    >>> health.add("database", lambda: True)
    >>> health.run()["database"].status
    <Status.HEALTHY: 'healthy'>
    """

    def __init__(self, checks: Mapping[str, Check | CheckFunction] | None = None) -> None:
        self._checks: dict[str, Check] = {}
        self._running: dict[str, Future[object]] = {}
        self._lock = threading.Lock()
        for name, check in (checks or {}).items():
            self.add(name, check)

    def add(self, name: str, check: Check | CheckFunction) -> None:
        """Add a check, or replace the one of that name."""
        self._checks[name] = check if isinstance(check, Check) else Check(check)

    def run(self) -> dict[str, Outcome]:
        """Run all checks side by side in threads and wait for them, each no longer than its timeout."""
        start_s = time.monotonic()
        started = {name: self._start(name, check) for name, check in self._checks.items()}
        return {name: self._finish(name, future, start_s) for name, future in started.items()}

    def _start(self, name: str, check: Check) -> Future[object]:
        with self._lock:
            running = self._running.get(name)
            if running is not None and not running.done():
                return running
            future: Future[object] = Future()
            self._running[name] = future
        # A daemon thread: a check that hangs must not keep the application from ending.
        threading.Thread(target=_call, args=(check.function, future), name=f"health-{name}", daemon=True).start()
        return future

    def _finish(self, name: str, future: Future[object], start_s: float) -> Outcome:
        check = self._checks[name]
        message = ""
        try:
            left_s = max(0.0, start_s + check.timeout_s - time.monotonic())
            well = future.result(timeout=left_s) is not False
        except TimeoutError:
            well, message = False, f"no answer within {check.timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer
            well, message = False, f"{type(error).__name__}: {error}"
        status = Status.HEALTHY if well else Status.UNHEALTHY if check.critical else Status.DEGRADED
        return Outcome(status, time.monotonic() - start_s, check.critical, message)


def _call(function: CheckFunction, future: Future[object]) -> None:
    try:
        value = function()
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
    except BaseException as error:  # noqa: BLE001 - carried to whoever waits for the outcome
        future.set_exception(error)
    else:
        future.set_result(value)


async def _awaited(value: Awaitable[object]) -> object:
    return await value


def overall(outcomes: Mapping[str, Outcome]) -> Status:
    """The worst of all, or healthy when there is none."""
    order = list(Status)
    return max((outcome.status for outcome in outcomes.values()), key=order.index, default=Status.HEALTHY)


def health_answer(health: Health, path: str) -> tuple[int, bytes]:
    """Status code and JSON body for ``/health`` (everything), ``/health/live`` and ``/health/ready``.

    Live says that the process answers and runs no check; ready runs them and is short.
    """
    if path.endswith("/live"):
        return 200, json.dumps({"status": Status.HEALTHY}).encode()
    outcomes = health.run()
    status = overall(outcomes)
    body: dict[str, object] = {"status": status, "timestamp": time.time()}
    if not path.endswith("/ready"):
        body["checks"] = {
            name: {
                "status": outcome.status,
                "critical": outcome.critical,
                "duration_seconds": round(outcome.duration_s, 6),
                "message": outcome.message,
            }
            for name, outcome in outcomes.items()
        }
    return (503 if status is Status.UNHEALTHY else 200), json.dumps(body).encode()
