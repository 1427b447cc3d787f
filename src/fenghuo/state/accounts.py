"""Accounts, the sessions of browsers, and the tokens of programs.

Passwords arrive hashed, tokens arrive hashed: nothing that opens a door is in here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from fenghuo.base.errors import InputError
from fenghuo.model.account import ApiToken, Session, User
from fenghuo.state.database import Database
from fenghuo.state.schema import sessions, tokens, users


class UserRepository:
    """Accounts by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def user(self, name: str) -> User | None:
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
        return None if row is None else User(row.name, row.role, row.password_hash)

    def users(self) -> list[User]:
        """Every account, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).all()
        return [User(row.name, row.role, row.password_hash) for row in rows]

    def count(self) -> int:
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(users)).scalar_one()

    def create(self, user: User) -> None:
        """Add an account. Raises InputError when the name is taken."""
        try:
            with self._database.write() as connection:
                connection.execute(
                    insert(users).values(name=user.name, role=user.role, password_hash=user.password_hash)
                )
        except IntegrityError as error:
            raise InputError(f"an account named {user.name!r} exists already", remedy="choose another name") from error

    def set_password(self, name: str, password_hash: str) -> None:
        """Replace a password and end the account's sessions. Raises InputError for an unknown name."""
        with self._database.write() as connection:
            found = connection.execute(update(users).where(users.c.name == name).values(password_hash=password_hash))
            connection.execute(delete(sessions).where(sessions.c.user_name == name))
        _require(found.rowcount, name)

    def set_role(self, name: str, role: str) -> None:
        """Change what the account may do. Raises InputError for an unknown name."""
        with self._database.write() as connection:
            found = connection.execute(update(users).where(users.c.name == name).values(role=role))
        _require(found.rowcount, name)

    def delete(self, name: str) -> None:
        """Remove an account with its sessions and the tokens that it made. Raises InputError for an unknown name."""
        with self._database.write() as connection:
            found = connection.execute(delete(users).where(users.c.name == name))
            connection.execute(delete(tokens).where(tokens.c.made_by == name))
        _require(found.rowcount, name)


def _require(found: int, name: str) -> None:
    if not found:
        raise InputError(f"there is no account named {name!r}")


class SessionRepository:
    """Sessions by the hash of their token."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, token_hash: str, session: Session) -> None:
        """Raises InputError when the session's account does not exist."""
        try:
            with self._database.write() as connection:
                connection.execute(
                    insert(sessions).values(
                        token_hash=token_hash,
                        user_name=session.user,
                        csrf_token=session.csrf_token,
                        expires_at_ms=session.expires_at_ms,
                    )
                )
        except IntegrityError as error:
            raise InputError(f"a session for {session.user!r} cannot be opened: no such account") from error

    def find(self, token_hash: str, now_ms: int) -> Session | None:
        """The session, unless it is unknown or over."""
        with self._database.read() as connection:
            row = connection.execute(
                select(sessions).where(sessions.c.token_hash == token_hash, sessions.c.expires_at_ms > now_ms)
            ).one_or_none()
        return None if row is None else Session(row.user_name, row.csrf_token, row.expires_at_ms)

    def delete(self, token_hash: str) -> None:
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    def purge_expired(self, now_ms: int) -> int:
        """Remove sessions that are over; returns how many."""
        with self._database.write() as connection:
            return connection.execute(delete(sessions).where(sessions.c.expires_at_ms <= now_ms)).rowcount


class TokenRepository:
    """Tokens of programs, by their hash and by their name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, token_hash: str, token: ApiToken) -> None:
        """Raises InputError when the name is taken."""
        row = {
            "token_hash": token_hash,
            "name": token.name,
            "role": token.role,
            "scopes": " ".join(token.scopes),
            "made_by": token.made_by,
            "made_ms": token.made_ms,
            "expires_ms": token.expires_ms,
            "used_ms": token.used_ms,
            "used_from": token.used_from,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(tokens).values(row))
        except IntegrityError as error:
            raise InputError(
                f"a token named {token.name!r} exists already", remedy="choose another name, or revoke that one"
            ) from error

    def find(self, token_hash: str, now_ms: int) -> ApiToken | None:
        """The token, unless it is unknown or over."""
        with self._database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.token_hash == token_hash)).one_or_none()
        if row is None or (row.expires_ms is not None and row.expires_ms <= now_ms):
            return None
        return _token(row)

    def all(self) -> list[ApiToken]:
        """Every token, those that are over included, by name."""
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.name)).all()]

    def used(self, token_hash: str, at_ms: int, address: str) -> None:
        """Remember a use."""
        with self._database.write() as connection:
            connection.execute(
                update(tokens).where(tokens.c.token_hash == token_hash).values(used_ms=at_ms, used_from=address)
            )

    def revoke(self, name: str) -> None:
        """Forget a token. Raises InputError for an unknown name."""
        with self._database.write() as connection:
            found = connection.execute(delete(tokens).where(tokens.c.name == name))
        if not found.rowcount:
            raise InputError(f"there is no token named {name!r}", remedy="`fenghuo token list` shows them")


def _token(row: Any) -> ApiToken:
    return ApiToken(
        name=row.name,
        role=row.role,
        scopes=tuple(row.scopes.split()),
        made_by=row.made_by,
        made_ms=row.made_ms,
        expires_ms=row.expires_ms,
        used_ms=row.used_ms,
        used_from=row.used_from,
    )
