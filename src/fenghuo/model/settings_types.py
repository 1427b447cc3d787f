"""Field types for settings models that speak of the field: durations, sizes, secrets, files, label names."""

from __future__ import annotations

import datetime as dt
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, GetCoreSchemaHandler, PlainSerializer, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from fenghuo.base.document import DIRECTORY, Path, RefusedError, refusing
from fenghuo.base.errors import InputError
from fenghuo.model.duration import format_duration, parse_duration_ms
from fenghuo.model.labels import is_legacy_label_name
from fenghuo.model.regex import compile_free

MASK: Final = "<secret>"
"""What stands wherever a secret would be shown."""


class Secret:
    """Text that is never shown: printing, logging and dumping give ``<secret>``; :meth:`reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself. For the line that puts it on the wire, and nowhere else."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __str__(self) -> str:
        return MASK if self._text else ""

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def _validate(cls, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise RefusedError("a secret is text")
        return cls(str(value))


def _zone(value: Any) -> Any:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RefusedError(f"unknown time zone {str(value)!r}", "a name such as Asia/Shanghai") from None
    return str(value)


def _date(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise RefusedError(f"{value!s} is not a date", "write YYYY-MM-DD") from None


def _duration(value: Any) -> Any:
    if isinstance(value, int):
        return value
    if value is None:
        return 0
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


_SIZE_UNITS: Final = "BKMGTPE"
_SIZE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:B|[KMGTPE]i?B))+\Z")
_SIZE_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(B|[KMGTPE])")


def _size(value: Any) -> Any:
    if isinstance(value, int):
        return value
    if value is None:
        return 0
    if not isinstance(value, str) or (value != "0" and _SIZE.match(value) is None):
        raise RefusedError(
            f"{value!r} is not a size" if isinstance(value, str) else "a size is text such as 15MB",
            "write a number and a unit, as in 512KB, 15MB or 1GB; units are powers of 1024",
        )
    parts = _SIZE_PART.findall(value)
    return int(sum(float(number) * 1024 ** _SIZE_UNITS.index(unit) for number, unit in parts))


def _count(value: int) -> int:
    if value < 0:
        raise RefusedError(f"{value} is negative", "write 0 for no limit")
    return value


def _file(value: str, info: ValidationInfo) -> str:
    directory = (info.context or {}).get(DIRECTORY, "")
    return str(pathlib.Path(directory) / value) if value and directory else value


def _text(value: Any) -> Any:
    return "" if value is None else value


def _label_name(value: str) -> str:
    if not value:
        raise RefusedError("a label name cannot be empty")
    return value


def _legacy_label_name(value: str) -> str:
    if not is_legacy_label_name(value):
        raise RefusedError(f"{value!r} is not a label name", "letters, digits and _, not starting with a digit")
    return value


def _url(value: str) -> str:
    if value.startswith(":"):
        raise RefusedError(f"{value!r} is not a URL: the scheme is missing", "write http://host:port/path")
    try:
        _ = urlsplit(value).port
    except ValueError as error:
        raise RefusedError(f"{redact_url(value)!r} is not a URL: {error}") from error
    return value


def _http_url(value: str) -> str:
    if not value:
        raise RefusedError("URL is missing", "write http://host:port/path")
    parts = urlsplit(_url(value))
    if parts.scheme not in ("http", "https"):
        raise RefusedError(
            f"URL scheme must be http or https, got {redact_url(value)!r}", "write http://host:port/path"
        )
    if not parts.hostname:
        raise RefusedError(f"host is missing in URL {value!r}", "write http://host:port/path")
    return value


_USERINFO = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*@")


def redact_url(url: str) -> str:
    """``url`` with ``xxxxx`` in the place of a password."""
    return _USERINFO.sub(r"\1:xxxxx@", url)


def _show_size(size_bytes: int) -> str:
    """``15728640`` as ``15MiB``: the largest unit that divides."""
    for power in range(len(_SIZE_UNITS) - 1, 0, -1):
        if size_bytes and size_bytes % 1024**power == 0:
            return f"{size_bytes // 1024**power}{_SIZE_UNITS[power]}iB"
    return f"{size_bytes}B"


class NamesFile:
    """Marks a field whose text names a file that will be read."""


DurationMs = Annotated[
    int, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str, when_used="json")
]
"""Written ``15s``, held as milliseconds. Fields end in ``_ms`` and carry the YAML name as alias."""
RegexText = Annotated[str, BeforeValidator(_regex)]
"""Text that RE2 accepts as a regular expression."""
SizeBytes = Annotated[int, BeforeValidator(_size), PlainSerializer(_show_size, return_type=str, when_used="json")]
"""Written ``15MB`` or ``1GiB`` (both powers of 1024, as Prometheus has it), held as bytes; ``0`` is none."""
Zone = Annotated[str, BeforeValidator(_zone)]
"""The name of a time zone, such as ``Asia/Shanghai``."""
Date = Annotated[dt.date, BeforeValidator(_date)]
"""A day, written ``2026-11-21``."""
Text = Annotated[str, BeforeValidator(_text)]
"""Text; a key without a value is the empty text, whatever the default."""
FilePattern = Annotated[str, BeforeValidator(_text), AfterValidator(_file)]
"""The same for a name that may hold wildcards, or of a file that is written and need not be there."""
Count = Annotated[int, AfterValidator(_count)]
"""A whole number that is not negative; for limits 0 means none."""
FileName = Annotated[str, BeforeValidator(_text), AfterValidator(_file), NamesFile()]
"""A file's name. What is relative is relative to the file that names it, and is held joined."""
LabelName = Annotated[str, AfterValidator(_label_name)]
"""Any label name of UTF-8 text."""
LegacyLabelName = Annotated[str, AfterValidator(_legacy_label_name)]
"""A label name of the classic character set."""
UrlText = Annotated[str, AfterValidator(_url), PlainSerializer(redact_url)]
"""A URL, or the empty text. A password inside it is not shown."""
HttpUrl = Annotated[str, AfterValidator(_http_url), PlainSerializer(redact_url)]
"""An absolute ``http`` or ``https`` URL. A password inside it is not shown."""


def named_files(settings: BaseModel, names: Iterable[str] | None = None) -> Iterator[tuple[Path, str]]:
    """Every file that the settings name and that is read later, with the path of the setting inside ``settings``.

    ``names`` limits the walk to those fields of the outermost model.
    """
    fields = type(settings).model_fields
    for name in fields if names is None else names:
        info, value = fields[name], getattr(settings, name)
        marked = any(isinstance(each, NamesFile) for each in info.metadata) or _marked_inside(info.annotation)
        for path, inner in _leaves(value, (info.alias or name,)):
            if isinstance(inner, BaseModel):
                for deeper, file in named_files(inner):
                    yield (*path, *deeper), file
            elif marked and inner:
                yield path, inner


def _marked_inside(annotation: Any) -> bool:
    marks = getattr(annotation, "__metadata__", ())
    return any(isinstance(mark, NamesFile) for mark in marks) or any(map(_marked_inside, get_args(annotation)))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """The models and texts inside lists and mappings."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    elif isinstance(value, BaseModel | str):
        yield path, value
