"""``fenghuo heartbeat``: what must be heard from, and how it is."""

from __future__ import annotations

import sys
import urllib.parse
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fenghuo.base.errors import InputError
from fenghuo.cli.client import DataDirOption, Server, ServerOption, find_server
from fenghuo.cli.moments import shown
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.model.duration import format_duration

heartbeat_app = typer.Typer(no_args_is_help=True, help="Heartbeats of jobs: list, add, remove, ping.")

PATH = "/api/fenghuo/heartbeats"
TEXT_BYTES_MAX = 4_096
NameArgument = Annotated[str, typer.Argument(help="Name of a heartbeat.")]


@heartbeat_app.command("list")
def list_(
    addresses: Annotated[bool, typer.Option("--addresses", help="Show where jobs report; keep it secret.")] = False,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show every heartbeat. Exit code 1 where one is missing, failed or late."""
    asked = find_server(server, data_dir)
    rows = asked.get(PATH)
    if output is Output.JSON:
        print_json(rows)
    elif addresses:
        for row in rows:
            typer.echo(f"{row['name']}\t{asked.url}{row['path']}")
    else:
        _print_table(rows)
    if any(row["troubles"] for row in rows):
        raise typer.Exit(1)


@heartbeat_app.command()
def add(
    name: NameArgument,
    period: Annotated[str, typer.Option(help="The longest time between two signs of life, as in 1h.")] = "",
    cron: Annotated[str, typer.Option(help="When it is due, as in '0 2 * * *'; instead of --period.")] = "",
    zone: Annotated[str, typer.Option(help="The zone of --cron. Default: Asia/Shanghai.")] = "",
    grace: Annotated[str, typer.Option(help="How long after it was due it is missing. Default: 5m.")] = "",
    runtime_max: Annotated[str, typer.Option(help="How long a run may take. Default: as long as it likes.")] = "",
    label: Annotated[list[str] | None, typer.Option(help="A label of its alerts, as in team=db; repeatable.")] = None,
    description: Annotated[str, typer.Option(help="What it means that nothing is heard.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Wait for a job, and print the address at which it reports; of one that was added before, change the settings."""
    asked = find_server(server, data_dir)
    wanted = {
        "name": name, "period": period, "cron": cron, "zone": zone, "grace": grace, "runtime_max": runtime_max,
        "labels": _labels(label or []), "description": description,
    }  # fmt: skip
    made = asked.change("POST", PATH, wanted)
    if output is Output.JSON:
        print_json(made)
    else:
        typer.echo(f"{asked.url}{made['path']}")


@heartbeat_app.command()
def remove(name: NameArgument, server: ServerOption = None, data_dir: DataDirOption = None) -> None:
    """Wait for a job no more."""
    find_server(server, data_dir).change("DELETE", f"{PATH}/{urllib.parse.quote(name, safe='')}")


@heartbeat_app.command()
def ping(
    name: NameArgument,
    start: Annotated[bool, typer.Option("--start", help="A run starts.")] = False,
    fail: Annotated[bool, typer.Option("--fail", help="A run failed.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Only keep the text.")] = False,
    exit_code: Annotated[int | None, typer.Option(min=0, max=255, help="A run ended with this code.")] = None,
    text: Annotated[str, typer.Option(help="Text to keep; - reads it from standard input.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Say what a job would say; without an option that it ended well."""
    words = [word for word, given in (("start", start), ("fail", fail), ("log", log)) if given]
    if exit_code is not None:
        words.append(str(exit_code))
    if len(words) > 1:
        raise InputError("--start, --fail, --log and --exit-code exclude each other", remedy="keep one of them")
    asked = find_server(server, data_dir)
    body = sys.stdin.buffer.read() if text == "-" else text.encode()
    asked.send("/".join([_path(asked, name), *words]), body[-TEXT_BYTES_MAX:])


def _path(asked: Server, name: str) -> str:
    rows: list[dict[str, Any]] = asked.get(PATH)
    for row in rows:
        if row["name"] == name:
            return str(row["path"])
    raise InputError(f"unknown heartbeat {name!r}", remedy="`fenghuo heartbeat list` shows them")


def _labels(given: list[str]) -> dict[str, str]:
    labels = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals:
            raise InputError(f"{each!r} is not a label", remedy="write NAME=VALUE")
        labels[key] = value
    return labels


def _print_table(rows: list[dict[str, Any]]) -> None:
    table = Table("name", "status", "last heard", "due", "took", "", box=None, pad_edge=False, header_style="dim")
    for row in rows:
        colour = "red" if row["troubles"] else "green" if row["status"] in ("up", "running") else "dim"
        took = "" if row["duration_ms"] is None else format_duration(row["duration_ms"])
        source = row["made_by"] and f"made by {row['made_by']}"
        table.add_row(
            row["name"], f"[{colour}]{row['status']}[/]", _shown(row["heard_ms"]), _shown(row["due_ms"]), took, source
        )
    Console(highlight=False).print(table)


def _shown(moment_ms: int | None) -> str:
    return "never" if moment_ms is None else shown(moment_ms, seconds=True)
