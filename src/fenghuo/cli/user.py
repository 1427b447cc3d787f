"""``fenghuo user``: accounts, straight in the state database. Works whether the server runs or not."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from fenghuo.api.auth.authenticator import hash_password
from fenghuo.api.auth.identity import Role
from fenghuo.api.auth.tokens import PREFIX
from fenghuo.app.accounts import generate_password
from fenghuo.base.clock import SystemClock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.cli.client import DataDirOption, default_data_dir
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.model.account import User
from fenghuo.model.audit import AuditEntry
from fenghuo.state import State, open_state

PASSWORD_CHARS_MIN = 10

user_app = typer.Typer(no_args_is_help=True, help="Accounts: list, add, passwd, role, delete.")

NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]
PasswordOption = Annotated[
    bool, typer.Option("--ask", help="Ask for the password instead of generating one (from standard input, twice).")
]


@user_app.command("list")
def list_users(data_dir: DataDirOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show every account and its role."""
    with _state(data_dir) as state:
        users = state.users.users()
    if output is Output.JSON:
        print_json([{"name": user.name, "role": user.role} for user in users])
        return
    for user in users:
        typer.echo(f"{user.name}\t{user.role}")


@user_app.command()
def add(
    name: NameArgument,
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")] = "viewer",
    ask: PasswordOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Add an account; its password is generated and shown once, or asked for."""
    with _state(data_dir) as state:
        password, shown = _new_password(ask)
        state.users.create(User(name, _role(role), hash_password(password)))
        _told(state, "account.add", name, role=role)
    _tell(name, password, shown)


@user_app.command()
def passwd(name: NameArgument, ask: PasswordOption = False, data_dir: DataDirOption = None) -> None:
    """Set a new password and end the account's sessions."""
    with _state(data_dir) as state:
        password, shown = _new_password(ask)
        state.users.set_password(name, hash_password(password))
        _told(state, "account.passwd", name)
    _tell(name, password, shown)


@user_app.command()
def role(
    name: NameArgument,
    new_role: Annotated[str, typer.Argument(help="viewer, operator or admin.")],
    data_dir: DataDirOption = None,
) -> None:
    """Change what an account may do."""
    with _state(data_dir) as state:
        state.users.set_role(name, _role(new_role))
        _told(state, "account.role", name, role=new_role)


@user_app.command()
def delete(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Remove an account with its sessions."""
    with _state(data_dir) as state:
        state.users.delete(name)
        _told(state, "account.delete", name)


@contextlib.contextmanager
def _state(data_dir: Path | None) -> Iterator[State]:
    path = (data_dir or default_data_dir()) / "state.db"
    if not path.is_file():
        raise OperatingError(
            f"{path} does not exist", retryable=False, remedy="start the server once, or name its --data-dir"
        )
    with open_state(f"sqlite:///{path}") as state:
        yield state


def _told(state: State, action: str, subject: str, **detail: str) -> None:
    """Write into the audit trail what was done, by the user of this machine."""
    now_ms = SystemClock().now_ms()
    state.audit.add([AuditEntry(now_ms, getpass.getuser(), "shell", "", action, subject, detail)])


def _role(name: str) -> str:
    known = [each.word for each in Role]
    if name not in known:
        raise InputError(f"there is no role {name!r}", remedy=f"use {', '.join(known)}")
    return name


def _new_password(ask: bool) -> tuple[str, bool]:
    """The password, and whether it is ours to show."""
    if not ask:
        return generate_password(), True
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(password) < PASSWORD_CHARS_MIN:
        raise InputError(f"a password needs at least {PASSWORD_CHARS_MIN} characters")
    if password.startswith(PREFIX):
        raise InputError(f"what begins with {PREFIX} is a token, not a password", remedy="choose another beginning")
    return password, False


def _tell(name: str, password: str, shown: bool) -> None:
    if shown:
        typer.echo(f"{name}: {password}   (shown once / 仅显示一次)")
