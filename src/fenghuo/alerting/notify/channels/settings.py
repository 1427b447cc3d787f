"""What the settings of every channel have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from fenghuo.base.document import RefusedError, Settings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import DurationMs


class ChannelSettings(Settings):
    """One entry of a receiver's ``<kind>_configs``."""

    kind: ClassVar[str] = ""
    """The word before ``_configs``."""

    send_resolved: bool = True
    """Whether this channel hears of alerts that are over."""


class BudgetSettings(Settings):
    """How many messages go out; what is beyond waits, and goes out as one digest."""

    per_minute: int = Field(default=20, ge=1, le=100_000)
    reserved: int = Field(default=2, ge=0)
    """Of these, so many are kept for alerts of severity p0, disaster, emergency or fatal."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.reserved >= self.per_minute:
            raise RefusedError(f"reserved {self.reserved} leaves nothing of per_minute {self.per_minute}")
        return self


class HttpChannelSettings(ChannelSettings):
    """A channel that speaks HTTP. ``http_config`` falls back to ``global.http_config``."""

    http_config: HttpClientSettings | None = None
    timeout_ms: DurationMs = Field(default=0, alias="timeout")
    """Bound of one request; 0 leaves it to the group's interval."""
    budget: BudgetSettings | None = None
    """Robots of DingTalk and WeCom have one without asking: 20 a minute, as the platforms have it."""

    @property
    def is_robot(self) -> bool:
        """Whether it is a robot from which the platform takes no more than that."""
        return False

    @property
    def budget_in_force(self) -> BudgetSettings | None:
        return BudgetSettings() if self.budget is None and self.is_robot else self.budget


def _no_empty_entry(value: Any) -> Any:
    if isinstance(value, list) and None in value:
        raise RefusedError(f"entry {value.index(None) + 1} is empty", "give its settings, or remove the dash")
    return value


NoEmptyEntry = BeforeValidator(_no_empty_entry)


def check_url(text: str, what: str) -> None:
    """Refuse what is not an absolute HTTP URL."""
    if text and not text.startswith(("http://", "https://")):
        raise RefusedError(f"unsupported scheme for {what}", "write a URL that begins with https:// or http://")
