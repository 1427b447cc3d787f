"""Shifts as an iCalendar feed (RFC 5545), which phones and mail programs subscribe to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from fenghuo.alerting.oncall.schedule import Shift

LINE_BYTES_MAX: Final = 75
"""RFC 5545 3.1: longer lines are folded."""
_ESCAPED: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": ""})


def calendar(name: str, shifts: Iterable[tuple[str, Shift]], made_ms: int) -> str:
    """A calendar called ``name`` of shifts, each with the name of its schedule; gaps are left out."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Fenghuo//On-call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ]
    for schedule, shift in shifts:
        if shift.person is not None:
            lines += _event(schedule, shift.person, shift, made_ms)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _event(schedule: str, person: str, shift: Shift, made_ms: int) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{_text(schedule)}-{_text(person)}-{shift.start_ms}@fenghuo",
        f"DTSTAMP:{_utc(made_ms)}",
        f"DTSTART:{_utc(shift.start_ms)}",
        f"DTEND:{_utc(shift.end_ms)}",
        f"SUMMARY:{_text(f'{person} · {schedule}')}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _utc(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    return value.translate(_ESCAPED)


def _folded(line: str) -> list[str]:
    """The line in pieces of at most 75 bytes, no character split; all but the first begin with a blank."""
    pieces, piece, size = [], "", 0
    for char in line:
        width = len(char.encode())
        if size + width > LINE_BYTES_MAX:
            pieces.append(piece)
            piece, size = " ", 1
        piece += char
        size += width
    return [*pieces, piece]
