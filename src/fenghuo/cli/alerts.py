"""``fenghuo alerts``: what fires, and what would become of an alert."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenghuo.alerting.mute.stage import intervals_muting
from fenghuo.alerting.oncall.schedule import Roster
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.reached import Duty, kinds_of
from fenghuo.alerting.route.tree import Route, build_route
from fenghuo.alerting.whatif import Surroundings, as_json, what_if
from fenghuo.app.settings_load import load_settings
from fenghuo.base.document import Severity
from fenghuo.base.errors import InputError
from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.groups import ListByDefault
from fenghuo.cli.moments import MOMENT, begin_ms, moment_ms, shown, zone_of
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.cli.silence import ID_CHARS, FilterOption
from fenghuo.model.duration import format_duration
from fenghuo.model.labels import Labels
from fenghuo.trading import MarketBook

alerts_app = typer.Typer(cls=ListByDefault, help="Alerts: list (also without a word), route, replay.")


@alerts_app.command("list")
def list_(
    filters: FilterOption = None,
    receiver: Annotated[str, typer.Option(help="Only what goes to receivers whose name this expression meets.")] = "",
    muted: Annotated[bool, typer.Option("--muted/--no-muted", help="Whether silenced and inhibited ones show.")] = True,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show what fires: since when, where it goes, and whether anything keeps it quiet."""
    asked = [("filter", text) for text in filters or []]
    asked += [("receiver", receiver)] if receiver else []
    asked += [] if muted else [("silenced", "false"), ("inhibited", "false")]
    found = find_server(server, data_dir).get("/api/v2/alerts", asked)
    if output is Output.JSON:
        print_json(found)
        return
    if not found:
        typer.echo("nothing fires", err=True)
        return
    table = Table("alert", "labels", "since", "to", "state", box=None, pad_edge=False, header_style="dim")
    for each in sorted(found, key=lambda each: str(each["startsAt"])):
        labels = Labels(each["labels"])
        rest = str(labels.without(["alertname"])) if len(labels) > 1 else ""
        receivers = ", ".join(receiver["name"] for receiver in each["receivers"])
        cells = (labels.get("alertname", ""), rest, shown(moment_ms(each["startsAt"])), receivers, _state(each))
        table.add_row(*map(escape, cells))
    Console(highlight=False).print(table)


def _state(alert: dict[str, Any]) -> str:
    status = alert["status"]
    if status["silencedBy"]:
        return f"silenced by {', '.join(each[:ID_CHARS] for each in status['silencedBy'])}"
    if status["inhibitedBy"]:
        return "inhibited"
    return f"muted by {', '.join(status['mutedBy'])}" if status["mutedBy"] else "active"


