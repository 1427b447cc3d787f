"""Times and durations as templates know them: Go's ``time.Time`` and ``time.Duration`` with their methods."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fenghuo.base.errors import InputError
from fenghuo.template import golayout
from fenghuo.template.values import Exposed

SECOND_NS: Final = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZERO_TIME_NS: Final = -62_135_596_800 * SECOND_NS
"""0001-01-01 00:00:00 UTC, Go's zero time."""
_INT64_MAX = (1 << 63) - 1


class Duration(int, Exposed):
    """Nanoseconds. Compares and counts as the integer it is, prints as ``1h0m0s``."""

    template_type: ClassVar[str] = "time.Duration"
    template_names: ClassVar[Mapping[str, str]] = {
        "String": "__str__",
        "Hours": "hours",
        "Minutes": "minutes",
        "Seconds": "seconds",
        "Milliseconds": "milliseconds",
        "Microseconds": "microseconds",
        "Nanoseconds": "nanoseconds",
        "Abs": "absolute",
        "Round": "rounded",
        "Truncate": "truncated",
    }

    def hours(self) -> float:
        return int(self) / (3600 * SECOND_NS)

    def minutes(self) -> float:
        return int(self) / (60 * SECOND_NS)

    def seconds(self) -> float:
        return int(self) / SECOND_NS

    def milliseconds(self) -> int:
        return _toward_zero(int(self), 1_000_000)

    def microseconds(self) -> int:
        return _toward_zero(int(self), 1000)

    def nanoseconds(self) -> int:
        return int(self)

    def absolute(self) -> Duration:
        return Duration(abs(int(self)))

    def truncated(self, unit: int) -> Duration:
        return Duration(_toward_zero(int(self), unit) * unit if unit > 0 else self)

    def rounded(self, unit: int) -> Duration:
        if unit <= 0:
            return self
        half_up = (abs(int(self)) + unit // 2) // unit * unit
        return Duration(half_up if self >= 0 else -half_up)

    def template_json(self) -> int:
        return int(self)

    def __str__(self) -> str:
        rest = abs(int(self))
        sign = "-" if self < 0 else ""
        if rest == 0:
            return "0s"
        if rest < SECOND_NS:
            unit, size = next((u, s) for u, s in (("ms", 1_000_000), ("µs", 1000), ("ns", 1)) if rest >= s)
            return f"{sign}{_decimal(rest, size)}{unit}"
        hours, rest = divmod(rest, 3600 * SECOND_NS)
        minutes, rest = divmod(rest, 60 * SECOND_NS)
        text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
        return f"{sign}{text}{_decimal(rest, SECOND_NS)}s"


def _toward_zero(value: int, unit: int) -> int:
    return -(-value // unit) if value < 0 else value // unit


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits and rest else str(whole)


class Time(Exposed):
    """A moment in nanoseconds since the Unix epoch, and the zone it is shown in. Immutable."""

    template_type: ClassVar[str] = "time.Time"
    template_names: ClassVar[Mapping[str, str]] = {
        "Add": "add",
        "AddDate": "add_date",
        "After": "after",
        "Before": "before",
        "Compare": "compare",
        "Day": "day",
        "Equal": "equal",
        "Format": "format",
        "Hour": "hour",
        "IsZero": "is_zero",
        "Local": "utc",
        "Minute": "minute",
        "Month": "month",
        "Nanosecond": "nanosecond",
        "Second": "second",
        "String": "__str__",
        "Sub": "subtract",
        "Truncate": "truncated",
        "UTC": "utc",
        "Unix": "unix",
        "UnixMicro": "unix_micro",
        "UnixMilli": "unix_milli",
        "UnixNano": "unix_nano",
        "Weekday": "weekday",
        "Year": "year",
        "YearDay": "year_day",
    }

    def __init__(self, epoch_ns: int, zone: tzinfo = UTC) -> None:
        self.epoch_ns = epoch_ns
        self.zone = zone

    @classmethod
    def of_ms(cls, epoch_ms: int, zone: tzinfo = UTC) -> Time:
        return cls(epoch_ms * 1_000_000, zone)

    @classmethod
    def of_moment(cls, moment: datetime, nanosecond: int = 0) -> Time:
        """An aware datetime without fraction, and its nanoseconds."""
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
        return cls(seconds * SECOND_NS + nanosecond, moment.tzinfo or UTC)

    def datetime(self) -> datetime:
        """The moment in its zone, without its fraction. Raises InputError outside the years 1 to 9999."""
        try:
            return (_EPOCH + timedelta(seconds=self.epoch_ns // SECOND_NS)).astimezone(self.zone)
        except OverflowError as error:
            raise InputError(f"time {self.epoch_ns} ns is outside the years 1 to 9999") from error

    def nanosecond(self) -> int:
        return self.epoch_ns % SECOND_NS

    def in_zone(self, name: str) -> Time:
        """The same moment shown in the zone ``name`` (``Asia/Shanghai``); raises InputError for an unknown one."""
        try:
            return Time(self.epoch_ns, ZoneInfo(name) if name not in ("", "UTC") else UTC)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(f"unknown time zone {name}") from error

    def format(self, layout: str) -> str:
        return golayout.write(layout, self.datetime(), self.nanosecond())

    def add(self, duration: int) -> Time:
        return Time(self.epoch_ns + duration, self.zone)

    def add_date(self, years: int, months: int, days: int) -> Time:
        """Go's AddDate: days beyond the month's end run over into the next."""
        now = self.datetime()
        carry, month = divmod(now.month - 1 + months, 12)
        try:
            first = now.replace(year=now.year + years + carry, month=month + 1, day=1)
            return Time.of_moment(first + timedelta(days=now.day - 1 + days), self.nanosecond())
        except (ValueError, OverflowError) as error:
            raise InputError(f"AddDate {years} {months} {days} leaves the years 1 to 9999") from error

    def subtract(self, other: object) -> Duration:
        return Duration(max(-_INT64_MAX - 1, min(_INT64_MAX, self.epoch_ns - _time(other).epoch_ns)))

    def truncated(self, unit: int) -> Time:
        if unit <= 0:
            return self
        return Time(self.epoch_ns - (self.epoch_ns - ZERO_TIME_NS) % unit, self.zone)

    def after(self, other: object) -> bool:
        return self.epoch_ns > _time(other).epoch_ns

    def before(self, other: object) -> bool:
        return self.epoch_ns < _time(other).epoch_ns

    def equal(self, other: object) -> bool:
        return self.epoch_ns == _time(other).epoch_ns

    def compare(self, other: object) -> int:
        return (self.epoch_ns > _time(other).epoch_ns) - (self.epoch_ns < _time(other).epoch_ns)

    def is_zero(self) -> bool:
        return self.epoch_ns == ZERO_TIME_NS

    def utc(self) -> Time:
        return Time(self.epoch_ns)

    def unix(self) -> int:
        return self.epoch_ns // SECOND_NS

    def unix_milli(self) -> int:
        return self.epoch_ns // 1_000_000

    def unix_micro(self) -> int:
        return self.epoch_ns // 1000

    def unix_nano(self) -> int:
        return self.epoch_ns

    def year(self) -> int:
        return self.datetime().year

    def year_day(self) -> int:
        return self.datetime().timetuple().tm_yday

    def month(self) -> Named:
        number = self.datetime().month
        return Named(number, golayout.MONTHS[number - 1], "time.Month")

    def weekday(self) -> Named:
        number = self.datetime().isoweekday() % 7
        return Named(number, golayout.WEEKDAYS[number - 1], "time.Weekday")

    def day(self) -> int:
        return self.datetime().day

    def hour(self) -> int:
        return self.datetime().hour

    def minute(self) -> int:
        return self.datetime().minute

    def second(self) -> int:
        return self.datetime().second

    def template_json(self) -> str:
        return self.format("2006-01-02T15:04:05.999999999Z07:00")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and self.epoch_ns == other.epoch_ns

    def __hash__(self) -> int:
        return hash(self.epoch_ns)

    def __str__(self) -> str:
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def __repr__(self) -> str:
        return f"Time({self})"


class Named(int, Exposed):
    """A month or weekday: a number that prints as its name."""

    template_names: ClassVar[Mapping[str, str]] = {"String": "__str__"}

    def __new__(cls, number: int, name: str, go_type: str) -> Named:
        value = super().__new__(cls, number)
        value._name = name
        value._go_type = go_type
        return value

    _name: str
    _go_type: str

    def template_json(self) -> int:
        return int(self)

    def __str__(self) -> str:
        return self._name


def _time(value: object) -> Time:
    if not isinstance(value, Time):
        raise InputError("wrong type for value; expected time.Time")
    return value
