"""``fenghuo token``: tokens with which programs get in."""

from __future__ import annotations

import datetime as dt
import urllib.parse
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.moments import moment_ms, shown
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.model.duration import parse_duration_ms

token_app = typer.Typer(no_args_is_help=True, help="Tokens of programs: create, list, revoke.")

PATH = "/api/fenghuo/tokens"
NameArgument = Annotated[str, typer.Argument(help="Name of the token; time lines and the audit trail show it.")]


@token_app.command()
def create(
    name: NameArgument,
    role: Annotated[
        str, typer.Option(help="viewer, operator or admin. Default: the least that the scopes have a use for.")
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it is for: read, intake, push, silence; repeatable. Default: whatever its role may."),
    ] = None,
    expires: Annotated[str, typer.Option(help="A duration such as 90d. Default: when it is revoked.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a token and show it, once."""
    lifetime_s = parse_duration_ms(expires) // 1000 if expires else None
    wanted = {"name": name, "role": role, "scopes": scope or [], "lifetime_s": lifetime_s}
    made = find_server(server, data_dir).change("POST", PATH, wanted)
    if output is Output.JSON:
        print_json(made)
        return
    typer.echo(made["token"])
    typer.echo(f"{made['name']}: {_powers(made)}   (shown once / 仅显示一次)", err=True)


@token_app.command("list")
def list_(server: ServerOption = None, data_dir: DataDirOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show tokens: what each may do, until when, who made it, and when it was last used from where."""
    found = find_server(server, data_dir).get(PATH)
    if output is Output.JSON:
        print_json(found)
        return
    now_ms = moment_ms("")
    table = Table("name", "may", "until", "made by", "last used", box=None, pad_edge=False, header_style="dim")
    for each in found:
        over = each["expires_ms"] is not None and each["expires_ms"] <= now_ms
        until = "over" if over else _day(each["expires_ms"]) if each["expires_ms"] is not None else "revoked"
        used = f"{shown(each['used_ms'])} from {each['used_from']}" if each["used_ms"] is not None else "never"
        table.add_row(*map(escape, (each["name"], _powers(each), until, each["made_by"], used)))
    Console(highlight=False).print(table)


@token_app.command()
def revoke(name: NameArgument, server: ServerOption = None, data_dir: DataDirOption = None) -> None:
    """End a token now."""
    find_server(server, data_dir).change("DELETE", f"{PATH}/{urllib.parse.quote(name, safe='')}")


def _day(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d")


def _powers(token: dict[str, Any]) -> str:
    role = str(token["role"])
    return f"{role} for {', '.join(token['scopes'])}" if token["scopes"] else role
