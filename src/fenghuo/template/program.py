"""What a rendering is given besides its data: bodies, functions, options, limits, and where it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from fenghuo.template import nodes
from fenghuo.template.formatting import show
from fenghuo.template.values import MISSING


class MissingKey(StrEnum):
    """What a map gives for a key that is not there: Go's option ``missingkey``."""

    DEFAULT = "default"
    """``<no value>``."""
    ZERO = "zero"
    """The zero value of the map's type: the empty string for label sets. What Prometheus uses."""
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """What one rendering may take. Reaching a limit is a TemplateError that names it."""

    output_chars_max: int = 4_000_000
    depth_max: int = 64
    """Templates inside templates. Go allows more; a notice needs five, and Python's stack is finite."""
    iterations_max: int = 1_000_000
    """Of all range loops together."""
    time_s_max: float = 10.0


class Sink(Protocol):
    """Where a rendering writes: fixed text, and values that may need escaping."""

    def text(self, text: str) -> None: ...

    def value(self, value: Any) -> int:
        """Write a value; returns how many characters that took. Raises InputError for one that has no text."""
        ...

    def finish(self) -> str: ...


class TextSink:
    """Writes everything as it is."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def text(self, text: str) -> None:
        self._parts.append(text)

    def value(self, value: Any) -> int:
        text = repr(MISSING) if value is None else show(value)
        self._parts.append(text)
        return len(text)

    def finish(self) -> str:
        return "".join(self._parts)


@dataclass(frozen=True, slots=True)
class Unit:
    """A body and the text it was parsed from, for messages."""

    name: str
    text: str
    body: nodes.Body


@dataclass(frozen=True, slots=True)
class Program:
    """Everything that a rendering needs besides its data."""

    units: Mapping[str, Unit]
    functions: Mapping[str, Callable[..., Any]]
    parse: Callable[[str], Unit]
    """For :meth:`Rendering.expand`."""
    sink: Callable[[], Sink]
    monotonic_s: Callable[[], float]
    missing: MissingKey = MissingKey.ZERO
    limits: RenderLimits = RenderLimits()
