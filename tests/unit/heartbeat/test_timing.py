"""When a heartbeat is due and what is wrong with it: a table of moments."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fenghuo.heartbeat.settings import HeartbeatSettings
from fenghuo.heartbeat.timing import CATCH_UP_MS, Signal, Trouble, after, due, judged, next_after, status, troubles
from fenghuo.model.heartbeat import Pulse

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
PULSE = Pulse("backup", since_ms=0)


def settings(**given: Any) -> HeartbeatSettings:
    return HeartbeatSettings.model_validate(given)


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("cron", "zone", "heard", "then"),
    [
        ("0 2 * * *", "Asia/Shanghai", "2026-11-21T02:00:00", "2026-11-22T02:00:00"),
        ("0 2 * * *", "Asia/Shanghai", "2026-11-21T01:59:59", "2026-11-21T02:00:00"),
        ("*/15 9-14 * * MON-FRI", "Asia/Shanghai", "2026-11-20T14:45:10", "2026-11-23T09:00:00"),
        ("0 0 1 * *", "UTC", "2026-12-01T00:00:01", "2027-01-01T00:00:00"),
        # The clock goes from 02:00 to 03:00, as Debian's cron does it.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00", "2026-03-29T03:00:00"),
        # 02:30 comes twice, and counts once.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:30:00", "2026-10-26T02:30:00"),
    ],
)
def test_cron_is_in_its_zone(cron: str, zone: str, heard: str, then: str) -> None:
    assert next_after(settings(cron=cron, zone=zone), at(heard, zone)) == at(then, zone)


def test_a_run_that_ends_well() -> None:
    running = after(PULSE, Signal.START, 1_000)
    assert (running.heard_ms, running.started_ms) == (1_000, 1_000)
    ended = after(running, Signal.SUCCESS, 4_000, "42 rows", 0)
    assert ended == Pulse(
        "backup", 0, heard_ms=4_000, succeeded_ms=4_000, duration_ms=3_000, exit_code=0, text="42 rows"
    )
    again = after(ended, Signal.SUCCESS, 9_000)
    assert (again.duration_ms, again.exit_code, again.text) == (None, None, "")


def test_failures_last_until_a_success() -> None:
    failed = after(after(PULSE, Signal.FAIL, 1_000, "no space", 1), Signal.FAIL, 2_000, "still none", 2)
    assert (failed.failed_ms, failed.heard_ms, failed.exit_code, failed.text) == (1_000, 2_000, 2, "still none")
    assert after(failed, Signal.START, 3_000).failed_ms == 1_000
    assert after(failed, Signal.SUCCESS, 3_000).failed_ms is None


def test_text_alone_is_no_sign_of_life() -> None:
    missing = replace(PULSE, missing_ms=5)
    assert after(missing, Signal.LOG, 9_000, "step 3") == replace(missing, text="step 3")


def test_missing_when_grace_has_passed_and_no_longer_when_heard_from() -> None:
    hourly = settings(period="1h", grace="5m")
    assert due(hourly, PULSE, 0) == HOUR_MS
    deadline_ms = HOUR_MS + 5 * MINUTE_MS
    assert judged(hourly, PULSE, HOUR_MS, deadline_ms - 1) is PULSE
    assert status(PULSE, {}, HOUR_MS, deadline_ms - 1) == "due"
    missing = judged(hourly, PULSE, HOUR_MS, deadline_ms + 7)
    assert missing == replace(PULSE, missing_ms=deadline_ms)
    assert judged(hourly, missing, HOUR_MS, deadline_ms + 9) is missing
    assert troubles(hourly, missing, deadline_ms + 7) == {Trouble.MISSING: deadline_ms}
    assert after(missing, Signal.START, deadline_ms + 8).missing_ms is None
    assert after(missing, Signal.FAIL, deadline_ms + 8).missing_ms is None


def test_a_longer_period_takes_missing_back() -> None:
    missing = replace(PULSE, missing_ms=HOUR_MS)
    assert judged(settings(period="1d"), missing, 24 * HOUR_MS, 2 * HOUR_MS) == PULSE


@pytest.mark.parametrize(
    ("given", "heard", "restart", "expected"),
    [
        ({"period": "1m"}, 0, 30_000, 30_000 + MINUTE_MS),
        ({"period": "1d"}, 0, 25 * HOUR_MS, 25 * HOUR_MS + CATCH_UP_MS),
        ({"period": "1d"}, 0, 2 * HOUR_MS, 24 * HOUR_MS),
        ({"cron": "0 * * * *", "zone": "UTC"}, 0, HOUR_MS + 10 * MINUTE_MS, HOUR_MS + 10 * MINUTE_MS + CATCH_UP_MS),
        ({"cron": "* * * * *", "zone": "UTC"}, 0, HOUR_MS, HOUR_MS + MINUTE_MS),
        ({"period": "1h"}, 3 * HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS),
    ],
)
def test_what_was_due_while_nobody_could_hear_is_given_time(
    given: dict[str, str], heard: int, restart: int, expected: int
) -> None:
    pulse = replace(PULSE, heard_ms=heard)
    assert due(settings(**given), pulse, restart) == expected


def test_a_restart_does_not_excuse_what_is_missing_already() -> None:
    missing = replace(PULSE, heard_ms=0, missing_ms=HOUR_MS)
    assert due(settings(period="1h"), missing, 50 * HOUR_MS) == HOUR_MS


def test_a_run_that_takes_too_long_is_late() -> None:
    bounded = settings(period="1d", runtime_max="10m")
    running = after(PULSE, Signal.START, 1_000)
    assert troubles(bounded, running, 1_000 + 10 * MINUTE_MS - 1) == {}
    assert status(running, {}, 0, 5_000) == "running"
    found = troubles(bounded, running, 1_000 + 10 * MINUTE_MS)
    assert found == {Trouble.LATE: 1_000 + 10 * MINUTE_MS}
    assert status(running, found, 0, 5_000) == "late"
    assert troubles(settings(period="1d"), running, HOUR_MS * 20) == {}


def test_the_worst_is_the_status() -> None:
    pulse = replace(after(PULSE, Signal.START, 0), failed_ms=3, missing_ms=4)
    found = troubles(settings(period="1d", runtime_max="1m"), pulse, HOUR_MS)
    assert list(found) == [Trouble.MISSING, Trouble.FAILED, Trouble.LATE]
    assert status(pulse, found, 0, HOUR_MS) == "missing"
    assert status(PULSE, {}, HOUR_MS, 0) == "new"
    assert status(replace(PULSE, heard_ms=0), {}, HOUR_MS, 0) == "up"
