"""Regular expressions as Prometheus means them: RE2 syntax, linear time, matched against the whole text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import re2

from fenghuo.base.errors import InputError

KEPT: Final = 4096
LONG_KEPT: Final = 32
LONG_CHARS: Final = 4096
"""Of patterns longer than this few are remembered: clients send them, and a compiled one may take megabytes."""


def compile_anchored(pattern: str) -> Any:
    """``pattern`` as ``^(?s:pattern)$``, the way Prometheus anchors it. Use ``.fullmatch`` or ``.match``.

    Raises InputError when RE2 does not accept the pattern.
    """
    return _kept(pattern, True) if len(pattern) <= LONG_CHARS else _long_kept(pattern, True)


def compile_free(pattern: str) -> Any:
    """``pattern`` as written, for search and replace. Raises InputError when RE2 does not accept it."""
    return _kept(pattern, False) if len(pattern) <= LONG_CHARS else _long_kept(pattern, False)


@lru_cache(maxsize=KEPT)
def _kept(pattern: str, anchored: bool) -> Any:
    return _compile(f"^(?s:{pattern})$" if anchored else pattern, pattern)


@lru_cache(maxsize=LONG_KEPT)
def _long_kept(pattern: str, anchored: bool) -> Any:
    return _compile(f"^(?s:{pattern})$" if anchored else pattern, pattern)


def _compile(source: str, shown: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a regular expression"
        if isinstance(reason, bytes):
            reason = reason.decode(errors="replace")
        raise InputError(f"bad regular expression {shown!r}: {reason}") from error


_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")


class Replacement:
    """A replacement text with ``$1``, ``${1}``, ``$name``, ``${name}`` and ``$$``, compiled for one pattern.

    As in Go, a name without braces is as long as it can be: ``$1x`` names the group ``1x``; a group that the
    pattern does not have is empty.
    """

    def __init__(self, text: str, pattern: Any) -> None:
        self._parts: list[str | int] = []
        end = 0
        for found in _VARIABLE.finditer(text):
            self._parts.append(text[end : found.start()])
            self._parts.append("$" if found[0] == "$$" else _group(found[1] or found[2], pattern))
            end = found.end()
        self._parts.append(text[end:])
        self._constant = "".join(map(str, self._parts)) if all(isinstance(p, str) for p in self._parts) else None

    def expand(self, match: Any) -> str:
        """The text for one match; groups that took no part are empty."""
        if self._constant is not None:
            return self._constant
        return "".join([part if isinstance(part, str) else match.group(part) or "" for part in self._parts])


def _group(name: str, pattern: Any) -> str | int:
    """The number of a group, or the empty text for one that the pattern does not have."""
    number = int(name) if name.isdigit() and name.isascii() else pattern.groupindex.get(name, -1)
    return number if 0 <= number <= pattern.groups else ""
