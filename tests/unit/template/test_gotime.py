"""Go's times, durations and layouts."""

from __future__ import annotations

import pytest

from fenghuo.base.errors import InputError
from fenghuo.template import Template
from fenghuo.template.functions import DATA_FUNCTIONS, must_to_date
from fenghuo.template.gotime import SECOND_NS, ZERO_TIME_NS, Duration, Time

MOMENT = Time(1_700_000_000 * SECOND_NS + 123_456_000)
"""2023-11-14 22:13:20.123456 UTC, a Tuesday."""


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("2006-01-02 15:04:05", "2023-11-14 22:13:20"),
        ("Mon Jan _2 15:04:05 MST 2006", "Tue Nov 14 22:13:20 UTC 2023"),
        ("Monday, 2 January 06", "Tuesday, 14 November 23"),
        ("3:04PM 03:4:5 pm", "10:13PM 10:13:20 pm"),
        ("2006-01-02T15:04:05.999999999Z07:00", "2023-11-14T22:13:20.123456Z"),
        ("15:04:05.000 15:04:05,00", "22:13:20.123 22:13:20,12"),
        ("-0700 -07:00 -07 Z0700", "+0000 +00:00 +00 Z"),
        ("002 __2", "318 318"),
        ("2006年1月2日", "2023年11月14日"),
        ("20060102", "20231114"),
    ],
)
def test_layouts(layout: str, expected: str) -> None:
    assert MOMENT.format(layout) == expected


def test_zones() -> None:
    shanghai = MOMENT.in_zone("Asia/Shanghai")
    assert str(shanghai) == "2023-11-15 06:13:20.123456 +0800 CST"
    assert shanghai.format("2006-01-02T15:04:05Z07:00") == "2023-11-15T06:13:20+08:00"
    assert shanghai == MOMENT
    assert MOMENT.in_zone("America/Sao_Paulo").format("MST") == "-03"
    for name in ("Nowhere", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(InputError, match="unknown time zone"):
            MOMENT.in_zone(name)


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (245_000_000_000, "4m5s"),
        (245_001_000_000, "4m5.001s"),
        (18_367_001_000_000, "5h6m7.001s"),
        (480_000_000_001, "8m0.000000001s"),
        (-3_600_000_000_000, "-1h0m0s"),
    ],
)
def test_durations(nanoseconds: int, expected: str) -> None:
    assert str(Duration(nanoseconds)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{{ .t.Unix }} {{ .t.UnixMilli }} {{ .t.Year }} {{ .t.Month }} {{ .t.Day }}",
            "1700000000 1700000000123 2023 November 14",
        ),
        ("{{ .t.Weekday }} {{ printf `%d` .t.Weekday }} {{ .t.YearDay }} {{ .t.IsZero }}", "Tuesday 2 318 false"),
        ("{{ (.t.Add .d).Format `15:04` }} {{ (.t.Add .d).Sub .t }}", "23:43 1h30m0s"),
        ("{{ .t.After (.t.Add .d) }} {{ .t.Before (.t.Add .d) }} {{ .t.Equal .t }}", "false true true"),
        ("{{ (.t.Truncate .d).Format `15:04:05` }}", "21:00:00"),
        ("{{ (.t.AddDate 0 3 17).Format `2006-01-02` }}", "2024-03-02"),
        ("{{ .d.Hours }} {{ .d.Minutes }} {{ .d.Seconds }} {{ .d }} {{ lt .d 5 }}", "1.5 90 5400 1h30m0s false"),
        ("{{ .t | toJson }} {{ .d | toJson }}", '"2023-11-14T22:13:20.123456Z" 5400000000000'),
        ("{{ .zero.IsZero }} {{ .zero.Year }}", "true 1"),
        ("{{ .t | tz `Asia/Shanghai` | date `15:04 MST` }}", "06:13 CST"),
    ],
)
def test_methods(text: str, expected: str) -> None:
    data = {"t": MOMENT, "d": Duration(5400 * SECOND_NS), "zero": Time(ZERO_TIME_NS)}
    assert Template.parse(text, DATA_FUNCTIONS).render(data) == expected


@pytest.mark.parametrize(
    ("layout", "text", "expected"),
    [
        ("2006-01-02", "2024-03-15", "2024-03-15 00:00:00 +0000 UTC"),
        ("2006-01-02T15:04:05Z07:00", "2024-03-15T10:20:30+08:00", "2024-03-15 10:20:30 +0800 +08"),
        ("2006-01-02T15:04:05Z07:00", "2024-03-15T10:20:30.25Z", "2024-03-15 10:20:30.25 +0000 UTC"),
        ("Jan 2, 2006 at 3:04pm (MST)", "Feb 3, 2013 at 7:54pm (UTC)", "2013-02-03 19:54:00 +0000 UTC"),
        ("02/01/06", "15/03/24", "2024-03-15 00:00:00 +0000 UTC"),
    ],
)
def test_reading(layout: str, text: str, expected: str) -> None:
    assert str(must_to_date(layout, text)) == expected


@pytest.mark.parametrize("text", ["", "2024-13-01", "2024-02-30", "15.3.2024", "2024-03-15x"])
def test_reading_refuses(text: str) -> None:
    with pytest.raises(InputError, match="parsing time"):
        must_to_date("2006-01-02", text)


def test_years_that_no_calendar_holds_are_an_error_of_the_template() -> None:
    with pytest.raises(InputError, match="outside the years"):
        Time(10**21).format("2006")
