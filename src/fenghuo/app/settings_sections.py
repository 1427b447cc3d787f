"""Which keys a configuration file may have, and the small documents that one file is cut into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel

from fenghuo.alerting.settings import AlertingSettings
from fenghuo.alerting.settings_global import GlobalSettings as AlertingGlobalSettings
from fenghuo.base.document import Document, Path, Problem, nearest
from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.settings import GlobalSettings


def keys_of(model: type[BaseModel]) -> frozenset[str]:
    """The YAML keys of a model."""
    return frozenset(info.alias or name for name, info in model.model_fields.items())


PROMETHEUS_KEYS: Final = frozenset(
    {
        "global", "runtime", "alerting", "rule_files", "scrape_config_files", "scrape_configs", "storage", "tracing",
        "remote_write", "remote_read", "otlp",
    }
)  # fmt: skip
ALERTMANAGER_KEYS: Final = keys_of(AlertingSettings)
OWN_KEYS: Final = frozenset(
    {
        "prometheus",
        "alertmanager",
        "storage",
        "server",
        "integrations",
        "packs",
        "language",
        "people",
        "priorities",
        "escalations",
        "heartbeats",
        "intake",
        "watchdog",
        "schedules",
        "trading",
        "query",
        "remote",
    }
)
ROUTING_KEYS: Final = ALERTMANAGER_KEYS - PROMETHEUS_KEYS
"""What makes a ``fenghuo.yml`` one that says who is told."""
GLOBAL_KEYS: Final = keys_of(GlobalSettings)
ALERTING_GLOBAL_KEYS: Final = keys_of(AlertingGlobalSettings)


def sections(document: Document, known: Iterable[str], problems: list[Problem]) -> dict[str, Any]:
    """The top level of ``document`` without keys that are not known; those become problems."""
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        problems.append(document.problem("a mapping of settings is expected", remedy="write key: value lines"))
        return {}
    kept, unknown = {}, []
    for key, value in document.value.items():
        if key in known:
            kept[key] = value
        else:
            unknown.append(key)
    problems.extend(unknown_key(document, (key,), known) for key in unknown)
    return kept


def unknown_key(document: Document, path: Path, known: Iterable[str]) -> Problem:
    """The complaint about a key that nobody knows, with the nearest that is."""
    key = str(path[-1])
    return document.problem(f"unknown key {key!r}", path, remedy=nearest(key, known))


def split_global(document: Document, problems: list[Problem]) -> tuple[dict[str, Any], dict[str, Any]]:
    """``global`` of a ``fenghuo.yml``: Prometheus' part and Alertmanager's, whose keys do not overlap."""
    given = document.value.get("global") if isinstance(document.value, dict) else None
    if given is None:
        return {}, {}
    if not isinstance(given, dict):
        problems.append(document.problem("a mapping is expected here", ("global",)))
        return {}, {}
    known = GLOBAL_KEYS | ALERTING_GLOBAL_KEYS
    problems.extend(unknown_key(document, ("global", key), known) for key in given if key not in known)
    return (
        {key: value for key, value in given.items() if key in GLOBAL_KEYS},
        {key: value for key, value in given.items() if key in ALERTING_GLOBAL_KEYS},
    )


def as_list(document: Document, value: Any, at: Path, problems: list[Problem]) -> Sequence[Any]:
    """``value`` as a list; a key without a value is the empty one, anything else a problem."""
    if value is None or isinstance(value, list):
        return value or ()
    problems.append(document.problem("a list is expected here", at, remedy="write - before each entry"))
    return ()


def problem_of(error: InputError, document_name: str) -> Problem:
    """A complaint about the whole file, with the line where the error knows it."""
    name, _, line = error.place.rpartition(":")
    if name == document_name and line.isdigit():
        return Problem(error.message, name, int(line), remedy=error.remedy)
    return Problem(error.message, document_name, remedy=error.remedy)


def with_value(document: Document, value: Any) -> Document:
    """The same file with another value; lines and paths stay true."""
    return replace(document, value=value)
