"""``fenghuo query``: ask a running server in PromQL."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.output import Output, OutputOption, print_json

query_app = typer.Typer()


@query_app.command()
def query(
    expression: Annotated[str, typer.Argument(help="A PromQL expression, as in 'up' or 'rate(x[5m])'.")],
    time: Annotated[str, typer.Option(help="Moment to look at: Unix seconds or RFC 3339. Default: now.")] = "",
    start: Annotated[str, typer.Option(help="Start of a range; makes it a range query.")] = "",
    end: Annotated[str, typer.Option(help="End of the range. Default: now.")] = "",
    step: Annotated[str, typer.Option(help="Resolution of the range, as in 15s or 1m.")] = "1m",
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Evaluate a PromQL expression on a running server.

    Exit code 1 when nothing was found, so that scripts can ask "is there any …?".
    """
    asked = find_server(server, data_dir)
    if start:
        end = end or str(datetime.now().astimezone().timestamp())
        params = [("query", expression), ("start", start), ("end", end), ("step", step)]
        answer = asked.get("/api/v1/query_range", params)
    else:
        answer = asked.get("/api/v1/query", [("query", expression), *([("time", time)] if time else [])])
    for warning in answer.get("warnings", []) + answer.get("infos", []):
        typer.secho(warning, fg="yellow", err=True)
    data = answer["data"]
    if output is Output.JSON:
        print_json(data)
    else:
        _print(data)
    if data["resultType"] in ("vector", "matrix") and not data["result"]:
        raise typer.Exit(1)


def _print(data: dict[str, Any]) -> None:
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        typer.echo(result[1])
        return
    if not result:
        typer.echo("nothing found", err=True)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("series", overflow="fold")
    if kind == "vector":
        table.add_column("value", justify="right")
        for series in result:
            table.add_row(series_text(series["metric"]), series["value"][1])
    else:
        for name in ("samples", "first", "last"):
            table.add_column(name, justify="right")
        for series in result:
            values = [value for _, value in series["values"]]
            table.add_row(series_text(series["metric"]), str(len(values)), values[0], values[-1])
    Console(highlight=False).print(table)


def series_text(metric: dict[str, str]) -> str:
    """``up{job="node"}``; without a name just the braces."""
    name = metric.get("__name__", "")
    labels = ", ".join(f'{key}="{value}"' for key, value in metric.items() if key != "__name__")
    # Square brackets would be read as markup.
    return (f"{name}{{{labels}}}" if labels or not name else name).replace("[", "\\[")
