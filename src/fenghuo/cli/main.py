"""``fenghuo``: finds the command and turns errors into messages and exit codes.

Command modules are loaded when they are asked for: a query from a script should not wait for a server's imports.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from fenghuo import __version__
from fenghuo.base.errors import FenghuoError
from fenghuo.base.garbage import loading
from fenghuo.base.late import Later
from fenghuo.cli.output import complain

COMMANDS = {
    "up": Later("fenghuo.cli.up", "up_app"),
    "demo": Later("fenghuo.cli.demo", "demo_app"),
    "check": Later("fenghuo.cli.check", "check_app"),
    "test": Later("fenghuo.cli.test", "test_app"),
    "query": Later("fenghuo.cli.query", "query_app"),
    "export": Later("fenghuo.cli.export", "export_app"),
    "import": Later("fenghuo.cli.import_", "import_app"),
    "alerts": Later("fenghuo.cli.alerts", "alerts_app"),
    "silence": Later("fenghuo.cli.silence", "silence_app"),
    "incident": Later("fenghuo.cli.incident", "incident_app"),
    "notify": Later("fenghuo.cli.notify", "notify_app"),
    "oncall": Later("fenghuo.cli.oncall", "oncall_app"),
    "heartbeat": Later("fenghuo.cli.heartbeat", "heartbeat_app"),
    "trading": Later("fenghuo.cli.trading", "trading_app"),
    "user": Later("fenghuo.cli.user", "user_app"),
    "token": Later("fenghuo.cli.token", "token_app"),
    "audit": Later("fenghuo.cli.audit", "audit_app"),
    "inspect": Later("fenghuo.cli.inspect", "inspect_app"),
}


class LazyGroup(TyperGroup):
    """Loads a command's module when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        with loading():
            command = get_command(entry.get())
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    name="fenghuo",
    help="Fenghuo (烽火): monitoring and operations for Python service platforms, in one program.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fenghuo {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """What every command has in common."""


def main() -> None:
    """The entry point. Errors that were foreseen end in one clear message and exit code 2."""
    try:
        app()
    except FenghuoError as error:
        complain(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
