"""Templates and sets of templates: the door to this package."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fenghuo.template.builtins import BUILTINS
from fenghuo.template.errors import TemplateError
from fenghuo.template.evaluate import Rendering
from fenghuo.template.html import HtmlSink
from fenghuo.template.parser import Parsed, is_empty, parse
from fenghuo.template.program import MissingKey, Program, RenderLimits, TextSink, Unit

Functions: TypeAlias = Mapping[str, Callable[..., Any]]
"""Functions by the name that templates call them. See :mod:`fenghuo.template.calls` for how arguments are checked."""

_BUILTIN_NAMES = frozenset(BUILTINS) | {"and", "or", "call"}


@dataclass(frozen=True, slots=True)
class TemplateOptions:
    """How templates are rendered."""

    missing: MissingKey = MissingKey.ZERO
    limits: RenderLimits = field(default_factory=RenderLimits)
    monotonic_s: Callable[[], float] = time.monotonic
    """For the time limit only."""


DEFAULTS = TemplateOptions()


class TemplateSet:
    """The templates of several files: each ``define`` can be used by every other, and by :meth:`template`.

    A later definition takes the place of an earlier one with the same name, unless it is empty.
    """

    def __init__(self, functions: Functions, options: TemplateOptions = DEFAULTS) -> None:
        self._functions = functions
        self._options = options
        self._units: dict[str, Unit] = {}

    def add(self, text: str, name: str) -> None:
        """Add the file ``name``; its own body becomes the template of that name. Raises TemplateError."""
        parsed = self._parse(text, name, ())
        self._units = _merged(self._units, parsed, name, text)
        if name not in self._units or not is_empty(parsed.body):
            self._units[name] = Unit(name, text, parsed.body)

    def names(self) -> list[str]:
        """The templates that can be called, sorted."""
        return sorted(self._units)

    def template(self, text: str, name: str = "", *, variables: Iterable[str] = (), html: bool = False) -> Template:
        """``text`` as a template that sees this set as it is now; what it defines is its own.

        ``variables`` are the names, with their ``$``, that :meth:`Template.render` will be given. With ``html``
        values are escaped for the place in the page where they land. Raises TemplateError.
        """
        parsed = self._parse(text, name, variables)
        units = _merged(self._units, parsed, name, text)
        return Template(Unit(name, text, parsed.body), units, self._functions, self._options, html=html)

    def _parse(self, text: str, name: str, variables: Iterable[str]) -> Parsed:
        return _parse(text, name, self._functions, variables)


def _parse(text: str, name: str, functions: Functions, variables: Iterable[str]) -> Parsed:
    try:
        return parse(text, name, _BUILTIN_NAMES | functions.keys(), variables)
    except RecursionError as error:
        raise TemplateError("the template is nested too deeply", place=name) from error


def _merged(units: Mapping[str, Unit], parsed: Parsed, name: str, text: str) -> dict[str, Unit]:
    fresh = {
        defined: Unit(name, text, body)
        for defined, body in parsed.defines.items()
        if defined not in units or not is_empty(body)
    }
    return {**units, **fresh}


class Template:
    """A parsed template. Immutable; rendering is safe from several threads."""

    def __init__(
        self,
        unit: Unit,
        units: Mapping[str, Unit],
        functions: Functions,
        options: TemplateOptions,
        *,
        html: bool,
    ) -> None:
        self._unit = unit
        self._units = units
        self._functions = functions
        self._options = options
        self._html = html

    @classmethod
    def parse(
        cls,
        text: str,
        functions: Functions,
        *,
        name: str = "",
        variables: Iterable[str] = (),
        options: TemplateOptions = DEFAULTS,
        html: bool = False,
    ) -> Template:
        """A template that stands alone. Raises TemplateError with ``name:line:column``."""
        return TemplateSet(functions, options).template(text, name, variables=variables, html=html)

    def render(
        self, data: Any = None, variables: Mapping[str, Any] | None = None, functions: Functions | None = None
    ) -> str:
        """The text that this template makes of ``data``.

        ``variables`` gives each name that was announced when parsing; ``functions`` takes the place of functions
        of the same name, for those that mean something else each time (a query at a moment). Raises TemplateError
        for what fails on this data, and for reaching a limit.
        """
        known = self._functions if functions is None else {**self._functions, **functions}
        program = Program(
            units=self._units,
            functions=known,
            parse=lambda text: Unit(self._unit.name, text, _parse(text, self._unit.name, known, ()).body),
            sink=HtmlSink if self._html else TextSink,
            monotonic_s=self._options.monotonic_s,
            missing=self._options.missing,
            limits=self._options.limits,
        )
        try:
            return Rendering(program).run(self._unit, data, variables or {})
        except RecursionError as error:
            raise TemplateError("the template is nested too deeply", place=self._unit.name) from error
