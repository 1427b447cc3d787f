"""What discovery finds: groups of targets that share labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from fenghuo.base.document import Document, load_yaml, validate
from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.discovery.settings import GroupSettings
from fenghuo.model.labels import EMPTY, Labels

ADDRESS = "__address__"


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Targets that were found together. ``source`` says where, as in ``/etc/targets/web.yml:0``."""

    source: str
    targets: tuple[Labels, ...]
    """The labels of each target, ``__address__`` among them."""
    labels: Labels = field(default=EMPTY)
    """What all of them have, unless a target says otherwise."""


def group_of(settings: GroupSettings, source: str, extra: Mapping[str, str]) -> TargetGroup:
    """The group as written, with ``extra`` labels put over its own."""
    targets = tuple(Labels({ADDRESS: address}) for address in settings.targets)
    return TargetGroup(source, targets, Labels({**settings.labels, **extra}))


def parse_groups(
    body: bytes, name: str, extra: Mapping[str, str], *, as_json: bool | None = None
) -> tuple[TargetGroup, ...]:
    """The groups in a target file or an answer of HTTP discovery, ``<name>:0`` first.

    JSON when ``as_json``, or when that is None and ``name`` ends so; else YAML. Raises InputError naming every
    mistake; there is no half of a target file.
    """
    if as_json is None:
        as_json = PurePath(name).suffix.lower() == ".json"
    document = _load_json(body, name) if as_json else load_yaml(body, name)
    written = document.value
    if written is None:
        return ()
    if not isinstance(written, list):
        raise InputError("a list of target groups is expected", place=name, remedy="write - targets: [host:port]")
    read = [validate(GroupSettings, document, item, (index,)) for index, item in enumerate(written)]
    problems = [problem for _, found in read for problem in found]
    if problems:
        raise InputError("; ".join(str(problem) for problem in problems))
    return _numbered([group for group, _ in read if group is not None], name, extra)


def _numbered(groups: Sequence[GroupSettings], name: str, extra: Mapping[str, str]) -> tuple[TargetGroup, ...]:
    return tuple(group_of(group, f"{name}:{index}", extra) for index, group in enumerate(groups))


def _load_json(body: bytes, name: str) -> Document:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", place=name) from error
    return Document(name, value)
