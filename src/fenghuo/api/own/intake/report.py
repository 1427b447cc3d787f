"""What the kinds make of messages: reports of alerts, before they are alerts of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fenghuo.api.own.intake.fields import Field
from fenghuo.base.errors import InputError

SEVERITY = "severity"
NAME = "alertname"
EVENT = "event_id"
"""The label that holds the sender's own name of the event, where it has one."""
SOURCE = "source"
"""The label that names the intake; a label of that name that an alert came with is ``exported_source``."""


@dataclass(frozen=True, slots=True)
class Report:
    """One alert as its sender tells of it. Times are None where the sender says nothing."""

    labels: Mapping[str, str]
    firing: bool
    starts_ms: int | None = None
    ends_ms: int | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    raw: Any = None
    """What it was made of; templates of the settings see that."""


@dataclass(slots=True)
class Reports:
    """Every report of a message, and what is wrong with those that are none."""

    reports: list[Report] = field(default_factory=list)
    problems: list[InputError] = field(default_factory=list)


def each_of(items: Iterable[Field], read: Callable[[Field], Report | None]) -> Reports:
    """Every item read on its own: what is wrong with one spoils no other. None is nothing worth a report."""
    found = Reports()
    for item in items:
        try:
            report = read(item)
        except InputError as error:
            found.problems.append(error)
        else:
            if report is not None:
                found.reports.append(report)
    return found


def filled(**texts: str) -> dict[str, str]:
    """The texts that say something, by name."""
    return {name: text for name, text in texts.items() if text}
