"""``fenghuo incident``: what is wrong now, answering it, and what happened."""

from __future__ import annotations

import urllib.parse
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.moments import shown
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.model.duration import format_duration, parse_duration_ms
from fenghuo.model.incident import IncidentState, Priority
from fenghuo.model.language import Language

incident_app = typer.Typer(
    no_args_is_help=True,
    help="Incidents: list, show, ack, snooze, resolve, reopen, escalate, assign, comment, postmortem, statistics.",
)

PATH = "/api/fenghuo/incidents"
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="INC-12, or 12.")]
LanguageOption = Annotated[Language, typer.Option("--language", help="Of what the program wrote: zh or en.")]
CommentOption = Annotated[str, typer.Option("--comment", "-m", help="What to write on the time line.")]


@incident_app.command("list")
def list_(
    state: Annotated[list[IncidentState] | None, typer.Option(help="Only these. Default: all but resolved.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    priority: Annotated[list[Priority] | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show incidents, the newest first."""
    live = [] if every else [each for each in IncidentState if each is not IncidentState.RESOLVED]
    params = [("state", each.value) for each in state or live]
    params += [("priority", each.value) for each in priority or ()]
    found = find_server(server, data_dir).get(PATH, [*params, ("limit", str(limit))])
    if output is Output.JSON:
        print_json(found)
        return
    table = Table("id", "", "state", "since", "who", "what", box=None, pad_edge=False, header_style="dim")
    for each in found:
        who = each["assignee"] or each["acknowledged_by"]
        since = shown(each["opened_ms"])
        table.add_row(each["id"], each["priority"], _state(each), since, escape(who), escape(each["title"]))
    Console(highlight=False).print(table)


@incident_app.command()
def show(
    incident: IdArgument,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    language: LanguageOption = Language.ENGLISH,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show one incident with its time line: every notice and every attempt to deliver it."""
    found = find_server(server, data_dir).get(_path(incident), [("language", language.value)])
    if output is Output.JSON:
        print_json(found)
        return
    _print_line(found)
    if found["due_ms"] is not None:
        typer.echo(f"  to be answered by {shown(found['due_ms'])}")
    if found["escalation"]:
        typer.echo(f"  escalation {_escalation(found['escalation'])}")
    for event in found["timeline"]:
        typer.echo(f"  {shown(event['at_ms'])}  {event['kind']:<13} {event['actor']} ({event['via']})  {event['text']}")


@incident_app.command()
def ack(
    incident: IdArgument, comment: CommentOption = "", server: ServerOption = None, data_dir: DataDirOption = None
) -> None:
    """Say that you work on it: reminders stop, news does not."""
    _change(server, data_dir, incident, "acknowledge", {"comment": comment})


@incident_app.command()
def escalate(
    incident: IdArgument, comment: CommentOption = "", server: ServerOption = None, data_dir: DataDirOption = None
) -> None:
    """Let the next step of its escalation be taken now: more people are told."""
    _change(server, data_dir, incident, "escalate", {"comment": comment})


@incident_app.command()
def snooze(
    incident: IdArgument,
    duration: Annotated[str, typer.Option("--for", help="How long, as in 30m or 2h.")] = "1h",
    comment: CommentOption = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Stop reminders for a while."""
    duration_s = parse_duration_ms(duration) // 1000
    _change(server, data_dir, incident, "snooze", {"duration_s": duration_s, "comment": comment})


@incident_app.command()
def resolve(
    incident: IdArgument, comment: CommentOption = "", server: ServerOption = None, data_dir: DataDirOption = None
) -> None:
    """Say that it is done, whatever its alerts say."""
    _change(server, data_dir, incident, "resolve", {"comment": comment})


@incident_app.command()
def reopen(
    incident: IdArgument, comment: CommentOption = "", server: ServerOption = None, data_dir: DataDirOption = None
) -> None:
    """Say that it is not done."""
    _change(server, data_dir, incident, "reopen", {"comment": comment})


@incident_app.command()
def assign(
    incident: IdArgument,
    person: Annotated[str, typer.Argument(help="Who it is given to; empty: nobody.")],
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Give it to somebody."""
    _change(server, data_dir, incident, "assign", {"person": person})


@incident_app.command()
def comment(
    incident: IdArgument,
    text: Annotated[str, typer.Argument(help="What to write on the time line.")],
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write on the time line."""
    _change(server, data_dir, incident, "comment", {"text": text})


@incident_app.command()
def postmortem(
    incident: IdArgument,
    link: Annotated[str, typer.Option(help="Name the finished document instead of printing one to fill in.")] = "",
    language: LanguageOption = Language.ENGLISH,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print a Markdown document to fill in, with the time line."""
    if link:
        _change(server, data_dir, incident, "postmortem", {"url": link})
        return
    pieces = find_server(server, data_dir).stream(f"{_path(incident)}/postmortem.md", [("language", language.value)])
    typer.echo(b"".join(pieces).decode(), nl=False)


@incident_app.command()
def statistics(
    days: Annotated[int, typer.Option(min=1, max=400, help="How far back.")] = 30,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show how fast incidents are answered (MTTA) and resolved (MTTR)."""
    found = find_server(server, data_dir).get(f"{PATH}/statistics", [("days", str(days))])
    if output is Output.JSON:
        print_json(found)
        return
    table = Table("", "opened", "acknowledged", "resolved", "MTTA", "MTTR", box=None, pad_edge=False)
    for each in found:
        counts = (str(each[name]) for name in ("opened", "acknowledged", "resolved"))
        table.add_row(each["priority"], *counts, _mean(each["mtta_s"]), _mean(each["mttr_s"]))
    Console(highlight=False).print(table)


def _path(incident: str) -> str:
    return f"{PATH}/{urllib.parse.quote(incident, safe='')}"


def _change(server: Any, data_dir: Any, incident: str, verb: str, value: dict[str, Any]) -> None:
    _print_line(find_server(server, data_dir).change("POST", f"{_path(incident)}/{verb}", value))


def _print_line(found: dict[str, Any]) -> None:
    who = found["assignee"] or found["acknowledged_by"]
    typer.echo("\t".join([found["id"], found["priority"], _state(found), *([who] if who else []), found["title"]]))


def _state(found: dict[str, Any]) -> str:
    return f"{found['state']}, overdue" if found["overdue"] else str(found["state"])


def _escalation(found: dict[str, Any]) -> str:
    """``night: waiting, step 2 of 3 at 02:25``."""
    turn = f", round {found['round']} of {found['rounds']}" if found["rounds"] > 1 else ""
    at = f" at {shown(found['next_at_ms'])}" if found["next_at_ms"] is not None else ""
    return f"{found['policy']}: {found['state']}, step {found['step']} of {found['steps']}{turn}{at}"


def _mean(seconds: float | None) -> str:
    return "–" if seconds is None else format_duration(round(seconds) * 1000)
