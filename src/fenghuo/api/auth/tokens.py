"""Tokens of programs: made once and shown once, kept as hashes, narrowed by role and scopes."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fenghuo.api.auth.identity import NO_ACCOUNTS, Identity, Proof, Role, Scope
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.account import ApiToken, User

log = logging.getLogger(__name__)

PREFIX = "fh_"
"""Tells a token from a password, and lets scanners for secrets find it."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")
USE_KEPT_MS = 60_000
"""How exact the time of the last use is: writing it each time would be a write for each request."""
TOKENS = limits.declare("api_tokens", 1_000, limits.Policy.REJECT, "Tokens of programs, those that are over included.")


class TokenStore(Protocol):
    """Where tokens are kept. Synchronous."""

    def create(self, token_hash: str, token: ApiToken) -> None: ...
    def find(self, token_hash: str, now_ms: int) -> ApiToken | None: ...
    def all(self) -> list[ApiToken]: ...
    def used(self, token_hash: str, at_ms: int, address: str) -> None: ...
    def revoke(self, name: str) -> None: ...


class Accounts(Protocol):
    """Where accounts are kept. Synchronous."""

    def user(self, name: str) -> User | None: ...


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What somebody wants a token for. ``role`` empty: the least that its scopes have a use for."""

    name: str
    role: str = ""
    scopes: Sequence[str] = ()
    lifetime_ms: int | None = None


def digest(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash gives nothing away."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


class Tokens:
    """Makes tokens and knows them again. Every method blocks; call them in worker threads."""

    def __init__(self, store: TokenStore, accounts: Accounts, clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock

    def make(self, wanted: TokenRequest, made_by: str) -> tuple[str, ApiToken]:
        """A new token and what is kept of it; ``made_by`` is an account. Raises InputError for what cannot be."""
        scopes = _scopes(wanted.scopes)
        role = _role(wanted.role, scopes)
        if not NAME.fullmatch(wanted.name):
            raise InputError(
                f"{wanted.name!r} is not a name for a token",
                remedy="letters, digits, _, ., @ and -, at most 100, as in grafana-prod",
            )
        if wanted.lifetime_ms is not None and wanted.lifetime_ms <= 0:
            raise InputError("a token that is over when it is made is of no use", remedy="as in 90d")
        if len(self._store.all()) >= TOKENS.default:
            TOKENS.hit()
            raise InputError(f"there are {TOKENS.default} tokens", remedy="revoke those that nobody uses")
        now_ms = self._clock.now_ms()
        expires_ms = None if wanted.lifetime_ms is None else now_ms + wanted.lifetime_ms
        secret = PREFIX + secrets.token_urlsafe(32)
        token = ApiToken(wanted.name, role.word, tuple(scopes), made_by, now_ms, expires_ms)
        self._store.create(digest(secret), token)
        return secret, token

    def all(self) -> list[ApiToken]:
        """Every token, by name."""
        return self._store.all()

    def revoke(self, name: str) -> None:
        """End a token now. Raises InputError when there is none of that name."""
        self._store.revoke(name)

    def identify(self, secret: str, address: str) -> Identity | None:
        """Who holds this token; None when it is unknown or over, or its account is gone. Remembers the use.

        It may do what its role may and its account still may.
        """
        token_hash, now_ms = digest(secret), self._clock.now_ms()
        token = self._store.find(token_hash, now_ms)
        role = self._role(token) if token is not None else None
        if token is None or role is None:
            return None
        if token.used_ms is None or now_ms - token.used_ms >= USE_KEPT_MS:
            self._remember(token_hash, token, now_ms, address)
        scopes = frozenset(map(Scope, token.scopes))
        return Identity(token.name, role, Proof.TOKEN, scopes=scopes, made_by=token.made_by)

    def _role(self, token: ApiToken) -> Role | None:
        account = self._accounts.user(token.made_by)
        if account is not None:
            return min(Role.named(token.role), Role.named(account.role))
        return Role.named(token.role) if token.made_by in NO_ACCOUNTS else None

    def _remember(self, token_hash: str, token: ApiToken, now_ms: int, address: str) -> None:
        """A database that refuses to be written must not keep anybody out: alerts may come by this token."""
        try:
            self._store.used(token_hash, now_ms, address)
        except OperatingError as error:
            log.warning("the use of the token %s is not remembered: %s", token.name, error)


def _scopes(words: Sequence[str]) -> list[Scope]:
    known = [each.value for each in Scope]
    for word in words:
        if word not in known:
            raise InputError(f"there is no scope {word!r}", remedy=f"use {', '.join(known)}")
    return sorted({Scope(word) for word in words})


def _role(word: str, scopes: Sequence[Scope]) -> Role:
    least = max((scope.role for scope in scopes), default=Role.VIEWER)
    if not word:
        return least
    known = [each.word for each in Role]
    if word not in known:
        raise InputError(f"there is no role {word!r}", remedy=f"use {', '.join(known)}")
    if Role.named(word) < least:
        needing = next(scope for scope in scopes if scope.role == least)
        raise InputError(f"the scope {needing} needs the role {least.word}", remedy=f"use --role {least.word}")
    return Role.named(word)
