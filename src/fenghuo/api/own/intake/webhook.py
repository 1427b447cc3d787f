"""Plain JSON of whoever can POST it: flat fields by names in common use, or by templates from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fenghuo.api.own.intake.fields import Field, FieldError
from fenghuo.api.own.intake.report import EVENT, NAME, SEVERITY, Report, Reports, each_of, filled
from fenghuo.api.own.intake.settings import IntakeSettings
from fenghuo.api.own.intake.words import FIRING, RESOLVED

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("title", "alertname", "name", "alert"),
    "status": ("status", "state"),
    "severity": ("severity", "level", "priority"),
    "description": ("description", "message", "text"),
    "instance": ("instance", "host", "hostname"),
    "starts_at": ("starts_at", "startsAt", "time", "timestamp"),
    "ends_at": ("ends_at", "endsAt"),
    "link": ("link", "url", "generatorURL"),
    "id": ("id", EVENT),
}
"""Under which names a flat message may say what."""
Render = Callable[[str, Any], str]
"""A template and its data, to text. Raises InputError."""


def read(message: Field, settings: IntakeSettings, render: Render) -> Reports:
    """Raises FieldError when the list is not where the settings say."""
    items = list(_items(message, settings.alerts))
    if settings.title:
        return each_of(items, lambda item: _templated(item, message, settings, render))
    return each_of(items, lambda item: _flat(item, settings))


def _items(message: Field, path: str) -> list[Field]:
    if path:
        for step in path.split("."):
            message = message[step]
        if message.value is None:
            raise FieldError(path, "is missing", "`alerts` of this intake names it as the list of alerts")
        return list(message.items())
    if isinstance(message.value, list):
        return list(message.items())
    inner = message["alerts"]
    return list(inner.items()) if isinstance(inner.value, list) else [message]


def _flat(item: Field, settings: IntakeSettings) -> Report:
    found = {what: item.first(*names) for what, names in NAMES.items()}
    labels = item["labels"].texts()
    title = found["title"].text() or labels.get(NAME, "")
    if not title:
        raise FieldError(found["title"].place, "is missing", 'say what is wrong: {"title": "Disk full"}')
    firing = _fires(found["status"], settings)
    return Report(
        labels={
            **filled(
                instance=found["instance"].text(), **{SEVERITY: found["severity"].text(), EVENT: found["id"].text()}
            ),
            **labels,
            NAME: title,
        },
        firing=firing,
        starts_ms=found["starts_at"].time_ms(),
        ends_ms=None if firing else found["ends_at"].time_ms(),
        annotations={**filled(description=found["description"].text()), **item["annotations"].texts()},
        link=found["link"].text(),
        raw=item.value,
    )


def _templated(item: Field, message: Field, settings: IntakeSettings, render: Render) -> Report:
    data = {**item.object(), "_message": message.value}

    def said(what: str, template: str) -> Field:
        return Field(render(template, data), what)

    title = said("title", settings.title).text()
    if not title:
        raise FieldError("title", "came out empty", f"of the template {settings.title!r}, see what the message holds")
    firing = _fires(said("status", settings.status), settings)
    return Report(
        labels={
            **filled(**{SEVERITY: said("severity", settings.severity).text(), EVENT: said("id", settings.id).text()}),
            NAME: title,
        },
        firing=firing,
        starts_ms=said("starts_at", settings.starts_at).time_ms(),
        ends_ms=None if firing else said("ends_at", settings.ends_at).time_ms(),
        annotations={name: said(name, template).text() for name, template in settings.annotations.items()},
        link=said("link", settings.link).text(),
        raw=data,
    )


def _fires(status: Field, settings: IntakeSettings) -> bool:
    """A status that is not there is one of something that fires."""
    word = status.text().lower()
    if settings.resolved:
        return word not in {each.lower() for each in settings.resolved}
    if not word or word in FIRING:
        return True
    if word in RESOLVED:
        return False
    raise FieldError(
        status.place, f"{word[:40]!r} is not known", "send firing or resolved, or list your words in `resolved`"
    )
