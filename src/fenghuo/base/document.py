"""YAML files as people write them: values that keep their text, and a line for every path.

:func:`load_yaml` keeps each plain scalar as the text that stands in the file (a :class:`Plain`), because what
it means depends on the field that receives it: ``1.10`` is a number for one and a version for another.
:func:`validate` hands the values to a pydantic model and turns everything that is wrong, all of it at once,
into :class:`Problem` values that name file, line, YAML path, value and remedy.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
import typing
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUseDefault

from fenghuo.base.errors import InputError
from fenghuo.base.scalars import SCALARS

Path = tuple[str | int, ...]
DIRECTORY = "directory"
"""The key of the validation context that holds what relative file names are relative to."""
M = TypeVar("M", bound=BaseModel)

NULL_TEXTS = frozenset({"", "~", "null", "Null", "NULL"})
NODES_MAX = 2_000_000
"""Values in one document, aliases counted each time they are used: a file that only seems small is refused."""

NAMES_SHOWN_MAX = 20
"""How many known keys a message lists; more help nobody."""

_SECRET_KEY = re.compile(r"password|secret|token|credential|authorization|basic_auth|(?:^|_|\b)key$", re.IGNORECASE)


class Plain(str):
    """A scalar that stands in the file without quotes, or was none but became text."""

    __slots__ = ()


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file. ``line`` counts from 1; 0 when it is not known."""

    message: str
    file: str = ""
    line: int = 0
    path: str = ""
    remedy: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = " ".join(part for part in (place, self.path) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} ({self.remedy})" if self.remedy else text


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file. ``value`` is made of dict, list, str, :class:`Plain` and None.

    ``directory`` is what relative paths inside the file are relative to; empty leaves them as they are.
    """

    name: str
    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)
    directory: str = ""

    def line(self, path: Sequence[str | int]) -> int:
        """The line of ``path``, or of the nearest enclosing thing that has one; 0 when there is none."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(tuple(path[:length]))
            if line is not None:
                return line
        return 0

    def problem(
        self,
        message: str,
        path: Sequence[str | int] = (),
        *,
        remedy: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        return Problem(message, self.name, self.line(path), show_path(path), remedy, severity)

    def warning(self, message: str, path: Sequence[str | int] = (), *, remedy: str = "") -> Problem:
        return self.problem(message, path, remedy=remedy, severity=Severity.WARNING)


class Settings(BaseModel):
    """The base of every settings model: an unknown key is an error, and values do not change after loading.

    Scalars are read as YAML 1.1 and Go's decoder read them: a flag is ``true``, ``yes``, ``on`` …, a number is
    written without quotes, and a key without a value is a key that was not written, unless the field takes None.
    """

    model_config = ConfigDict(
        defer_build=True, extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name is not None
        settled = cls.model_fields[info.field_name]
        if value is None and not _takes_none(settled.annotation):
            if any(isinstance(extra, BeforeValidator) for extra in settled.metadata):
                return value  # The field's own validator knows what an empty key means.
            raise PydanticUseDefault
        return _scalar_for(settled, value) if isinstance(value, str) else value


def _takes_none(annotation: Any) -> bool:
    return annotation is Any or annotation is type(None) or type(None) in typing.get_args(annotation)


def _scalar_for(settled: FieldInfo, text: str) -> Any:
    """``text`` as the bool, int or float that the field wants; unchanged for every other field."""
    if any(isinstance(extra, BeforeValidator) for extra in settled.metadata):
        return text
    wanted = {settled.annotation, *typing.get_args(settled.annotation)} & {bool, int, float}
    if len(wanted) != 1 or (settled.annotation not in wanted and not _takes_none(settled.annotation)):
        return text
    (kind,) = wanted
    if not isinstance(text, Plain):
        word = "true or false" if kind is bool else "a number"
        raise RefusedError(f"{str(text)[:80]!r} stands in quotes where {word} is expected", "take the quotes away")
    try:
        return SCALARS[kind](text)
    except ValueError as error:
        raise RefusedError(str(error), "write true or false" if kind is bool else "") from error


def show_path(path: Sequence[str | int]) -> str:
    """``("scrape_configs", 0, "job_name")`` as ``scrape_configs[0].job_name``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def load_yaml(text: str | bytes, name: str, directory: str = "") -> Document:
    """Parse the first document of ``text``; ``name`` is what messages call the file.

    Raises InputError with the line for anything that is not YAML, for duplicate keys and keys that are not text,
    and for files that nest or repeat themselves beyond reason.
    """
    try:
        return _load(text, name, directory)
    except RecursionError as error:
        raise InputError("values are nested too deeply", place=name) from error


def _load(text: str | bytes, name: str, directory: str) -> Document:
    try:
        loader = _Loader(text)
        try:
            node = loader.get_node() if loader.check_node() else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        raise InputError(f"not valid YAML: {error.problem or error.context}", place=place) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"not valid YAML: {error}", place=name) from error
    lines: dict[Path, int] = {}
    value = None if node is None else _Builder(name, lines).build(node, ())
    return Document(name, value, lines, directory)


# libyaml's parser, where PyYAML was built with it, is ten times as fast as the one in Python.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Builder:
    """Turns YAML nodes into values and notes the line of each path."""

    def __init__(self, name: str, lines: dict[Path, int]) -> None:
        self._name = name
        self._lines = lines
        self._open: set[int] = set()
        self._built = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._built += 1
        if self._built > NODES_MAX:
            raise self._error(node, f"more than {NODES_MAX} values in one file, aliases included")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._error(node, "a YAML alias that contains itself")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a mapping key that is not text")
            key = self._scalar(key_node) or str(key_node.value)
            if key_node.tag == "tag:yaml.org,2002:merge":
                for part in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    if not isinstance(part, yaml.MappingNode):
                        raise self._error(part, "the merge key << takes a mapping")
                    merged = {**self._mapping(part, path), **merged}
                continue
            if key in own:
                raise self._error(key_node, f"key {key!r} stands twice")
            self._lines[*path, key] = key_node.start_mark.line + 1
            own[key] = self.build(value_node, (*path, key))
        return {**merged, **own}

    def _scalar(self, node: yaml.ScalarNode) -> str | None:
        if node.tag == "tag:yaml.org,2002:binary":
            return self._binary(node)
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise self._error(node, f"unknown YAML tag {node.tag!r}")
        if node.style or (node.tag == "tag:yaml.org,2002:str" and node.value in NULL_TEXTS):
            return str(node.value)
        return None if node.value in NULL_TEXTS else Plain(node.value)

    def _binary(self, node: yaml.ScalarNode) -> str:
        try:
            return base64.b64decode(str(node.value), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise self._error(node, f"!!binary {node.value!r} is not text in base64: {error}") from error

    def _error(self, node: yaml.Node, message: str) -> InputError:
        return InputError(message, place=f"{self._name}:{node.start_mark.line + 1}")


_WHOLE: Any = object()


def validate(model: type[M], document: Document, value: Any = _WHOLE, at: Path = ()) -> tuple[M | None, list[Problem]]:
    """Make a ``model`` of the document's value, or of ``value`` that stands at path ``at`` inside it.

    Returns the model and no problems, or None and every problem found. Validators find the document's directory
    in ``info.context[DIRECTORY]``.
    """
    given = document.value if value is _WHOLE else value
    try:
        return model.model_validate(given, context={DIRECTORY: document.directory}), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, [problem for detail in details for problem in _translate_all(model, document, detail, at)]


def _translate_all(model: Any, document: Document, detail: Any, at: Path) -> list[Problem]:
    cause = detail.get("ctx", {}).get("error")
    base = (*at, *detail["loc"])
    if isinstance(cause, InnerError):
        inner = cause.error.errors(include_url=False)
        return [problem for each in inner for problem in _translate_all(cause.kind, document, each, base)]
    if not isinstance(cause, RefusedManyError):
        return [_translate(model, document, detail, at)]
    return [document.problem(each.message, (*base, *path), remedy=each.remedy) for path, each in cause.refusals]


def _translate(model: Any, document: Document, detail: Any, at: Path) -> Problem:
    steps = [
        part
        for part in detail["loc"]
        if isinstance(part, int) or not (part.startswith(("function-", "tagged-")) or part == "[key]")
    ]
    path = (*at, *steps)
    given = "<secret>" if _SECRET_KEY.search(show_path(path)) else detail.get("input")
    match detail["type"]:
        case "extra_forbidden":
            known = _known_keys(model, steps[:-1])
            return document.problem(f"unknown key {str(steps[-1])!r}", path, remedy=nearest(str(steps[-1]), known))
        case "missing":
            return document.problem("is required but missing", path)
        case "model_type" | "model_attributes_type" | "dict_type":
            return document.problem(f"a mapping is expected here, got {_shown(given)}", path)
        case "value_error":
            cause = detail["ctx"]["error"]
            if isinstance(cause, RefusedError):
                return document.problem(cause.message, path, remedy=cause.remedy)
            return document.problem(str(cause), path)
        case _:
            return document.problem(f"{detail['msg']}, got {_shown(given)}", path)


def nearest(key: str, known: Iterable[str]) -> str:
    """The remedy for an unknown ``key``: the known one that is most like it, or all of them when they are few."""
    names = sorted(set(known))
    near = difflib.get_close_matches(key, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(names)}" if 0 < len(names) <= NAMES_SHOWN_MAX else ""


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(str(value)[:80])
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)[:80]


def _known_keys(model: Any, steps: Sequence[str | int]) -> list[str]:
    """The keys that the models reachable at ``steps`` accept."""
    types: list[Any] = [model]
    for step in steps:
        types = [inner for kind in types for inner in _step_into(kind, step)]
    models = [kind for outer in types for kind in _models_in(outer)]
    return [info.alias or name for kind in models for name, info in kind.model_fields.items()]


def _step_into(kind: Any, step: str | int) -> Iterator[Any]:
    for model in _models_in(kind):
        for name, info in model.model_fields.items():
            if step in (info.alias, name):
                yield info.annotation
    if not isinstance(kind, type) or typing.get_origin(kind):
        yield from (inner for inner in typing.get_args(kind) if isinstance(inner, Hashable))


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in typing.get_args(kind):
        yield from _models_in(inner)


class RefusedError(ValueError):
    """Raised by a field's validator: the value is impossible, and ``remedy`` says what would do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class RefusedManyError(ValueError):
    """Raised by a validator of a whole model: several places inside it are impossible, each with its path from it."""

    def __init__(self, refusals: Sequence[tuple[Path, RefusedError]]) -> None:
        super().__init__("; ".join(f"{show_path(path)}: {each.message}" for path, each in refusals))
        self.refusals = tuple(refusals)


class InnerError(ValueError):
    """Raised by a validator that had a value validated as ``kind`` by itself; its place is where the value stands."""

    def __init__(self, kind: Any, error: ValidationError) -> None:
        super().__init__(str(error))
        self.kind = kind
        self.error = error


def refusing(error: InputError) -> RefusedError:
    """The same complaint in the form that pydantic collects."""
    return RefusedError(error.message, error.remedy)


def _empty_list_for_null(value: Any) -> Any:
    return [] if value is None else value


def _empty_dict_for_null(value: Any) -> Any:
    return {} if value is None else value


T = TypeVar("T")
ListOf = Annotated[list[T], BeforeValidator(_empty_list_for_null)]
"""A list; a key without a value is the empty list."""
DictOf = Annotated[dict[str, T], BeforeValidator(_empty_dict_for_null)]
"""A mapping from text; a key without a value is the empty mapping."""
