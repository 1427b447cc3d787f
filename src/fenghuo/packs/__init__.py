"""Packs: what is known of a product, as data. Rules today; dashboards, checks and parsers as they come.

A pack is a folder here with a ``pack.yml`` that says in Chinese and English what it is for and names its files.
Out: the names of the packs, and a pack's title and files as paths in the installed package. There is no code in a
pack, and a pack knows nothing of the program: its rule files are Prometheus rule files that any Prometheus loads.

Deliberately absent: packs from outside. Those are files that a configuration names, like any other rule file.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import Field

from fenghuo.base.document import Settings, load_yaml, validate
from fenghuo.base.errors import BugError, InputError

__all__ = ["Pack", "PackText", "load_pack", "pack_names"]

# The program is installed as files, never run from a zip, so a resource is a path.
_HERE = Path(str(files(__name__)))


class PackText(Settings):
    """Something said in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class _PackFile(Settings):
    title: PackText
    description: PackText
    rules: list[str]


class Pack(Settings):
    """One pack. Its files exist."""

    name: str
    title: PackText
    description: PackText
    rule_files: tuple[Path, ...]


@cache
def pack_names() -> tuple[str, ...]:
    """The packs that come with the program, sorted."""
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/pack.yml")))


@cache
def load_pack(name: str) -> Pack:
    """The pack ``name``. Raises InputError when there is none of that name."""
    if name not in pack_names():
        raise InputError(f"unknown pack {name!r}", remedy=f"known: {', '.join(pack_names())}")
    folder = _HERE / name
    document = load_yaml((folder / "pack.yml").read_bytes(), str(folder / "pack.yml"))
    said, problems = validate(_PackFile, document)
    if said is None:
        raise BugError("; ".join(map(str, problems)))
    return Pack(
        name=name,
        title=said.title,
        description=said.description,
        rule_files=tuple(folder / file for file in said.rules),
    )
