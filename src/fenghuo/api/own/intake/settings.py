"""The section ``intake``: other programs' alerts, by the name that stands in their address."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from fenghuo.base.document import DictOf, ListOf, Path, RefusedError, RefusedManyError, Settings
from fenghuo.base.errors import InputError
from fenghuo.model.settings_types import DurationMs, LegacyLabelName, Text
from fenghuo.template import Template
from fenghuo.template.functions import DATA_FUNCTIONS, TEXT_FUNCTIONS

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
FUNCTIONS: Final = {**TEXT_FUNCTIONS, **DATA_FUNCTIONS}
EXPIRES_MS: Final = 24 * 3_600_000
EXPIRES_MS_MIN: Final = 60_000
RESERVED_LABELS: Final = frozenset({"alertname", "source"})


class IntakeKind(StrEnum):
    """In whose form messages come."""

    WEBHOOK = "webhook"
    GRAFANA = "grafana"
    ZABBIX = "zabbix"
    ALERTMANAGER = "alertmanager"
    ALIYUN = "aliyun"
    TENCENT = "tencent"

    @property
    def tries_out(self) -> bool:
        """Whether the sender may try the address out with an empty message."""
        return self is IntakeKind.TENCENT

    @property
    def names_events(self) -> bool:
        """Whether the label ``event_id`` is the sender's name of the event, and not just some label of an alert."""
        return self in (IntakeKind.WEBHOOK, IntakeKind.ZABBIX)


def _nothing(value: Any) -> Any:
    return {} if value is None else value


Templates = Annotated[dict[LegacyLabelName, Text], BeforeValidator(_nothing)]


class IntakeSettings(Settings):
    """One intake. ``title`` to ``annotations`` are for plain webhooks whose fields have other names than usual; each
    is a template over the message, as in ``{{ .host.name }}``."""

    kind: IntakeKind | None = None
    """In whose form messages come: webhook, grafana, zabbix, alertmanager, aliyun or tencent. Default: what the intake
    is called, when that is one of them, else webhook."""
    labels: Templates = Field(default={})
    """Labels that every alert gets besides its own: plain text, or templates over the alert as it was sent."""
    severities: DictOf[str] = Field(default={})
    """What this sender's severities are called here, by the sender's word in small letters."""
    expires_ms: DurationMs = Field(default=EXPIRES_MS, alias="expires")
    """How long an alert fires that is not reported again and not said to be over."""
    alerts: Text = ""
    """Where in the message the list of alerts is, as in ``data.items``. Default: the message is one alert, a list of
    them, or has a list ``alerts``."""
    title: Text = ""
    """What is wrong: the label ``alertname``."""
    status: Text = ""
    severity: Text = ""
    id: Text = ""
    """The sender's name of the event, which finds what fires when it is over: the label ``event_id``."""
    starts_at: Text = ""
    ends_at: Text = ""
    link: Text = ""
    annotations: Templates = Field(default={})
    resolved: ListOf[str] = Field(default=[])
    """Values of the status that mean that it is over; every other one fires. Default: the words in common use."""

    def templates(self) -> dict[Path, str]:
        """Every template, by where it stands."""
        found: dict[Path, str] = {(name,): getattr(self, name) for name in TEMPLATE_FIELDS}
        found.update((("labels", name), text) for name, text in self.labels.items())
        found.update((("annotations", name), text) for name, text in self.annotations.items())
        return found

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.expires_ms < EXPIRES_MS_MIN:
            raise RefusedError("an alert that is over within a minute tells nobody", "24h does for most")
        if not self.title and (used := [name for name in (*TEMPLATE_FIELDS, "annotations") if getattr(self, name)]):
            raise RefusedError(f"{used[0]} is of no use without title", "write title: '{{ .name }}'")
        if self.kind not in (None, IntakeKind.WEBHOOK) and (self.title or self.alerts or self.resolved):
            raise RefusedError(f"title, alerts and resolved are for webhooks, not for {self.kind}", "use labels")
        if taken := sorted(RESERVED_LABELS & self.labels.keys()):
            raise RefusedError(f"the label {taken[0]!r} is set by the intake itself", "choose another name")
        refusals = [(path, error) for path, text in self.templates().items() if (error := _fault(text)) is not None]
        if refusals:
            raise RefusedManyError(refusals)
        return self


TEMPLATE_FIELDS: Final = ("title", "status", "severity", "id", "starts_at", "ends_at", "link")


def _fault(text: str) -> RefusedError | None:
    try:
        Template.parse(text, FUNCTIONS)
    except InputError as error:
        return RefusedError(f"is not a template: {error.message}", error.remedy)
    return None


class IntakesSettings(Settings):
    """The section ``intake``."""

    intake: DictOf[Annotated[IntakeSettings, BeforeValidator(_nothing)]] = Field(default={})

    @model_validator(mode="after")
    def _names(self) -> Self:
        kinds = {each.value for each in IntakeKind}
        refusals: list[tuple[Path, RefusedError]] = []
        for name, settings in self.intake.items():
            path = ("intake", name)
            if not NAME.fullmatch(name):
                refusals.append((path, RefusedError(f"{name!r} is not a name", "letters, digits, _, . and -")))
            elif name in kinds and settings.kind not in (None, name):
                refusals.append((path, RefusedError(f"{name} takes messages of {name}", "choose another name")))
        if refusals:
            raise RefusedManyError(refusals)
        return self

    def named(self, name: str) -> tuple[IntakeKind, IntakeSettings] | None:
        """The intake of that name: of the settings, or one that is there without them."""
        settings = self.intake.get(name)
        if name in {each.value for each in IntakeKind}:
            return IntakeKind(name), settings or IntakeSettings()
        return None if settings is None else (settings.kind or IntakeKind.WEBHOOK, settings)
