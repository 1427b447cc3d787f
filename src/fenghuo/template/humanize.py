"""Numbers for people: the humanise family, shared by rules and notices. The roundings are Prometheus' own."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from fenghuo.base.errors import InputError
from fenghuo.model.duration import parse_duration_ms
from fenghuo.template.formatting import shortest
from fenghuo.template.gotime import SECOND_NS, Duration, Time
from fenghuo.template.printf import printf
from fenghuo.template.values import type_name

_LARGE: Final = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY: Final = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL: Final = ("m", "u", "n", "p", "f", "a", "z", "y")
_INT64_MAX: Final = (1 << 63) - 1
_FLOAT_TEXT = re.compile(r"[+-]?(?:inf(?:inity)?|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\Z", re.IGNORECASE | re.ASCII)


def to_float(value: Any) -> float:
    """A number, or text that holds one, as a float; a duration in seconds. Raises InputError for anything else."""
    if isinstance(value, Duration):
        return value.seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        if not _FLOAT_TEXT.match(value):
            raise InputError(f'strconv.ParseFloat: parsing "{value}": invalid syntax')
        return float(value)
    raise InputError(f"can't convert {type_name(value)} to float")


def _four(value: float) -> str:
    return printf("%.4g", (value,))


def humanize(value: object) -> str:
    """``1234567`` as ``1.235M``, ``0.12`` as ``120m``."""
    number = to_float(value)
    if number == 0 or not math.isfinite(number):
        return _four(number)
    return _up(number, _LARGE, 1000) if abs(number) >= 1 else _down(number)


def humanize_1024(value: object) -> str:
    """``1048576`` as ``1Mi``."""
    number = to_float(value)
    return _four(number) if not math.isfinite(number) or abs(number) <= 1 else _up(number, _BINARY, 1024)


def _up(number: float, prefixes: tuple[str, ...], base: int) -> str:
    prefix = ""
    for larger in prefixes:
        if abs(number) < base:
            break
        prefix, number = larger, number / base
    return _four(number) + prefix


def _down(number: float) -> str:
    prefix = ""
    for smaller in _SMALL:
        if abs(number) >= 1:
            break
        prefix, number = smaller, number * 1000
    return _four(number) + prefix


def humanize_duration(value: object) -> str:
    """Seconds as ``1d 2h 3m 4s``; under a minute with four digits, under a second with a prefix."""
    number = to_float(value)
    if not math.isfinite(number):
        return _four(number)
    if number == 0:
        return "0s"
    if abs(number) < 1:
        return f"{_down(number)}s"
    sign, number = ("-", -number) if number < 0 else ("", number)
    minutes, seconds = divmod(int(number), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_four(number)}s"


def humanize_percentage(value: object) -> str:
    """A ratio as a percentage: ``0.1234567`` as ``12.35%``."""
    return f"{_four(to_float(value) * 100)}%"


def humanize_timestamp(value: object) -> str:
    """Seconds since the Unix epoch as ``2015-06-23 13:19:44.128 +0000 UTC``."""
    number = to_float(value)
    return str(to_time(value)) if math.isfinite(number) else _four(number)


def to_time(value: object) -> Time:
    """Seconds since the Unix epoch as a time in UTC, exact to the millisecond."""
    return Time.of_ms(_nanoseconds(value, "timestamp") // 1_000_000)


def to_duration(value: object) -> Duration:
    """Seconds as a duration."""
    return Duration(_nanoseconds(value, "duration"))


def _nanoseconds(value: object, what: str) -> int:
    number = to_float(value)
    if not math.isfinite(number):
        raise InputError(f"{shortest(number)} cannot be represented as a nanoseconds {what}")
    if abs(number * SECOND_NS) > _INT64_MAX:
        raise InputError(f"{shortest(number)} cannot be represented as a nanoseconds {what} since it overflows int64")
    return int(number * SECOND_NS)


def parse_duration(text: str) -> float:
    """``1h30m`` in seconds; a leading minus makes it negative."""
    sign = -1 if text.startswith("-") else 1
    return sign * parse_duration_ms(text.removeprefix("-")) / 1000
