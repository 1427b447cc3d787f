"""Reads foreign JSON field by field; what is wrong is said with the field's name and what would be right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from fenghuo.base.errors import InputError

LATEST_MS = 253_402_300_799_000
"""The last moment of the year 9999."""
EPOCH_MS_MIN = 100_000_000_000
"""A number from here on counts milliseconds since 1970, a smaller one seconds."""


class FieldError(InputError):
    """A field is missing or is not what it has to be."""

    def __init__(self, place: str, message: str, remedy: str) -> None:
        super().__init__(f"{place or 'the message'} {message}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Field:
    """A value somewhere in a message; ``place`` is how messages call it, empty for the whole."""

    value: Any
    place: str = ""

    def __getitem__(self, key: str) -> Field:
        """A part of an object; one that is not there has the value None. Raises FieldError when this is no object."""
        return Field(self.object().get(key), f"{self.place}.{key}" if self.place else key)

    def first(self, *keys: str) -> Field:
        """The first of several parts that is there and says something; the first one when none is."""
        found = (self[key] for key in keys)
        return next((each for each in found if each.value not in (None, "")), self[keys[0]])

    def object(self) -> Mapping[str, Any]:
        """Raises FieldError when this is none."""
        if not isinstance(self.value, dict):
            raise FieldError(self.place, f"has to be an object, got {self._kind()}", 'write {"key": "value"}')
        return self.value

    def items(self) -> Iterator[Field]:
        """The elements of a list, or none for one that is missing. Raises FieldError for anything else."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise FieldError(self.place, f"has to be a list, got {self._kind()}", "write [...]")
        for index, value in enumerate(self.value):
            yield Field(value, f"{self.place}[{index}]")

    def text(self) -> str:
        """A text, a number or a flag as text; empty when it is missing. Raises FieldError for anything else."""
        match self.value:
            case None:
                return ""
            case bool():
                return "true" if self.value else "false"
            case str():
                return self.value.strip()
            case int():
                return str(self.value)
            case float():
                return f"{self.value:g}" if math.isfinite(self.value) else str(self.value)
        raise FieldError(self.place, f"has to be a text, got {self._kind()}", 'write "…"')

    def required(self) -> str:
        """The same; raises FieldError when it is missing or empty."""
        text = self.text()
        if not text:
            raise FieldError(self.place, "is missing", "every alert needs it")
        return text

    def texts(self) -> dict[str, str]:
        """An object of texts without the empty ones; what is nested stays JSON. None is as an empty object."""
        if self.value is None:
            return {}
        texts = dict[str, str]()
        for key, value in self.object().items():
            nested = isinstance(value, dict | list)
            text = orjson.dumps(value).decode() if nested else self[key].text()
            if key and text:
                texts[key] = text
        return texts

    def time_ms(self) -> int | None:
        """A moment: RFC 3339, or seconds or milliseconds since 1970; one without a zone is in this machine's. None
        when it is missing and for the zero times of other programs."""
        text = self.text()
        if not text or text == "0":
            return None
        try:
            number = float(text)
        except ValueError:
            return self._written_time(text)
        at_ms = number if number >= EPOCH_MS_MIN else number * 1000
        if not 0 < at_ms <= LATEST_MS:
            raise self._no_time(text)
        return round(at_ms)

    def _written_time(self, text: str) -> int | None:
        try:
            moment = datetime.fromisoformat(text)
            if moment.year <= 1:
                return None
            at_ms = round(moment.timestamp() * 1000)
        except (ValueError, OverflowError, OSError) as error:
            raise self._no_time(text) from error
        return at_ms if at_ms > 0 else None

    def _no_time(self, text: str) -> FieldError:
        return FieldError(self.place, f"{text[:40]!r} is not a time", "write 2026-11-23T02:10:00+08:00")

    def _kind(self) -> str:
        kinds = {dict: "an object", list: "a list", str: "a text", bool: "a flag", type(None): "nothing"}
        return kinds.get(type(self.value), "a number")
