"""``webhook_configs``."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.settings import HttpChannelSettings, check_url
from fenghuo.base.document import RefusedError
from fenghuo.model.http_settings import at_most_one
from fenghuo.model.settings_types import FileName, Secret, Text


class WebhookSettings(HttpChannelSettings):
    """One webhook; the URL is a secret because it often carries a token."""

    kind: ClassVar[str] = "webhook"

    url: Secret = Secret("")
    url_file: FileName = ""
    max_alerts: int = Field(default=0, ge=0)
    """Alerts in one message at most, 0 for all; the rest is counted in ``truncatedAlerts``."""
    body: str = ""
    """A template that makes the whole body; empty for Alertmanager's JSON."""
    content_type: Text = "application/json"
    """Of a body that is made by a template. When it is JSON and the template gives something else, or fails, what
    goes out is Alertmanager's JSON with the fault in ``fault``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "url", "url_file")
        if not self.url and not self.url_file:
            raise RefusedError("one of url or url_file must be configured")
        if "{{" not in self.url.reveal():
            check_url(self.url.reveal(), "webhook url")
        return self
