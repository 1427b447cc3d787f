"""Regular expressions as Prometheus means them: RE2 syntax, linear time, matched against the whole text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from fenghuo.base.errors import InputError


@lru_cache(maxsize=4096)
def compile_anchored(pattern: str) -> Any:
    """``pattern`` as ``^(?s:pattern)$``, the way Prometheus anchors it. Use ``.fullmatch`` or ``.match``.

    Raises InputError when RE2 does not accept the pattern.
    """
    return _compile(f"^(?s:{pattern})$", pattern)


@lru_cache(maxsize=4096)
def compile_free(pattern: str) -> Any:
    """``pattern`` as written, for search and replace. Raises InputError when RE2 does not accept it."""
    return _compile(pattern, pattern)


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
