"""The audit trail: who did what, when, from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the trail. ``via`` is how the actor showed who it is; ``detail`` is plain JSON without secrets."""

    at_ms: int
    actor: str
    via: str
    address: str
    action: str
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False
    """Nothing was done. Anybody can make any number of such entries: they have room of their own."""
    number: int = 0
    """Given when it is kept; counts up."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are looked for; what is empty or None does not matter.

    ``action`` also means every action below it: ``token`` finds ``token.create``.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    actor: str = ""
    action: str = ""
    before: int | None = None
    """Only entries with a smaller number: where a listing goes on."""
