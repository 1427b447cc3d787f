"""What the settings of every channel have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BeforeValidator, Field

from fenghuo.base.document import RefusedError, Settings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import DurationMs


class ChannelSettings(Settings):
    """One entry of a receiver's ``<kind>_configs``."""

    kind: ClassVar[str] = ""
    """The word before ``_configs``."""

    send_resolved: bool = True
    """Whether this channel hears of alerts that are over."""


class HttpChannelSettings(ChannelSettings):
    """A channel that speaks HTTP. ``http_config`` falls back to ``global.http_config``."""

    http_config: HttpClientSettings | None = None
    timeout_ms: DurationMs = Field(default=0, alias="timeout")
    """Bound of one request; 0 leaves it to the group's interval."""


def _no_empty_entry(value: Any) -> Any:
    if isinstance(value, list) and None in value:
        raise RefusedError(f"entry {value.index(None) + 1} is empty", "give its settings, or remove the dash")
    return value


NoEmptyEntry = BeforeValidator(_no_empty_entry)


def check_url(text: str, what: str) -> None:
    """Refuse what is not an absolute HTTP URL."""
    if text and not text.startswith(("http://", "https://")):
        raise RefusedError(f"unsupported scheme for {what}", "write a URL that begins with https:// or http://")
