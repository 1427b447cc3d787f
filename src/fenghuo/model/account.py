"""Accounts and their sessions, as they are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """An account. ``password_hash`` is argon2's encoded form; ``role`` is viewer, operator or admin."""

    name: str
    role: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. Only the hash of its token is kept, and not in here."""

    user: str
    csrf_token: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token for programs. Only its hash is kept, and not in here.

    ``role`` is viewer, operator or admin; ``scopes`` narrow it, and none leave it whole. ``used_ms`` and
    ``used_from`` are of the last use, as exact as a minute.
    """

    name: str
    role: str
    scopes: tuple[str, ...]
    made_by: str
    made_ms: int
    expires_ms: int | None = None
    used_ms: int | None = None
    used_from: str = ""
