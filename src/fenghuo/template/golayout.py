"""Go's time layouts: ``2006-01-02 15:04:05`` written and read.

A layout is the reference moment Mon Jan 2 15:04:05 MST 2006 written the way one wants times written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from fenghuo.base.errors import InputError

MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
WEEKDAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905

_PIECE = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|002|01|02|03|04|05|06|15|_2(?!006)|1|2|3|4|5"
    r"|PM|pm|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|[.,](?:0+|9+)(?!\d)"
)

Moment = tuple[datetime, int]
"""An aware datetime without its fraction, and the nanoseconds beyond it."""


def write(layout: str, moment: datetime, nanosecond: int) -> str:
    """``moment`` as ``layout`` says. ``nanosecond`` (0 to 999,999,999) takes the place of its microseconds."""
    return _PIECE.sub(lambda found: _write_piece(found[0], moment, nanosecond), layout)


def _write_piece(piece: str, moment: datetime, nanosecond: int) -> str:
    writer = _WRITERS.get(piece)
    if writer is not None:
        return writer(moment)
    if piece[0] in ".,":
        digits = f"{nanosecond:09d}"[: len(piece) - 1]
        if piece[1] == "9":
            digits = f"{nanosecond:09d}"[: len(piece) - 1].rstrip("0")
        return piece[0] + digits if digits else ""
    return _offset(piece, moment.utcoffset() or timedelta())


def _offset(piece: str, offset: timedelta) -> str:
    seconds = int(offset.total_seconds())
    if piece[0] == "Z":
        if seconds == 0:
            return "Z"
        piece = f"-{piece[1:]}"
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    colon = ":" if ":" in piece else ""
    text = f"{sign}{hours:02d}"
    if len(piece) > 3:
        text += f"{colon}{rest // 60:02d}"
    if len(piece) > 6:
        text += f"{colon}{rest % 60:02d}"
    return text


def zone_name(moment: datetime) -> str:
    """What Go prints for ``MST``: the abbreviation, or the offset where there is none."""
    name = moment.tzname() or "UTC"
    if re.fullmatch(r"[A-Z]{3,5}", name):
        return name
    offset = moment.utcoffset() or timedelta()
    return _offset("-0700" if int(offset.total_seconds()) % 3600 else "-07", offset)


_WRITERS: Final[dict[str, Callable[[datetime], str]]] = {
    "January": lambda moment: MONTHS[moment.month - 1],
    "Jan": lambda moment: MONTHS[moment.month - 1][:3],
    "Monday": lambda moment: WEEKDAYS[moment.weekday()],
    "Mon": lambda moment: WEEKDAYS[moment.weekday()][:3],
    "MST": zone_name,
    "2006": lambda moment: f"{moment.year:04d}",
    "06": lambda moment: f"{moment.year % 100:02d}",
    "01": lambda moment: f"{moment.month:02d}",
    "1": lambda moment: str(moment.month),
    "02": lambda moment: f"{moment.day:02d}",
    "_2": lambda moment: f"{moment.day:2d}",
    "2": lambda moment: str(moment.day),
    "002": lambda moment: f"{moment.timetuple().tm_yday:03d}",
    "__2": lambda moment: f"{moment.timetuple().tm_yday:3d}",
    "15": lambda moment: f"{moment.hour:02d}",
    "03": lambda moment: f"{moment.hour % 12 or 12:02d}",
    "3": lambda moment: str(moment.hour % 12 or 12),
    "04": lambda moment: f"{moment.minute:02d}",
    "4": lambda moment: str(moment.minute),
    "05": lambda moment: f"{moment.second:02d}",
    "5": lambda moment: str(moment.second),
    "PM": lambda moment: "PM" if moment.hour >= 12 else "AM",
    "pm": lambda moment: "pm" if moment.hour >= 12 else "am",
}

_READERS: Final = {
    "January": ("month_name", "|".join(MONTHS)),
    "Jan": ("month_name", "|".join(name[:3] for name in MONTHS)),
    "Monday": ("weekday", "|".join(WEEKDAYS)),
    "Mon": ("weekday", "|".join(name[:3] for name in WEEKDAYS)),
    "MST": ("zone", r"[A-Z]{3,5}|[+-]\d{2}"),
    "2006": ("year", r"\d{4}"),
    "06": ("year2", r"\d{2}"),
    "01": ("month", r"\d{2}"),
    "1": ("month", r"\d{1,2}"),
    "02": ("day", r"\d{2}"),
    "_2": ("day", r" ?\d{1,2}"),
    "2": ("day", r"\d{1,2}"),
    "15": ("hour", r"\d{1,2}"),
    "03": ("hour12", r"\d{2}"),
    "3": ("hour12", r"\d{1,2}"),
    "04": ("minute", r"\d{2}"),
    "4": ("minute", r"\d{1,2}"),
    "05": ("second", r"\d{2}(?:[.,]\d+)?"),
    "5": ("second", r"\d{1,2}(?:[.,]\d+)?"),
    "PM": ("half", "AM|PM"),
    "pm": ("half", "am|pm"),
}


def read(layout: str, text: str) -> Moment:
    """The moment that ``text`` names when written as ``layout`` says; UTC where it names no zone.

    Raises InputError when the text does not fit, with Go's words.
    """
    pattern = ""
    end = 0
    for found in _PIECE.finditer(layout):
        pattern += re.escape(layout[end : found.start()]) + _reader(found[0])
        end = found.end()
    pattern += re.escape(layout[end:])
    match = re.fullmatch(pattern, text)
    if match is None:
        raise InputError(f'parsing time "{text}" as "{layout}": cannot parse "{text}" as "{layout[:4]}"')
    try:
        return _moment({name: value for name, value in match.groupdict().items() if value is not None})
    except ValueError as error:
        raise InputError(f'parsing time "{text}": {error}') from error


def _reader(piece: str) -> str:
    if piece[0] in ".,":
        return r"(?:[.,](?P<fraction>\d{1,9}))?"
    if piece not in _READERS:
        return r"(?P<offset>Z|[+-]\d{2}(?::?\d{2}){0,2})"
    name, pattern = _READERS[piece]
    return f"(?P<{name}>{pattern})"


def _moment(found: dict[str, str]) -> Moment:
    year = int(found.get("year", "1"))
    if "year2" in found:
        year = int(found["year2"]) + (1900 if int(found["year2"]) >= 69 else 2000)
    month = int(found.get("month", "1"))
    if "month_name" in found:
        month = next(at for at, name in enumerate(MONTHS, 1) if name.startswith(found["month_name"]))
    hour = int(found.get("hour", "0"))
    if "hour12" in found:
        hour = int(found["hour12"]) % 12 + (12 if found.get("half", "").upper() == "PM" else 0)
    second, _, fraction = found.get("second", "0").replace(",", ".").partition(".")
    nanosecond = int((found.get("fraction") or fraction or "0").ljust(9, "0")[:9])
    day, minute = int(found.get("day", "1")), int(found.get("minute", "0"))
    return datetime(year, month, day, hour, minute, int(second), tzinfo=_zone(found.get("offset", "Z"))), nanosecond


def _zone(text: str) -> tzinfo:
    digits = text.lstrip("+-Z").replace(":", "")
    if not digits:
        return UTC
    hours, minutes, seconds = (int(digits[at : at + 2] or "0") for at in (0, 2, 4))
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-offset if text.startswith("-") else offset)
