"""``exec_configs``."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.settings import ChannelSettings
from fenghuo.base.document import DictOf, ListOf, RefusedError
from fenghuo.model.settings_types import DurationMs


class ExecSettings(ChannelSettings):
    """One program, which stands in ``global.exec_allowed``, and its arguments as they are."""

    kind: ClassVar[str] = "exec"

    command: ListOf[str] = Field(default=[])
    """The program's path and its arguments. Nothing in it is a template and no shell reads it: the notice comes on
    standard input, as the webhook's JSON."""
    env: DictOf[str] = Field(default={})
    """Environment besides PATH; nothing else is handed on."""
    timeout_ms: DurationMs = Field(default=30_000, alias="timeout")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.command:
            raise RefusedError("missing command in exec config", "write command: [/path/to/program, argument]")
        if not self.command[0].startswith("/"):
            raise RefusedError(f"{self.command[0]!r} is not an absolute path", "write the program's whole path")
        if any("{{" in part for part in self.command):
            raise RefusedError("a command holds no templates", "read what you need from standard input")
        if self.timeout_ms <= 0:
            raise RefusedError("timeout must be above 0")
        return self