@alerts_app.command()
def route(
    labels: Annotated[list[str], typer.Option("--label", "-l", help="NAME=VALUE; repeatable.")],
    at: Annotated[str, typer.Option(help=f"When it begins to fire. {MOMENT}. Default: now.")] = "",
    config: Annotated[
        Path | None, typer.Option(help="Ask this file instead of a server: no silences, and nothing else fires.")
    ] = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show who would be told of an alert, through what and when, and what keeps it quiet. Nothing is sent.

    Exit code 1 when nobody would be told.
    """
    wanted, at_ms = dict(_pair(text) for text in labels), moment_ms(at)
    if config is None:
        question = {"labels": wanted, "at_ms": at_ms}
        found = find_server(server, data_dir).change("POST", "/api/fenghuo/whatif/route", question)
    else:
        found = _by_file(config, Labels(wanted), at_ms)
    if output is Output.JSON:
        print_json(found)
    else:
        _print_route(found, zone_of(at))
    if not found["told"]:
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InputError(f"{text!r} is not a label", remedy="write NAME=VALUE")
    return name, value.strip('"')


def _by_file(path: Path, labels: Labels, at_ms: int) -> dict[str, Any]:
    settings, problems = load_settings(path, os.environ)
    if settings is None:
        worst = next(problem for problem in problems if problem.severity is Severity.ERROR)
        raise InputError(str(worst), remedy=f"`fenghuo check config {path}` lists everything")
    alerting, markets = settings.alerting, MarketBook(settings.trading)

    def muting(route: Route, look_ms: int) -> list[str]:
        return intervals_muting(route, look_ms, alerting.intervals, markets)

    def who(schedule: str, step_ms: int) -> str | None:
        return Roster(schedule, settings.oncall.schedules[schedule]).at(step_ms).person

    around = Surroundings(
        build_route(alerting.root),
        muting,
        Priorities(settings.priorities, markets),
        escalations=settings.escalations.escalations,
        duty=Duty(settings.oncall.people, who, kinds_of(alerting), markets),
    )
    return as_json(what_if(labels, at_ms, around))


def _print_route(found: dict[str, Any], zone: dt.tzinfo | None) -> None:
    typer.echo(f"{found['priority']} {Labels(found['labels'])} from {shown(found['at_ms'], zone)} on")
    if found["inhibited_by"] is not None:
        typer.secho(f"  inhibited by {Labels(found['inhibited_by'])}, which fires now", fg="yellow")
    for silence in found["silenced_by"]:
        typer.secho(f"  silenced by {silence}", fg="yellow")
    for each in found["destinations"]:
        _print_destination(each, found["priority"], zone)


def _print_destination(each: dict[str, Any], priority: str, zone: dt.tzinfo | None) -> None:
    typer.echo("  " + " → ".join(step["matchers"] for step in each["path"]))
    typer.echo(f"    receiver {each['receiver']}: {', '.join(each['channels']) or 'no channels, nobody hears'}")
    for also in each["also"]:
        typer.echo(f"    and, by its priority, {also['receiver']}: {', '.join(also['channels']) or 'no channels'}")
    typer.echo(f"    group {Labels(each['group_labels'])}")
    if each["muted_by"]:
        typer.secho(f"    muted by {', '.join(each['muted_by'])}", fg="yellow")
    if each["kept_by"]:
        typer.secho(f"    kept or lowered by {', '.join(each['kept_by'])}", fg="yellow")
    if each["told_at_ms"] is None:
        typer.secho("    not told", fg="yellow")
        return
    counts_as = f" as {each['priority']}" if each["priority"] != priority else ""
    reminders = ", ".join(map(format_duration, each["reminders_ms"] or [each["repeat_interval_ms"]]))
    waits = [format_duration(each[f"{name}_ms"]) for name in ("group_wait", "group_interval")]
    typer.echo(
        f"    first notice {shown(each['told_at_ms'], zone)}{counts_as} (group_wait {waits[0]}), "
        f"news every {waits[1]}, repeated every {reminders}"
    )
    typer.echo(f"    to be answered by {shown(each['answer_by_ms'], zone)}")
    first = [step for step in each["steps"] if step["round"] == 1]
    if first:
        typer.echo(f"    if nobody answers, by escalation {each['escalation']}:")
    for step in first:
        typer.echo(f"      {shown(step['at_ms'], zone)}  {'; '.join(map(_target, step['targets']))}")
    if each["steps"] and (again := each["steps"][-1]["round"] - 1):
        typer.echo(f"      all of it again, {again} more time{'' if again == 1 else 's'}")


def _target(target: dict[str, Any]) -> str:
    """``schedule primary: 张伟 (dingtalk, sms)``."""
    kind, _, name = target["target"].partition(":")
    person = target["person"]
    if kind == "receiver":
        return f"receiver {name}: {', '.join(target['channels']) or 'no channels'}"
    if person is None:
        return f"{kind} {name}: nobody"
    reach = "passed over in quiet hours" if person["quiet"] else ", ".join(person["contacts"]) or "no contacts"
    said = f"{person['name']} ({reach})"
    return said if kind == "person" else f"{kind} {name}: {said}"


@alerts_app.command()
def replay(
    rules: Annotated[Path, typer.Argument(help="A rule file, as Prometheus defines it.")],
    since: Annotated[str, typer.Option(help=f"How far back: a duration such as 7d. {MOMENT}.")] = "7d",
    until: Annotated[str, typer.Option(help=f"{MOMENT}. Default: now.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run rules and the server's routes over stored history: how many notices, to whom, and how noisy each rule is.

    Nothing is written or sent.
    """
    end_ms = moment_ms(until)
    question = {"rules": _text_of(rules), "start_ms": begin_ms(end_ms, since), "end_ms": end_ms}
    found = find_server(server, data_dir).change("POST", "/api/fenghuo/whatif/replay", question, timeout_s=3_600)
    if output is Output.JSON:
        print_json(found)
    else:
        _print_replay(found)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", place=str(path), remedy="check the path") from error


def _print_replay(found: dict[str, Any]) -> None:
    days = (found["end_ms"] - found["start_ms"]) / 86_400_000
    total = sum(each["count"] for each in found["notices"])
    typer.echo(f"{total} notices from {shown(found['start_ms'])} to {shown(found['end_ms'])}, {total / days:.1f} a day")
    for each in found["notices"]:
        typer.echo(f"  {each['count']}\t{each['receiver']} {each['channel']}[{each['index']}]")
    for each in found["people"]:
        typer.echo(f"  {each['count']}\t{each['person']}, if nobody had answered")
    opened = ", ".join(f"{count} {priority}" for priority, count in found["incidents"].items() if count)
    typer.echo(f"incidents: {opened or 'none'}")
    columns = ("rule", "alerts", "short", "flaps", "notices", "noise")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, justify="left" if name == "rule" else "right")
    for each in found["rules"]:
        table.add_row(escape(each["name"]), *(str(each[name]) for name in columns[1:]))
    if found["rules"]:
        Console(highlight=False).print(table)
    for name, complaint in found["failures"].items():
        typer.secho(f"rule {name} failed: {complaint}", fg="yellow", err=True)
