"""Whose turn it is, and where nobody is."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.oncall.schedule import Roster
from fenghuo.alerting.oncall.settings import Schedule
from fenghuo.model.oncall import Override

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SHANGHAI = "Asia/Shanghai"


def at(text: str, zone: str = SHANGHAI) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def roster(*layers: dict[str, Any], zone: str = SHANGHAI, overrides: tuple[Override, ...] = ()) -> Roster:
    return Roster("primary", Schedule.model_validate({"zone": zone, "layers": list(layers)}), overrides)


def shown(found: Roster, start: str, end: str, zone: str = SHANGHAI) -> list[str]:
    def local(ms: int) -> str:
        return dt.datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).strftime("%a %H:%M")

    return [
        f"{local(shift.start_ms)}–{local(shift.end_ms)} {shift.person or '-'}"
        for shift in found.shifts(at(start, zone), at(end, zone))
    ]


WEEKLY = {"people": ["zhang", "li"], "rotation": "weekly", "start": "2026-11-16", "handoff": "10:00"}
NIGHTS = {
    "people": ["wang"],
    "rotation": "daily",
    "start": "2026-11-16",
    "during": [{"times": [{"start_time": "22:00", "end_time": "24:00"}, {"start_time": "00:00", "end_time": "08:00"}]}],
}


def test_a_week_each() -> None:
    assert shown(roster(WEEKLY), "2026-11-16T00:00", "2026-12-01T00:00") == [
        "Mon 00:00–Mon 10:00 -",
        "Mon 10:00–Mon 10:00 zhang",
        "Mon 10:00–Mon 10:00 li",
        "Mon 10:00–Tue 00:00 zhang",
    ]


def test_a_later_layer_wins_while_it_covers() -> None:
    assert shown(roster(WEEKLY, NIGHTS), "2026-11-17T12:00", "2026-11-18T12:00") == [
        "Tue 12:00–Tue 22:00 zhang",
        "Tue 22:00–Wed 08:00 wang",
        "Wed 08:00–Wed 12:00 zhang",
    ]


def test_turns_of_hours() -> None:
    layer = {"people": ["a", "b", "c"], "rotation": "8h", "start": "2026-11-16", "handoff": "06:00"}
    assert shown(roster(layer), "2026-11-17T00:00", "2026-11-18T00:00") == [
        "Tue 00:00–Tue 06:00 c",
        "Tue 06:00–Tue 14:00 a",
        "Tue 14:00–Tue 22:00 b",
        "Tue 22:00–Wed 00:00 c",
    ]


def test_gaps_and_overrides() -> None:
    office = {
        "people": ["zhang"],
        "start": "2026-11-16",
        "during": [{"weekdays": ["monday:friday"], "times": [{"start_time": "09:00", "end_time": "18:00"}]}],
    }
    weekend = Override(1, "primary", "li", at("2026-11-21T12:00"), at("2026-11-21T15:00"))
    found = roster(office, overrides=(weekend,))
    assert shown(found, "2026-11-20T12:00", "2026-11-23T12:00") == [
        "Fri 12:00–Fri 18:00 zhang",
        "Fri 18:00–Sat 12:00 -",
        "Sat 12:00–Sat 15:00 li",
        "Sat 15:00–Mon 09:00 -",
        "Mon 09:00–Mon 12:00 zhang",
    ]
    assert len(found.gaps(at("2026-11-20T12:00"), at("2026-11-23T12:00"))) == 2


def test_of_two_overrides_the_newest_wins_and_those_of_other_schedules_do_not_count() -> None:
    span = (at("2026-11-17T00:00"), at("2026-11-18T00:00"))
    overrides = (
        Override(1, "primary", "old", *span, made_ms=1),
        Override(2, "primary", "new", *span, made_ms=2),
        Override(3, "secondary", "other", *span, made_ms=3),
    )
    assert roster(WEEKLY, overrides=overrides).at(span[0]).person == "new"


def test_who_is_next() -> None:
    shift = roster(WEEKLY).next_after(at("2026-11-17T00:00"))
    assert shift is not None
    assert (shift.person, shift.start_ms) == ("li", at("2026-11-23T10:00"))
    assert roster({**WEEKLY, "people": ["zhang"]}).next_after(at("2026-11-17T00:00")) is None


@pytest.mark.parametrize(
    ("zone", "day", "handoff", "instant"),
    [
        ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:30+00:00"),  # Skipped: 02:30 with the offset before.
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30+00:00"),  # Twice: the first.
        ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:30+00:00"),
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30+00:00"),
        ("Europe/Berlin", "2026-03-29", "10:00", "2026-03-29T08:00+00:00"),
    ],
)
def test_one_hand_off_in_nights_when_clocks_change(zone: str, day: str, handoff: str, instant: str) -> None:
    layer = {"people": ["a", "b"], "rotation": "daily", "start": "2026-01-01", "handoff": handoff}
    found = roster(layer, zone=zone)
    shifts = found.shifts(at(f"{day}T00:00", zone), at(f"{day}T12:00", zone))
    assert len(shifts) == 2
    assert shifts[0].person != shifts[1].person
    assert shifts[1].start_ms == round(dt.datetime.fromisoformat(instant).timestamp() * 1000)


moments = st.integers(at("2026-03-01T00:00") // MINUTE, at("2026-04-15T00:00") // MINUTE).map(lambda m: m * MINUTE)
clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@st.composite
def time_ranges(draw: st.DrawFn) -> dict[str, str]:
    begin, end = sorted(draw(st.lists(clocks, min_size=2, max_size=2, unique=True)))
    return {"start_time": begin, "end_time": end}


intervals = st.fixed_dictionaries(
    {},
    optional={
        "times": st.lists(time_ranges(), min_size=1, max_size=2),
        "weekdays": st.sampled_from([["monday:friday"], ["saturday", "sunday"]]),
        "location": st.sampled_from(["UTC", "America/New_York"]),
    },
)
layers = st.fixed_dictionaries(
    {
        "people": st.lists(st.sampled_from("abcd"), min_size=1, max_size=3),
        "rotation": st.sampled_from(["daily", "weekly", "12h", "3d", "7h"]),
        "start": st.dates(dt.date(2026, 2, 20), dt.date(2026, 3, 20)).map(str),
        "handoff": clocks,
        "during": st.lists(intervals, max_size=2),
    }
)
overrides = st.builds(
    lambda number, person, start, length: Override(number, "primary", person, start, start + length * HOUR),
    st.integers(1, 99),
    st.sampled_from("xy"),
    moments,
    st.integers(1, 60),
)


@given(
    st.lists(layers, min_size=1, max_size=3),
    st.sampled_from([SHANGHAI, "Europe/Berlin", "America/New_York"]),
    st.lists(overrides, max_size=2, unique_by=lambda override: override.id),
    moments,
    st.integers(1, 4),
)
def test_shifts_are_what_asking_every_minute_gives(
    given_layers: list[dict[str, Any]], zone: str, made: list[Override], start: int, days: int
) -> None:
    found = roster(*given_layers, zone=zone, overrides=tuple(made))
    end = start + days * DAY
    shifts = found.shifts(start, end)
    assert (shifts[0].start_ms, shifts[-1].end_ms) == (start, end)
    assert all(before.end_ms == after.start_ms for before, after in pairwise(shifts))
    for shift in shifts:
        for moment in range(shift.start_ms, shift.end_ms, 10 * MINUTE):
            assert found.at(moment).person == shift.person
        assert found.at(shift.end_ms - MINUTE).person == shift.person
