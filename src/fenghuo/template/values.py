"""What templates may see of Python values.

None, bool, int, float, str, lists, tuples and mappings are Go's nil, bool, int, float64, string, slices and maps.
Anything else is visible only when it is :class:`Exposed`: it lists, name by name, what a template may read or
call. No other attribute of any object can be reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from fenghuo.base.errors import InputError
from fenghuo.model.labels import Labels


class Exposed:
    """Base for data with Go-style fields and methods.

    ``template_names`` maps the name in a template to the attribute: ``{"SortedPairs": "sorted_pairs"}``. An
    attribute that is callable is a method and is called with the template's arguments, checked against its
    annotations. A class may also be a Mapping or a Sequence; its names come before its keys.
    """

    template_names: ClassVar[Mapping[str, str]] = {}
    template_type: ClassVar[str] = ""
    """What messages and ``%T`` call it; the class's name when empty."""
    template_missing: ClassVar[Any] = None
    """For mappings: what a key that is not there gives (a Go map's zero value)."""

    def template_json(self) -> Any:
        """What ``toJson`` writes. By default the exposed fields that are not methods."""
        if isinstance(self, Mapping):
            return dict(self)
        if isinstance(self, Sequence):
            return list(self)
        fields = {name: getattr(self, attribute) for name, attribute in self.template_names.items()}
        return {name: value for name, value in fields.items() if not callable(value)}


class _Missing:
    """The value of a key that is not there, and of nil: prints as ``<no value>``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<no value>"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


class SafeHtml(str):
    """Text that HTML templates pass on as it is."""

    __slots__ = ()


class SafeUrl(str):
    """A URL that HTML templates do not encode again; it is still escaped as an attribute."""

    __slots__ = ()


def type_name(value: Any) -> str:
    """What Go would call the type; messages and ``%T`` show it."""
    if isinstance(value, Exposed):
        return value.template_type or type(value).__name__
    match value:
        case None | _Missing():
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case Labels():
            return "map[string]string"
        case Mapping():
            return "map[string]interface {}"
        case list() | tuple():
            return "[]interface {}"
    return type(value).__name__


def is_true(value: Any) -> bool:
    """Go's truth: false, 0, nil, and empty text, slices and maps are false; a struct is true."""
    if value is None or value is MISSING:
        return False
    if isinstance(value, bool | int | float):
        return value != 0
    if isinstance(value, str | Sequence | Mapping):
        return len(value) > 0
    return True


def plain(value: Any) -> Any:
    """``value`` with MISSING turned into None, for functions, which know only nil."""
    return None if value is MISSING else value


def missing_of(container: Mapping[Any, Any]) -> Any:
    """What a key that is not there gives: the empty string for maps of strings, else nothing."""
    if isinstance(container, Labels):
        return ""
    if isinstance(container, Exposed) and container.template_missing is not None:
        return container.template_missing
    return MISSING


def index(container: Any, keys: Sequence[Any]) -> Any:
    """``index container 1 "x"``: elements of slices and strings (bytes), values of maps.

    Raises InputError for what has no such element.
    """
    for key in keys:
        container = _index_one(container, plain(key))
    return container


def _index_one(container: Any, key: Any) -> Any:
    if container is None or container is MISSING:
        raise InputError("index of untyped nil")
    if isinstance(container, Mapping):
        if not isinstance(key, str | int | float | bool):
            raise InputError(f"value is nil or of type {type_name(key)}; it cannot be a map key")
        return container[key] if key in container else missing_of(container)
    if not isinstance(container, str | Sequence):
        raise InputError(f"can't index item of type {type_name(container)}")
    if isinstance(key, bool) or not isinstance(key, int):
        raise InputError(f"cannot index slice/array with type {type_name(key)}")
    items: Sequence[Any] = container.encode() if isinstance(container, str) else container
    if not 0 <= key < len(items):
        raise InputError(f"index out of range: {key}")
    return items[key]


def cut(container: Any, bounds: Sequence[Any]) -> Any:
    """``slice container 1 3``. Text is cut in bytes, as Go does; half a character becomes U+FFFD."""
    if container is None or container is MISSING:
        raise InputError("slice of untyped nil")
    if isinstance(container, Mapping) or not isinstance(container, str | Sequence):
        raise InputError(f"can't slice item of type {type_name(container)}")
    if len(bounds) > (2 if isinstance(container, str) else 3):
        raise InputError(f"too many slice indexes: {len(bounds)}")
    items: Sequence[Any] = container.encode() if isinstance(container, str) else container
    limits = [0, len(items)]
    for at, bound in enumerate(bounds[:2]):
        if isinstance(bound, bool) or not isinstance(bound, int):
            raise InputError(f"cannot index slice/array with type {type_name(bound)}")
        if not 0 <= bound <= len(items):
            raise InputError(f"index out of range: {bound}")
        limits[at] = bound
    if limits[0] > limits[1]:
        raise InputError(f"invalid slice index: {limits[0]} > {limits[1]}")
    piece = items[limits[0] : limits[1]]
    return piece.decode("utf-8", "replace") if isinstance(piece, bytes) else piece


def length(value: Any) -> int:
    """``len value``: bytes of text, elements of slices and maps. Raises InputError for anything else."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, Sequence | Mapping):
        return len(value)
    raise InputError(f"len of {'nil pointer' if value is None or value is MISSING else 'type ' + type_name(value)}")
