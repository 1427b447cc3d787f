"""How a template fails: at its place, with the text that stands there."""

from __future__ import annotations

from fenghuo.base.errors import InputError

_SHOWN_MAX = 60
"""Characters of a template that a message quotes; longer ones are cut."""


class TemplateError(InputError):
    """A template that cannot be parsed or rendered. ``place`` is ``name:line:column``, both counted from 1."""


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Where ``position`` is in ``text``; line and column count from 1."""
    start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, position - start + 1


def place(name: str, text: str, position: int) -> str:
    """``name:line:column``; a template without a name is called ``template``."""
    line, column = line_and_column(text, position)
    return f"{name or 'template'}:{line}:{column}"


def shown(text: str) -> str:
    """``text`` on one line, cut to what a message can hold."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_MAX else f"{flat[: _SHOWN_MAX - 1]}…"
