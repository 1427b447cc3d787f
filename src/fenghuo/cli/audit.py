"""``fenghuo audit``: who did what, when, from where."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any

import typer

from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.moments import MOMENT, begin_ms, moment_ms
from fenghuo.cli.output import Output, OutputOption, print_json

audit_app = typer.Typer(add_completion=False)

PAGE = 1_000


@audit_app.command()
def audit(
    since: Annotated[str, typer.Option(help=f"How far back: a duration such as 7d. {MOMENT}.")] = "7d",
    until: Annotated[str, typer.Option(help=f"{MOMENT}. Default: now.")] = "",
    actor: Annotated[str, typer.Option(help="Only what this account, token or person did.")] = "",
    action: Annotated[str, typer.Option(help="Only this, as in token.create, or token for all of token.…")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show who did what, when, from where; the newest first."""
    end_ms = moment_ms(until)
    asked = {"since_ms": str(begin_ms(end_ms, since)), "actor": actor, "action": action}
    if until:
        asked["until_ms"] = str(end_ms)
    found = list[dict[str, Any]]()
    asking = find_server(server, data_dir)
    while len(found) < limit:
        before = [("before", str(found[-1]["number"]))] if found else []
        page = min(PAGE, limit - len(found))
        some = asking.get("/api/fenghuo/audit", [*asked.items(), *before, ("limit", str(page))])
        found += some
        if len(some) < page:
            break
    if output is Output.JSON:
        print_json(found)
        return
    for each in found:
        typer.echo(_line(each))


def _line(entry: dict[str, Any]) -> str:
    """``2026-11-23 02:10:05  zhang (panel)  10.0.0.7  silence.set  6f1c…  status=200``."""
    who = f"{entry['actor'] or '?'} ({entry['via']})" if entry["via"] else entry["actor"] or "?"
    detail = " ".join(f"{key}={_text(value)}" for key, value in entry["detail"].items() if value is not None)
    cells = (_when(entry["at_ms"]), f"{who:<20}", f"{entry['address']:<15}", f"{entry['action']:<16}", entry["subject"])
    return "  ".join(part for part in (*cells, detail) if part).rstrip()


def _when(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
