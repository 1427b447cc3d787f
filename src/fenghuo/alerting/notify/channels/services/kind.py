"""What these kinds have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from pydantic import model_validator

from fenghuo.alerting.notify.channels.settings import HttpChannelSettings
from fenghuo.base.document import RefusedError, Settings
from fenghuo.model.http_settings import at_most_one

Template = str | None
"""A template; None takes the platform's default."""


class ServiceSettings(HttpChannelSettings):
    """The base of the settings of these kinds, each of which says what its fields must hold together."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Fields of which at most one may be set."""
    needed: ClassVar[tuple[tuple[tuple[str, ...], str], ...]] = ()
    """(fields of which one must be set, the complaint)."""
    from_global: ClassVar[tuple[tuple[tuple[str, ...], str], ...]] = ()
    """(own fields, of which one must be set unless a global one is; the complaint). Checked with the whole file."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for names in self.alternatives:
            at_most_one(self, *names)
        for names, complaint in self.needed:
            one_of(self, names, complaint)
        return self


def one_of(settings: Settings, names: Iterable[str], complaint: str) -> None:
    """Refuse when none of the named fields is set."""
    if not any(getattr(settings, name) for name in names):
        raise RefusedError(complaint)


def global_name(kind: str, name: str) -> str:
    """What the field ``name`` of a kind falls back to in ``global``."""
    return "wechat_api_corp_id" if (kind, name) == ("wechat", "corp_id") else f"{kind}_{name}"
