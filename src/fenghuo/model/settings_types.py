"""Field types for settings models that speak of the field: durations, label names, regular expressions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from fenghuo.base.document import DIRECTORY, RefusedError, refusing
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


class Secret:
    """Text that is shown as ``<secret>`` wherever it is printed, logged or serialised. Empty secrets are falsy."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(<secret>)" if self._text else "Secret()"

    def __str__(self) -> str:
        return "<secret>" if self._text else ""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(
            lambda text: cls(str(text)), core_schema.str_schema(coerce_numbers_to_str=True)
        )
        return core_schema.union_schema(
            [core_schema.is_instance_schema(cls), from_text],
            mode="left_to_right",
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


def _text(value: Any) -> Any:
    return "" if value is None else value


def _resolved(value: str, info: ValidationInfo) -> str:
    directory = (info.context or {}).get(DIRECTORY)
    return str(Path(directory) / value) if value and directory else value


Text = Annotated[str, BeforeValidator(_text)]
"""Text; a key without a value is the empty text."""
FileName = Annotated[str, BeforeValidator(_text), AfterValidator(_resolved)]
"""A file's name; relative ones are taken from the directory of the file that names them. Empty when not given."""
