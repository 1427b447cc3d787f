"""``fenghuo oncall``: who answers now and next, taking over, and swapping."""

from __future__ import annotations

import urllib.parse
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.moments import MOMENT, end_ms, moment_ms, shown
from fenghuo.cli.output import Output, OutputOption, print_json

oncall_app = typer.Typer(no_args_is_help=True, help="On-call: who, next, schedule, override, swap, overrides, feed.")

PATH = "/api/fenghuo/oncall"
ScheduleArgument = Annotated[str, typer.Argument(help="Name of a schedule.")]


@oncall_app.command()
def who(
    schedule: Annotated[str, typer.Argument(help="Name of a schedule. Default: all.")] = "",
    at: Annotated[str, typer.Option(help=f"{MOMENT}. Default: now.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show who is on call. Exit code 1 where nobody is."""
    asked = find_server(server, data_dir)
    names = [schedule] if schedule else [each["name"] for each in asked.get(f"{PATH}/schedules")]
    wanted_ms = moment_ms(at)
    rows = []
    for name in names:
        span = [("start_ms", str(wanted_ms)), ("end_ms", str(wanted_ms + 1))]
        (shift,) = asked.get(f"{PATH}/schedules/{_quoted(name)}", span)
        rows.append({"schedule": name, "person": shift["person"], "override": shift["override"]})
    if output is Output.JSON:
        print_json(rows)
    else:
        for row in rows:
            taken = " (override)" if row["override"] else ""
            typer.echo(f"{row['schedule']}\t{row['person'] or 'nobody'}{taken}")
    if not all(row["person"] for row in rows):
        raise typer.Exit(1)


@oncall_app.command("next")
def next_(server: ServerOption = None, data_dir: DataDirOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show who takes over next, and when nobody will be there."""
    schedules = find_server(server, data_dir).get(f"{PATH}/schedules")
    if output is Output.JSON:
        print_json(schedules)
        return
    for each in schedules:
        following = each["next"]
        then = f"{following['person'] or 'nobody'} from {shown(following['start_ms'])}" if following else "no change"
        typer.echo(f"{each['name']}\t{each['now'] or 'nobody'}, then {then}")
        for gap in each["gaps"]:
            typer.secho(f"  nobody {shown(gap['start_ms'])} – {shown(gap['end_ms'])}", fg="yellow")


@oncall_app.command()
def schedule(
    name: ScheduleArgument,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days to show.")] = 14,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show the shifts of the coming days, gaps included."""
    now_ms = moment_ms("")
    span = [("start_ms", str(now_ms)), ("end_ms", str(now_ms + days * 86_400_000))]
    shifts = find_server(server, data_dir).get(f"{PATH}/schedules/{_quoted(name)}", span)
    if output is Output.JSON:
        print_json(shifts)
        return
    table = Table("from", "to", "who", "", box=None, pad_edge=False, header_style="dim")
    for shift in shifts:
        source = f"override {shift['override']}" if shift["override"] else ""
        person = shift["person"] or "[yellow]nobody[/]"
        table.add_row(shown(shift["start_ms"]), shown(shift["end_ms"]), person, source)
    Console(highlight=False).print(table)


@oncall_app.command()
def override(
    name: ScheduleArgument,
    person: Annotated[str, typer.Argument(help="Who takes over.")],
    start: Annotated[str, typer.Option("--from", help=f"{MOMENT}. Default: now.")] = "",
    until: Annotated[str, typer.Option(help=f"{MOMENT}, or a duration such as 8h.")] = "12h",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Put somebody on call for a while."""
    start_ms = moment_ms(start)
    wanted = {"schedule": name, "person": person, "start_ms": start_ms, "end_ms": end_ms(start_ms, until)}
    _print_overrides([find_server(server, data_dir).change("POST", f"{PATH}/overrides", wanted)], output)


@oncall_app.command()
def swap(
    name: ScheduleArgument,
    one: Annotated[str, typer.Argument(help=f"{MOMENT}, inside one shift.")],
    other: Annotated[str, typer.Argument(help="A moment inside the shift that it is exchanged for.")],
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Exchange two shifts."""
    wanted = {"schedule": name, "one_ms": moment_ms(one), "other_ms": moment_ms(other)}
    _print_overrides(find_server(server, data_dir).change("POST", f"{PATH}/swaps", wanted), output)


@oncall_app.command()
def overrides(
    cancel: Annotated[int | None, typer.Option(help="Take back the override of this number.")] = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show the overrides that are not over yet, or take one back."""
    asked = find_server(server, data_dir)
    if cancel is not None:
        asked.change("DELETE", f"{PATH}/overrides/{cancel}")
        return
    _print_overrides(asked.get(f"{PATH}/overrides"), output)


@oncall_app.command()
def feed(
    schedule: Annotated[str, typer.Option(help="The calendar of a schedule.")] = "",
    person: Annotated[str, typer.Option(help="The calendar of a person.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print the secret address of an iCalendar feed, for phones and mail programs to subscribe to."""
    asked = find_server(server, data_dir)
    found = asked.get(f"{PATH}/feeds", [("schedule", schedule)] if schedule else [("person", person)])
    typer.echo(f"{asked.url}{found['path']}")


def _print_overrides(rows: list[dict[str, Any]], output: Output) -> None:
    if output is Output.JSON:
        print_json(rows)
        return
    for row in rows:
        span = f"{shown(row['start_ms'])} – {shown(row['end_ms'])}"
        typer.echo(f"{row['id']}\t{row['schedule']}\t{row['person']}\t{span}\tby {row['by']}")


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
