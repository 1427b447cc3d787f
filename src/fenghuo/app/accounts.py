"""The first account, and the token with which commands on this machine get in."""

from __future__ import annotations

import json
import logging
import secrets
from pathlib import Path
from typing import Protocol

from fenghuo.api.auth.authenticator import hash_password
from fenghuo.app.banner import FirstSignIn
from fenghuo.app.options import SERVER_FILE
from fenghuo.base.files import write_atomic
from fenghuo.model.account import User

log = logging.getLogger(__name__)

ADMIN = "admin"
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without characters that are taken for one another on a screen."""


class Users(Protocol):
    def count(self) -> int: ...
    def create(self, user: User) -> None: ...


def generate_password() -> str:
    """Sixteen characters, 92 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def ensure_account(users: Users) -> FirstSignIn | None:
    """Make the administrator's account when there is none at all; its password is told to the caller only."""
    if users.count():
        return None
    password = generate_password()
    users.create(User(ADMIN, "admin", hash_password(password)))
    return FirstSignIn(ADMIN, password)


def write_server_file(data_dir: Path, url: str, token: str) -> None:
    """Tell commands of the same user where the server is and how to get in.

    A disk that is full must not keep the server from starting: it is what people must be told of.
    """
    path = data_dir / SERVER_FILE
    try:
        write_atomic(path, json.dumps({"url": url, "token": token}).encode(), mode=0o600)
    except OSError as error:
        log.error("%s could not be written, commands will not find this server: %s", path, error.strerror)
