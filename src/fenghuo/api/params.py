"""Request parameters as Prometheus reads them: from the URL and from a form body, times and durations included."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request

from fenghuo.base import limits
from fenghuo.base.errors import InputError
from fenghuo.model.duration import parse_duration_ms

FORM_BYTES = limits.declare(
    "api_form_bytes", 4 * 1024 * 1024, limits.Policy.REJECT, "Bytes of a form body sent to the Prometheus API."
)
FORM_FIELDS = limits.declare(
    "api_form_fields", 10_000, limits.Policy.REJECT, "Parameters in a form body sent to the Prometheus API."
)

MIN_TIME_MS = -(1 << 53)
MAX_TIME_MS = 1 << 53
"""The widest times that survive as float64 seconds; Prometheus' own bounds are wider, to no use."""

COUNT_DIGITS_MAX = 19
"""Digits and sign of a count that certainly fits int64, which is what Prometheus reads it into."""

_COUNT = re.compile(r"[+-]?[0-9]+", re.ASCII)


class ParameterError(InputError):
    """A parameter is missing or cannot be understood. The message is Prometheus' own."""


def invalid(name: str, reason: object) -> ParameterError:
    return ParameterError(f'invalid parameter "{name}": {reason}')


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one request; names may repeat."""

    pairs: Sequence[tuple[str, str]]

    def get(self, name: str) -> str:
        """The first value, or the empty string."""
        return next((value for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def time_ms(self, name: str, default_ms: int | None) -> int:
        """A timestamp; ``default_ms`` when the parameter is absent, and None there makes it required."""
        text = self.get(name)
        if not text and default_ms is not None:
            return default_ms
        try:
            return parse_time_ms(text)
        except InputError as error:
            # Prometheus words it so where the parameter may be left out, and plainly where it may not.
            optional = f"Invalid time value for '{name}': " if default_ms is not None else ""
            raise invalid(name, optional + error.message) from error

    def duration_ms(self, name: str) -> int | None:
        text = self.get(name)
        if not text:
            return None
        try:
            return parse_seconds_ms(text)
        except InputError as error:
            raise invalid(name, error.message) from error

    def limit(self, name: str = "limit") -> int:
        """A count of things to return; 0 means all."""
        text = self.get(name)
        if not text:
            return 0
        if _COUNT.fullmatch(text) is None:
            raise invalid(name, f'strconv.Atoi: parsing "{text}": invalid syntax')
        if len(text) > COUNT_DIGITS_MAX:
            raise invalid(name, f'strconv.Atoi: parsing "{text}": value out of range')
        if int(text) < 0:
            raise invalid(name, "limit must be non-negative")
        return int(text)


async def read_params(request: Request) -> Params:
    """URL parameters first, then those of an ``application/x-www-form-urlencoded`` body."""
    pairs = list(request.query_params.multi_items())
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if request.method in ("POST", "PUT") and content_type == "application/x-www-form-urlencoded":
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES.default:
                FORM_BYTES.hit()
                raise ParameterError(f"request body is larger than {FORM_BYTES.default} bytes")
        # A form body is what this request was written for; it goes before the URL, as in Go's Request.Form.
        pairs = _form(body.decode("utf-8", "replace")) + pairs
    return Params(pairs)


def _form(text: str) -> list[tuple[str, str]]:
    # Counted before anything is split: two million empty fields fit into the bytes that are allowed.
    if text.count("&") >= FORM_FIELDS.default:
        FORM_FIELDS.hit()
        raise ParameterError(f"request body has more than {FORM_FIELDS.default} parameters")
    return parse_qsl(text, keep_blank_values=True)


def parse_time_ms(text: str) -> int:
    """Unix seconds with a fraction, or RFC 3339."""
    try:
        seconds = float(text)
    except ValueError:
        return _parse_rfc3339_ms(text)
    if not math.isfinite(seconds) or not MIN_TIME_MS <= seconds * 1000 <= MAX_TIME_MS:
        raise InputError(f'cannot parse "{text}" to a valid timestamp')
    return round(seconds * 1000)


def _parse_rfc3339_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f'cannot parse "{text}" to a valid timestamp')
    return round(moment.timestamp() * 1000)


def parse_seconds_ms(text: str) -> int:
    """A duration as seconds with a fraction, or in Prometheus' notation (``1h30m``)."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            return parse_duration_ms(text)
        except InputError as error:
            raise InputError(f'cannot parse "{text}" to a valid duration') from error
    if not math.isfinite(seconds) or abs(seconds * 1000) > MAX_TIME_MS:
        raise InputError(f'cannot parse "{text}" to a valid duration. It overflows int64')
    return round(seconds * 1000)
