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
    """A token for programs. Only its hash is kept, and not in here."""

    name: str
    user: str
    created_at_ms: int
    expires_at_ms: int | None
