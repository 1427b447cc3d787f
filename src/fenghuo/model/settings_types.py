"""Field types for settings models that speak of the field: durations, label names, regular expressions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from fenghuo.base.document import RefusedError, refusing
from fenghuo.base.errors import InputError
from fenghuo.model.duration import parse_duration_ms
from fenghuo.model.regex import compile_free


def _duration(value: Any) -> Any:
    if isinstance(value, int):
        return value
    if not isinstance(value, str):
        raise RefusedError("a duration is text such as 15s or 1h30m")
    try:
        return parse_duration_ms(value)
    except InputError as error:
        raise refusing(error) from error


def _regex(value: Any) -> Any:
    if isinstance(value, str):
        try:
            compile_free(value)
        except InputError as error:
            raise refusing(error) from error
    return value


DurationMs = Annotated[int, BeforeValidator(_duration)]
"""Written ``15s``, held as milliseconds. Fields end in ``_ms`` and carry the YAML name as alias."""
RegexText = Annotated[str, BeforeValidator(_regex)]
"""Text that RE2 accepts as a regular expression."""
