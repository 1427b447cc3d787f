"""The iCalendar feed, read by a program that is not ours."""

from __future__ import annotations

import datetime as dt

import icalendar
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.oncall.ical import calendar
from fenghuo.alerting.oncall.schedule import Shift

HOUR = 3_600_000
START = 1_763_604_000_000


def test_shifts_become_events_and_gaps_do_not() -> None:
    shifts = [
        ("主值班", Shift(START, START + HOUR, "张伟", 0)),
        ("主值班", Shift(START + HOUR, START + 2 * HOUR, None)),
    ]
    text = calendar("on call, 1; 2", shifts, START)
    assert text.endswith("END:VCALENDAR\r\n")
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert str(event["SUMMARY"]) == "张伟 · 主值班"
    assert event["DTSTART"].dt == dt.datetime.fromtimestamp(START / 1000, dt.UTC)
    assert event["DTEND"].dt - event["DTSTART"].dt == dt.timedelta(hours=1)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80))
def test_any_name_survives_and_no_line_is_too_long(person: str) -> None:
    text = calendar("x", [("s", Shift(START, START + HOUR, person, 0))], START)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert str(event["SUMMARY"]) == f"{person} · s"
