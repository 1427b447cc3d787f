"""``fenghuo silence``: keep alerts quiet for a while."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenghuo.alerting.matcher import AlertMatcher, parse_matcher
from fenghuo.base.errors import InputError
from fenghuo.cli.client import DataDirOption, Server, ServerOption, find_server
from fenghuo.cli.moments import MOMENT, end_ms, moment_ms, rfc3339, shown
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.model.matcher import MatchOp

silence_app = typer.Typer(no_args_is_help=True, help="Silences: add, list, update, expire.")

SILENCES = "/api/v2/silences"
ID_CHARS = 8
"""As much of an id as tables show; JSON has it whole."""
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, or beginnings that only one has.")]
FilterOption = Annotated[
    list[str] | None, typer.Option("--filter", help="A matcher such as team=db or severity=~a|b; repeatable.")
]


@silence_app.command()
def add(
    matchers: Annotated[
        list[str], typer.Argument(metavar="MATCHER…", help="alertname=X, instance=~a|b …; a bare word is a name.")
    ],
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why.")],
    until: Annotated[str, typer.Option("--for", "--until", help=f"A duration such as 2h. {MOMENT}.")] = "1h",
    start: Annotated[str, typer.Option("--from", help=f"{MOMENT}. Default: now.")] = "",
    author: Annotated[str, typer.Option("--by", help="Who does it. Default: the user of this machine.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Keep alerts quiet that meet every matcher; prints the id of the silence."""
    start_ms = moment_ms(start)
    wanted = {
        "matchers": [_matcher_json(_matcher(text)) for text in matchers],
        "startsAt": rfc3339(start_ms),
        "endsAt": rfc3339(end_ms(start_ms, until)),
        "createdBy": author or getpass.getuser(),
        "comment": comment,
    }
    typer.echo(find_server(server, data_dir).change("POST", SILENCES, wanted)["silenceID"])


@silence_app.command("list")
def list_(
    filters: FilterOption = None,
    expired: Annotated[bool, typer.Option("--expired", help="Those that are over, too.")] = False,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show silences: what, until when, by whom, why."""
    asked = [("filter", text) for text in filters or []]
    found = find_server(server, data_dir).get(SILENCES, [*asked, ("expired", str(expired).lower())])
    if output is Output.JSON:
        print_json(found)
        return
    table = Table("id", "state", "matchers", "until", "by", "comment", box=None, pad_edge=False, header_style="dim")
    for each in found:
        matchers = " ".join(_matcher_text(matcher) for matcher in each["matchers"])
        cells = (each["id"][:ID_CHARS], each["status"]["state"], matchers, shown(moment_ms(each["endsAt"])))
        table.add_row(*(escape(cell) for cell in (*cells, each["createdBy"], each["comment"])))
    Console(highlight=False).print(table)


@silence_app.command()
def update(
    ids: IdsArgument,
    until: Annotated[str, typer.Option("--for", "--until", help="A duration from now on, or a moment.")] = "",
    comment: Annotated[str, typer.Option("--comment", "-c", help="Another reason.")] = "",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Change the end or the comment of silences; prints their ids."""
    asked = find_server(server, data_dir)
    for old in _found(asked, ids):
        ends = rfc3339(end_ms(moment_ms(""), until)) if until else old["endsAt"]
        kept = {name: old[name] for name in ("id", "matchers", "startsAt", "createdBy", "comment")}
        changed = {**kept, "endsAt": ends, **({"comment": comment} if comment else {})}
        typer.echo(asked.change("POST", SILENCES, changed)["silenceID"])


@silence_app.command()
def expire(ids: IdsArgument, server: ServerOption = None, data_dir: DataDirOption = None) -> None:
    """End silences now."""
    asked = find_server(server, data_dir)
    for each in _found(asked, ids):
        asked.change("DELETE", f"/api/v2/silence/{each['id']}")


def _found(asked: Server, ids: Iterable[str]) -> list[dict[str, Any]]:
    """The silences that are not over, by their ids or the beginnings of them. Raises InputError."""
    known = asked.get(SILENCES, [("expired", "false")])
    found = []
    for wanted in ids:
        fitting = [each for each in known if each["id"].startswith(wanted)]
        if len(fitting) != 1:
            what = f"{len(fitting)} silences begin" if fitting else "no silence that is not over begins"
            raise InputError(f"{what} with {wanted!r}", remedy="`fenghuo silence list` shows the ids")
        found += fitting
    return found


def _matcher(text: str) -> AlertMatcher:
    if not any(char in text for char in "=~!{"):
        return AlertMatcher("alertname", text, MatchOp.EQUAL)
    return parse_matcher(text)


def _matcher_json(matcher: AlertMatcher) -> dict[str, Any]:
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.op in (MatchOp.REGEX, MatchOp.NOT_REGEX),
        "isEqual": matcher.op in (MatchOp.EQUAL, MatchOp.REGEX),
    }


def _matcher_text(matcher: dict[str, Any]) -> str:
    op = ("=~" if matcher["isEqual"] else "!~") if matcher["isRegex"] else "=" if matcher["isEqual"] else "!="
    return f'{matcher["name"]}{op}"{matcher["value"]}"'
