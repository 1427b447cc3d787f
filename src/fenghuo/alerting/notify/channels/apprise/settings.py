"""``apprise_configs``."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.settings import ChannelSettings
from fenghuo.base.document import ListOf, RefusedError
from fenghuo.model.settings_types import DurationMs, Secret


class AppriseSettings(ChannelSettings):
    """One plain message to each URL."""

    kind: ClassVar[str] = "apprise"

    urls: ListOf[Secret] = Field(default=[])
    """Apprise's URLs, such as ``ntfy://topic`` or ``bark://key@host``; each names a service and holds its secrets."""
    title: str = '{{ template "apprise.default.title" . }}'
    message: str = '{{ template "apprise.default.message" . }}'
    timeout_ms: DurationMs = Field(default=30_000, alias="timeout")
    """Bound of the whole notice."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.urls:
            raise RefusedError("missing urls in apprise config")
        for number, url in enumerate(self.urls, 1):
            if "://" not in url.reveal():
                raise RefusedError(f"URL {number} of apprise config has no scheme", "write it as ntfy://topic")
        if self.timeout_ms <= 0:
            raise RefusedError("timeout must be above 0")
        return self
