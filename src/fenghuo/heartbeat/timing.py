"""When a heartbeat is due, what a sign of life changes, and what is wrong at a moment: pure functions.

A start or an end of a run is a sign of life. After the last one the next is due one ``period`` later, or at the next
time of ``cron``; it is missing when it has not come ``grace`` after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from cronsim import CronSim

from fenghuo.heartbeat.settings import HeartbeatSettings
from fenghuo.model.heartbeat import Pulse

CATCH_UP_MS: Final = 600_000
"""After a start nothing is due sooner than its next regular time, or this: what was sent meanwhile is lost."""


class Signal(StrEnum):
    """What a job says."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"
    """Only text; no sign of life."""


class Trouble(StrEnum):
    """What can be wrong, the worst first."""

    MISSING = "missing"
    """Nothing was heard in time."""
    FAILED = "failed"
    """The last run said that it failed."""
    LATE = "late"
    """A run started and has not ended in time."""


def next_after(settings: HeartbeatSettings, moment_ms: int) -> int:
    """When something is due if the last sign of life came at the moment."""
    if not settings.cron:
        return moment_ms + settings.period_ms
    moment = datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(settings.zone))
    return round(next(CronSim(settings.cron, moment)).timestamp() * 1000)


def due(settings: HeartbeatSettings, pulse: Pulse, running_since_ms: int) -> int:
    """When the next sign of life is due; ``running_since_ms`` is since when we could hear one.

    What is missing already does not become due anew by a restart.
    """
    heard_ms = pulse.since_ms if pulse.heard_ms is None else pulse.heard_ms
    due_ms = next_after(settings, heard_ms)
    if pulse.missing_ms is not None or heard_ms >= running_since_ms:
        return due_ms
    return max(due_ms, min(next_after(settings, running_since_ms), running_since_ms + CATCH_UP_MS))


def moved(pulse: Pulse, by_ms: int) -> Pulse:
    """The pulse with every sign of life, and what is wrong, so much later."""

    def later(moment_ms: int | None) -> int | None:
        return None if moment_ms is None else moment_ms + by_ms

    return replace(
        pulse,
        since_ms=pulse.since_ms + by_ms,
        heard_ms=later(pulse.heard_ms),
        started_ms=later(pulse.started_ms),
        missing_ms=later(pulse.missing_ms),
    )


def after(pulse: Pulse, signal: Signal, at_ms: int, text: str = "", exit_code: int | None = None) -> Pulse:
    """What is known after a signal."""
    match signal:
        case Signal.LOG:
            return replace(pulse, text=text)
        case Signal.START:
            return replace(pulse, heard_ms=at_ms, started_ms=at_ms, missing_ms=None)
        case Signal.SUCCESS | Signal.FAIL:
            failed = signal is Signal.FAIL
            return replace(
                pulse,
                heard_ms=at_ms,
                started_ms=None,
                succeeded_ms=pulse.succeeded_ms if failed else at_ms,
                failed_ms=None if not failed else at_ms if pulse.failed_ms is None else pulse.failed_ms,
                missing_ms=None,
                duration_ms=None if pulse.started_ms is None else max(at_ms - pulse.started_ms, 0),
                exit_code=exit_code,
                text=text,
            )
        case _:
            assert_never(signal)


def judged(settings: HeartbeatSettings, pulse: Pulse, due_ms: int, now_ms: int) -> Pulse:
    """The pulse with ``missing_ms`` as it is now; the same object when that is as before."""
    deadline_ms = due_ms + settings.grace_ms
    if now_ms < deadline_ms:
        return pulse if pulse.missing_ms is None else replace(pulse, missing_ms=None)
    return pulse if pulse.missing_ms is not None else replace(pulse, missing_ms=deadline_ms)


def troubles(settings: HeartbeatSettings, pulse: Pulse, now_ms: int) -> Mapping[Trouble, int]:
    """What is wrong, the worst first, each with since when."""
    found = {}
    if pulse.missing_ms is not None:
        found[Trouble.MISSING] = pulse.missing_ms
    if pulse.failed_ms is not None:
        found[Trouble.FAILED] = pulse.failed_ms
    if settings.runtime_max_ms and pulse.started_ms is not None:
        end_ms = pulse.started_ms + settings.runtime_max_ms
        if now_ms >= end_ms:
            found[Trouble.LATE] = end_ms
    return found


def status(pulse: Pulse, found: Mapping[Trouble, int], due_ms: int, now_ms: int) -> str:
    """One word: a trouble, or ``running``, ``due`` (time has come, grace has not passed), ``new``, ``up``."""
    if found:
        return next(iter(found)).value
    if pulse.started_ms is not None:
        return "running"
    if now_ms >= due_ms:
        return "due"
    return "new" if pulse.heard_ms is None else "up"
