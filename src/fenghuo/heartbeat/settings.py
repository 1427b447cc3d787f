"""The sections ``heartbeats`` and ``watchdog``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fenghuo.base.document import DictOf, Path, RefusedError, RefusedManyError, Settings
from fenghuo.model.http_settings import HttpClientSettings, at_most_one
from fenghuo.model.settings_types import DurationMs, FileName, LegacyLabelName, Secret, Text, Zone

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
PERIOD_MS_MIN: Final = 10_000
INTERVAL_MS_MIN: Final = 1_000
RESERVED_LABELS: Final = frozenset({"alertname", "heartbeat", "source"})
_SOME_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)


def check_name(name: str) -> None:
    """Raises RefusedError for what cannot be the name of a heartbeat: it is part of an address."""
    if not NAME.fullmatch(name):
        raise RefusedError(f"{name!r} is not a name", "letters, digits, _, . and -, at most 100, as in backup-mysql")


def _cron(value: str) -> str:
    if not value:
        return value
    if len(value.split()) != 5:
        raise RefusedError(f"{value!r} has not five fields", "minute hour day month weekday, as in 0 2 * * *")
    try:
        next(CronSim(value, _SOME_DAY))
    except CronSimError as error:
        raise RefusedError(f"{value!r} is not a cron expression: {error}", "as in 0 2 * * *") from None
    except StopIteration:
        raise RefusedError(f"{value!r} never comes") from None
    return value


def _no_labels(value: Any) -> Any:
    return {} if value is None else value


class HeartbeatSettings(Settings):
    """Something that must be heard from: every ``period``, or at the times of ``cron``."""

    period_ms: DurationMs = Field(default=0, alias="period")
    """The longest time between two signs of life."""
    cron: Annotated[Text, AfterValidator(_cron)] = ""
    """When it is due, in five fields as in a crontab; instead of ``period``."""
    zone: Zone = "Asia/Shanghai"
    """The zone of ``cron``."""
    grace_ms: DurationMs = Field(default=300_000, alias="grace")
    """How long after it was due it is missing."""
    runtime_max_ms: DurationMs = Field(default=0, alias="runtime_max")
    """How long a run may take that said when it started; 0 for as long as it likes."""
    labels: Annotated[dict[LegacyLabelName, Text], BeforeValidator(_no_labels)] = Field(default={})
    """Labels of its alerts. Without ``severity`` that is ``critical``."""
    description: Text = ""
    """What it means that nothing is heard, for whoever is told."""

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        at_most_one(self, "period_ms", "cron")
        if not self.period_ms and not self.cron:
            raise RefusedError("neither period nor cron says when it is due", "as in period: 1h, or cron: 0 2 * * *")
        if self.period_ms and self.period_ms < PERIOD_MS_MIN:
            raise RefusedError("a period under 10 s is too short", "scrape what must be known that soon")
        return self

    @model_validator(mode="after")
    def _labels_of_its_own(self) -> Self:
        taken = sorted(RESERVED_LABELS & self.labels.keys())
        if taken:
            raise RefusedError(f"the label {taken[0]!r} is set by the heartbeat itself", "choose another name")
        return self


class WatchdogMethod(StrEnum):
    GET = "get"
    POST = "post"


class WatchdogSettings(Settings):
    """Who hears at an interval that this program works; the URL is a secret because it often carries a token."""

    url: Secret = Secret("")
    url_file: FileName = ""
    """A file with the URL, read anew each time."""
    method: WatchdogMethod = WatchdogMethod.GET
    interval_ms: DurationMs = Field(default=60_000, alias="interval")
    timeout_ms: DurationMs = Field(default=10_000, alias="timeout")
    http_config: HttpClientSettings = HttpClientSettings()

    @property
    def on(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.url or self.url_file)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        at_most_one(self, "url", "url_file", within="watchdog")
        if self.url and not self.url.reveal().startswith(("http://", "https://")):
            raise RefusedError("unsupported scheme for url", "write a URL that begins with https:// or http://")
        if self.interval_ms < INTERVAL_MS_MIN:
            raise RefusedError("an interval under 1 s is too short", "1m does for most")
        if self.timeout_ms <= 0:
            raise RefusedError("a timeout of 0 leaves no time", "10s does for most")
        return self


class HeartbeatsSettings(Settings):
    """The sections ``heartbeats`` and ``watchdog`` together."""

    heartbeats: DictOf[HeartbeatSettings] = Field(default={})
    watchdog: WatchdogSettings = WatchdogSettings()

    @model_validator(mode="after")
    def _names(self) -> Self:
        refusals: list[tuple[Path, RefusedError]] = []
        for name in self.heartbeats:
            try:
                check_name(name)
            except RefusedError as error:
                refusals.append((("heartbeats", name), error))
        if refusals:
            raise RefusedManyError(refusals)
        return self
