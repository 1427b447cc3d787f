"""Checks passwords, sessions and tokens."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections import OrderedDict
from typing import Protocol

import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from fenghuo.api.auth.identity import COMMAND_LINE, Identity, Proof, Role
from fenghuo.api.auth.throttle import Throttle
from fenghuo.api.auth.tokens import PREFIX, Accounts, Tokens, digest
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.model.account import Session, User

SESSION_LIFETIME_MS = 7 * 86_400_000
NAME_CHARS_MAX = 255
"""Longer names are nobody's; what was tried is remembered, so it has to be short."""
BASIC_CACHE_MS = 300_000
"""A verified basic password is remembered this long, since one argon2 check costs tens of milliseconds."""

HASHES = limits.declare(
    "auth_hashes_at_once", 2, limits.Policy.WAIT, "Passwords checked at the same time; each check takes 64 MiB."
)
BASIC_CACHE = limits.declare(
    "auth_basic_cache_entries", 256, limits.Policy.DROP_OLDEST, "Verified basic-auth credentials remembered."
)


class SessionStore(Protocol):
    """Where sessions are kept."""

    def create(self, token_hash: str, session: Session) -> None: ...
    def find(self, token_hash: str, now_ms: int) -> Session | None: ...
    def delete(self, token_hash: str) -> None: ...


class SignInRefusedError(Exception):
    """Wrong name or password; which of the two is not said."""


class TooManyAttemptsError(Exception):
    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failed sign-ins; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


def hash_password(password: str) -> str:
    return PasswordHasher().hash(password)


def decoy(hasher: PasswordHasher) -> str:
    """A hash that no password has, and that costs as much to check as any other. Random bytes stand where the hash of
    something would: making a real one would be a tenth of the program's start."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


class Authenticator:
    """Turns proofs into identities. Safe to use from one event loop; hashing runs in worker threads."""

    def __init__(
        self, accounts: Accounts, sessions: SessionStore, tokens: Tokens, clock: Clock, command_line_token: str
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._tokens = tokens
        self._clock = clock
        self._command_line_digest = digest(command_line_token)
        self._hasher = PasswordHasher()
        self._decoy = decoy(self._hasher)
        self._throttle = Throttle(clock)
        self._token_throttle = Throttle(clock)
        self._basic_key = secrets.token_bytes(32)
        self._basic_cache: OrderedDict[bytes, tuple[int, User]] = OrderedDict()
        """By credentials: until when they are believed, and the account as it was when they were checked."""
        self._hashing = anyio.CapacityLimiter(HASHES.default)

    async def sign_in(self, name: str, password: str, client: str) -> tuple[str, Identity]:
        """Open a session; returns its token and who it is.

        Raises SignInRefusedError, or TooManyAttemptsError when this client or this account failed too often.
        """
        user = await self._verified(name, password, client)
        token = secrets.token_urlsafe(32)
        session = Session(user.name, secrets.token_urlsafe(24), self._clock.now_ms() + SESSION_LIFETIME_MS)
        await anyio.to_thread.run_sync(self._sessions.create, digest(token), session)
        return token, Identity(user.name, Role.named(user.role), Proof.SESSION, session.csrf_token)

    async def sign_out(self, token: str) -> None:
        await anyio.to_thread.run_sync(self._sessions.delete, digest(token))

    async def by_session(self, token: str) -> Identity | None:
        """Who holds this session cookie; None when it is unknown or over."""
        return await anyio.to_thread.run_sync(self._session_identity, digest(token))

    async def by_token(self, token: str, client: str) -> Identity | None:
        """Who holds this token. Raises TooManyAttemptsError for one that is none of ours after many such.

        One that is good is let in whoever else failed from there: guessing gains nothing, and a neighbour with an old
        token must not keep alerts out.
        """
        if hmac.compare_digest(digest(token), self._command_line_digest):
            return Identity(COMMAND_LINE, Role.ADMIN, Proof.COMMAND_LINE)
        found = await anyio.to_thread.run_sync(self._tokens.identify, token, client)
        if found is None:
            wait_s = self._token_throttle.wait_s(client)
            if wait_s:
                raise TooManyAttemptsError(wait_s)
            self._token_throttle.failed(client)
        return found

    async def by_basic(self, header_value: str, client: str) -> Identity | None:
        """Who the ``Authorization: Basic`` value belongs to. Raises TooManyAttemptsError."""
        try:
            name, colon, password = base64.b64decode(header_value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        if not colon:
            return None
        if password.startswith(PREFIX):  # What can send no header of its own sends its token as a password.
            return await self.by_token(password, client)
        key = hmac.digest(self._basic_key, header_value.encode(), "sha256")
        known = self._basic_cache.get(key)
        believed = known[1] if known and known[0] > self._clock.now_ms() else None
        # A new password, another role or the account's end count from that moment on.
        if believed and believed == await anyio.to_thread.run_sync(self._accounts.user, name):
            return Identity(believed.name, Role.named(believed.role), Proof.BASIC)
        try:
            user = await self._verified(name, password, client)
        except SignInRefusedError:
            return None
        self._basic_cache[key] = (self._clock.now_ms() + BASIC_CACHE_MS, user)
        while len(self._basic_cache) > BASIC_CACHE.default:
            self._basic_cache.popitem(last=False)
            BASIC_CACHE.hit()
        return Identity(user.name, Role.named(user.role), Proof.BASIC)

    def _session_identity(self, token_hash: str) -> Identity | None:
        session = self._sessions.find(token_hash, self._clock.now_ms())
        user = self._accounts.user(session.user) if session else None
        if session is None or user is None:
            return None
        return Identity(user.name, Role.named(user.role), Proof.SESSION, session.csrf_token)

    async def _verified(self, name: str, password: str, client: str) -> User:
        if len(name) > NAME_CHARS_MAX:
            raise SignInRefusedError
        if self._hashing.available_tokens <= 0:
            HASHES.hit()
        async with self._hashing:
            # Looked at after the wait: guesses that come all at once are counted one by one.
            wait_s = self._throttle.wait_s(client, name)
            if wait_s:
                raise TooManyAttemptsError(wait_s)
            user = await anyio.to_thread.run_sync(self._accounts.user, name)
            # An unknown name costs the same time as a wrong password, so that names cannot be probed.
            right = await anyio.to_thread.run_sync(self._matches, user.password_hash if user else self._decoy, password)
            if user is None or not right:
                self._throttle.failed(client, name)
                raise SignInRefusedError
            self._throttle.succeeded(client, name)
            return user

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerifyMismatchError:
            return False
        except InvalidHashError as error:
            raise OperatingError(
                "an account's password hash is damaged",
                retryable=False,
                remedy="set a new password with `fenghuo user passwd`",
            ) from error
