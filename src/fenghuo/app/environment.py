"""``${NAME}`` in settings: the value of an environment variable.

Only ``${NAME}`` with a name of letters, digits and underscores is replaced; ``$NAME``, ``$1`` and ``${1}`` are
ordinary text, and ``$${NAME}`` is the text ``${NAME}``. Relabelling rules and ``external_labels`` are left alone:
the first have a use of their own for ``$``, the second follow Prometheus' rule (:func:`expand_external_labels`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fenghuo.base.document import Document, Path, Plain, Problem

_REFERENCE: Final = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_GO_REFERENCE: Final = re.compile(r"\$(?:\{([^{}]*)\}|([A-Za-z0-9_]+|[*#$@!?-]))")


def _is_left_alone(key: str) -> bool:
    return key.endswith("relabel_configs") or key == "external_labels"


def expand(document: Document, env: Mapping[str, str]) -> tuple[Document, list[Problem]]:
    """The document with its references replaced, and a problem for every variable that is not set."""
    walk = _Expansion(document, env)
    return replace(document, value=walk.value(document.value, ())), walk.problems


class _Expansion:
    def __init__(self, document: Document, env: Mapping[str, str]) -> None:
        self._document = document
        self._env = env
        self.problems: list[Problem] = []

    def value(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: item if _is_left_alone(key) else self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) and "${" in value else value

    def _text(self, text: str, path: Path) -> str:
        def replaced(match: re.Match[str]) -> str:
            escape, name = match.groups()
            if escape:
                return match.group()[1:]
            if name not in self._env:
                self.problems.append(
                    self._document.problem(
                        f"environment variable {name} is not set",
                        path,
                        remedy=f"set {name}, or write $${{{name}}} for the text itself",
                    )
                )
            return self._env.get(name, "")

        expanded = _REFERENCE.sub(replaced, text)
        return Plain(expanded) if isinstance(text, Plain) else expanded


def expand_external_labels(labels: Mapping[str, str], env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """External labels with ``$NAME`` and ``${NAME}`` replaced as Prometheus does: ``$$`` is ``$``, and a variable
    that is not set is the empty text. Returns the labels and the names of those variables."""
    unset: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        name = match.group(1) if match.group(1) is not None else match.group(2)
        if name == "$":
            return "$"
        if not env.get(name):
            unset.append(name)
        return env.get(name, "")

    return {name: _GO_REFERENCE.sub(replaced, value) for name, value in labels.items()}, unset
