"""Accounts, the sessions of browsers, and the tokens of programs.

Passwords arrive hashed, tokens arrive hashed: nothing that opens a door is in here.
"""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from fenghuo.base.errors import InputError
from fenghuo.model.account import ApiToken, Session, User
from fenghuo.state.database import Database
from fenghuo.state.schema import api_tokens, sessions, users


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
        """Remove an account with its sessions and tokens. Raises InputError for an unknown name."""
        with self._database.write() as connection:
            found = connection.execute(delete(users).where(users.c.name == name))
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
    """Tokens of programs by their hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, token_hash: str, token: ApiToken) -> None:
        """Raises InputError when the token's account does not exist."""
        try:
            with self._database.write() as connection:
                connection.execute(
                    insert(api_tokens).values(
                        token_hash=token_hash,
                        name=token.name,
                        user_name=token.user,
                        created_at_ms=token.created_at_ms,
                        expires_at_ms=token.expires_at_ms,
                    )
                )
        except IntegrityError as error:
            raise InputError(f"a token for {token.user!r} cannot be made: no such account") from error

    def find(self, token_hash: str, now_ms: int) -> ApiToken | None:
        """The token, unless it is unknown or over."""
        with self._database.read() as connection:
            row = connection.execute(select(api_tokens).where(api_tokens.c.token_hash == token_hash)).one_or_none()
        if row is None or (row.expires_at_ms is not None and row.expires_at_ms <= now_ms):
            return None
        return ApiToken(row.name, row.user_name, row.created_at_ms, row.expires_at_ms)

    def delete(self, token_hash: str) -> None:
        with self._database.write() as connection:
            connection.execute(delete(api_tokens).where(api_tokens.c.token_hash == token_hash))
