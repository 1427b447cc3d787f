"""Takes messages in: parses, reads, turns reports into alerts of ours, and hands them on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qsl

import anyio.to_thread
import orjson
from prometheus_client import CollectorRegistry, Counter

from fenghuo.api.own.intake.fields import Field
from fenghuo.api.own.intake.registry import read
from fenghuo.api.own.intake.report import SEVERITY, SOURCE, Report
from fenghuo.api.own.intake.settings import FUNCTIONS, IntakeKind, IntakeSettings, IntakesSettings
from fenghuo.api.own.intake.standing import Standing
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.template import Template

ALERTS = limits.declare("intake_alerts", 10_000, limits.Policy.REJECT, "Alerts in one message of another program.")
FORM_FIELDS = limits.declare("intake_form_fields", 1_000, limits.Policy.REJECT, "Fields of a form sent to the intake.")
NO_VALUE = "<no value>"
FORM = "application/x-www-form-urlencoded"


class Reporting(Protocol):
    """Where alerts go."""

    async def report(self, alerts: Iterable[Alert]) -> None:
        """Enter alerts and return when they hold."""
        ...

    def firing(self) -> list[Alert]: ...


class UnknownIntakeError(InputError):
    """There is no intake of that name."""


@dataclass(slots=True)
class Taken:
    """What came of a message."""

    alerts: list[Alert] = field(default_factory=list)
    problems: list[InputError] = field(default_factory=list)


class Door:
    """Every intake, by name. One message after another, since one may end what the last one began."""

    def __init__(
        self, alerting: Reporting, settings: Callable[[], IntakesSettings], clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._alerting = alerting
        self._settings = settings
        self._clock = clock
        self._turn = asyncio.Lock()
        self._standing: Standing | None = None
        self._taken = Counter(
            "fenghuo_intake_alerts", "Alerts that other programs reported.", ["kind", "status"], registry=registry
        )
        self._refused = Counter(
            "fenghuo_intake_refused", "Messages and alerts in them that were refused.", ["kind", "reason"],
            registry=registry,
        )  # fmt: skip

    def intakes(self) -> list[tuple[str, IntakeKind]]:
        """Every intake by name, with its kind."""
        settings = self._settings()
        names = dict.fromkeys([*map(str, IntakeKind), *settings.intake])
        return [(name, found[0]) for name in names if (found := settings.named(name)) is not None]

    def refuse(self, name: str, reason: str, count: int = 1) -> None:
        """Count what was refused; a name that is not known makes no series of its own."""
        found = self._settings().named(name)
        self._refused.labels(found[0].value if found else "", reason).inc(count)

    async def take(self, name: str, body: bytes, content_type: str) -> tuple[int, list[InputError]]:
        """Take what a message reports; returns how many alerts were, and what is wrong with the others.

        Raises InputError for a message that is none, and UnknownIntakeError.
        """
        found = self._settings().named(name)
        if found is None:
            self.refuse(name, "unknown")
            known = ", ".join(each for each, _ in self.intakes())
            raise UnknownIntakeError(f"there is no intake {name!r}", remedy=f"name it in `intake`, or use {known}")
        async with self._turn:
            if self._standing is None:
                self._standing = Standing(self._begun())
            try:
                taken = await anyio.to_thread.run_sync(self._read, name, *found, body, content_type)
            except InputError:
                self.refuse(name, "bad_message")
                raise
            await self._alerting.report(taken.alerts)
        self._count(name, found[0], taken)
        return len(taken.alerts), taken.problems

    def _begun(self) -> Iterator[tuple[Labels, bool]]:
        """What intakes of today's settings began before this process did."""
        settings = self._settings()
        for alert in self._alerting.firing():
            if (source := alert.labels.get(SOURCE)) and (found := settings.named(source)) is not None:
                yield alert.labels, found[0].names_events

    def _count(self, name: str, kind: IntakeKind, taken: Taken) -> None:
        now_ms = self._clock.now_ms()
        over = sum(alert.resolved_at(now_ms) for alert in taken.alerts)
        for status, count in (("resolved", over), ("firing", len(taken.alerts) - over)):
            if count:
                self._taken.labels(kind.value, status).inc(count)
        if taken.problems:
            self.refuse(name, "bad_alert", len(taken.problems))

    def _read(self, name: str, kind: IntakeKind, settings: IntakeSettings, body: bytes, content_type: str) -> Taken:
        assert self._standing is not None
        message = {} if kind.tries_out and not body.strip() else parsed(body, content_type)
        found = read(kind, Field(message), settings, _render)
        if len(found.reports) > ALERTS.default:
            ALERTS.hit(len(found.reports))
            raise InputError(f"{len(found.reports)} alerts in one message", remedy=f"send at most {ALERTS.default}")
        taken, maker = Taken(problems=found.problems), _Maker(name, kind, settings, self._clock.now_ms())
        for report in found.reports:
            try:
                taken.alerts += maker.alerts(report, self._standing)
            except InputError as error:
                taken.problems.append(error)
        return taken


def parsed(body: bytes, content_type: str) -> Any:
    """A message's JSON, or the fields of its form. Raises InputError."""
    text = body.strip()
    # curl calls everything a form that it is not told to call otherwise.
    if content_type.startswith(FORM) and text[:1] not in (b"{", b"["):
        try:
            return dict(parse_qsl(text.decode(), max_num_fields=FORM_FIELDS.default))
        except ValueError as error:
            FORM_FIELDS.hit()
            raise InputError(f"the form cannot be read: {error}", remedy="send JSON") from error
    if not text:
        raise InputError("the message is empty", remedy="POST the alert as JSON")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the message is not JSON: {error}", remedy="POST the alert as JSON") from error


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes alerts of ours of what one message reports."""

    name: str
    kind: IntakeKind
    settings: IntakeSettings
    now_ms: int

    def alerts(self, report: Report, standing: Standing) -> Iterator[Alert]:
        labels, named = self._labels(report), self.kind.names_events
        annotations = Labels(report.annotations)
        link = report.link if report.link.startswith(("http://", "https://")) else ""
        starts_ms = min(report.starts_ms or 0, self.now_ms)
        if not report.firing:
            ends_ms = min(report.ends_ms or self.now_ms, self.now_ms)
            yield Alert(standing.is_over(labels, named=named), min(starts_ms, ends_ms), ends_ms, annotations, link)
            return
        if (before := standing.fires(labels, named=named)) is not None:
            yield Alert(before, 0, self.now_ms)
        ends_ms = self.now_ms + self.settings.expires_ms
        yield Alert(labels, starts_ms or self.now_ms, ends_ms, annotations, link)

    def _labels(self, report: Report) -> Labels:
        labels, settings = dict(report.labels), self.settings
        labels.update((name, _render(text, report.raw)) for name, text in settings.labels.items())
        if severity := labels.get(SEVERITY):
            labels[SEVERITY] = settings.severities.get(severity.lower(), severity)
        if SOURCE in labels:
            labels[f"exported_{SOURCE}"] = labels[SOURCE]
        return Labels({**labels, SOURCE: self.name})


@lru_cache(1_000)
def _template(text: str) -> Template:
    return Template.parse(text, FUNCTIONS)


def _render(text: str, data: Any) -> str:
    """What a template makes of a message; what the message does not have is empty. Raises InputError."""
    return _template(text).render(data).replace(NO_VALUE, "").strip() if "{{" in text else text
