"""What these kinds have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from fenghuo.alerting.notify.channels.settings import HttpChannelSettings
from fenghuo.base.document import RefusedError, Settings

Template = str | None
"""A template; None takes the platform's default."""


class ServiceSettings(HttpChannelSettings):
    """The base of the settings of these kinds."""

    from_global: ClassVar[tuple[tuple[tuple[str, ...], str], ...]] = ()
    """(own fields, of which one must be set unless a global one is; the complaint). Checked with the whole file."""


def one_of(settings: Settings, names: Iterable[str], complaint: str) -> None:
    """Refuse when none of the named fields is set."""
    if not any(getattr(settings, name) for name in names):
        raise RefusedError(complaint)


def global_name(kind: str, name: str) -> str:
    """What the field ``name`` of a kind falls back to in ``global``."""
    return "wechat_api_corp_id" if (kind, name) == ("wechat", "corp_id") else f"{kind}_{name}"
