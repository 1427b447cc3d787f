"""Calling Python functions from templates: count and types of the arguments are checked as Go checks them.

The annotations of a function are its signature: ``str``, ``int``, ``float``, ``bool`` and sequences are enforced,
everything else takes any value. A function whose first parameter is annotated ``Scope`` is handed the running
template, and can expand others.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from fenghuo.base.errors import InputError
from fenghuo.template.values import plain, type_name


class Scope(Protocol):
    """The running template, as functions see it."""

    def include(self, name: str, data: Any) -> str:
        """What the template ``name`` makes of ``data``, in this rendering and its limits."""
        ...

    def expand(self, text: str, data: Any) -> str:
        """What ``text``, parsed as a template of its own, makes of ``data``, in this rendering and its limits."""
        ...


_KINDS: dict[Any, str] = {str: "str", int: "int", float: "float", bool: "bool"}


@dataclass(frozen=True, slots=True)
class _Signature:
    kinds: tuple[str, ...]
    """``str``, ``int``, ``float``, ``bool``, ``list`` or empty for anything, one for each positional parameter."""
    rest: str | None
    """The kind of further arguments; None when there may be none."""
    required: int
    wants_scope: bool


def call(name: str, function: Callable[..., Any], args: Sequence[Any], scope: Scope) -> Any:
    """``function(*args)`` with the arguments checked.

    Raises InputError when they do not fit; what the function itself raises passes through.
    """
    signature = _signature(_plain_function(function))
    _check_count(name, signature, len(args))
    kinds = [*signature.kinds, *[signature.rest or ""] * (len(args) - len(signature.kinds))]
    fitted = [_fit(kind, plain(arg)) for kind, arg in zip(kinds, args, strict=False)]
    return function(scope, *fitted) if signature.wants_scope else function(*fitted)


def _plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    return function.__func__ if isinstance(function, types.MethodType) else function


@lru_cache(maxsize=1024)
def _signature(function: Callable[..., Any]) -> _Signature:
    hints = _hints(function)
    kinds: list[str] = []
    rest: str | None = None
    required = 0
    wants_scope = False
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name)
        if parameter.name == "self":
            continue
        if hint is Scope:
            wants_scope = True
        elif parameter.kind is parameter.VAR_POSITIONAL:
            rest = _kind(hint)
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            kinds.append(_kind(hint))
            required += parameter.default is parameter.empty
    return _Signature(tuple(kinds), rest, required, wants_scope)


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    target = function if inspect.isroutine(function) or inspect.isclass(function) else type(function).__call__
    return typing.get_type_hints(target)


def _kind(hint: Any) -> str:
    if typing.get_origin(hint) in (list, Sequence):
        return "list"
    return _KINDS.get(hint, "")


def _check_count(name: str, signature: _Signature, given: int) -> None:
    most = len(signature.kinds)
    if signature.rest is not None:
        if given < signature.required:
            raise InputError(f"wrong number of args for {name}: want at least {signature.required} got {given}")
    elif not signature.required <= given <= most:
        want = str(most) if most == signature.required else f"{signature.required} to {most}"
        raise InputError(f"wrong number of args for {name}: want {want} got {given}")


def _fit(kind: str, value: Any) -> Any:
    match kind:
        case "":
            return value
        case "str" if isinstance(value, str):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "int" if isinstance(value, float) and value.is_integer():
            return int(value)
        case "float" if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case "list" if isinstance(value, Sequence) and not isinstance(value, str):
            return value
        case "list" if value is None:
            return ()
    wanted = {"str": "string", "float": "float64", "list": "a list"}.get(kind, kind)
    raise InputError(f"wrong type for value; expected {wanted}; got {type_name(value)}")
