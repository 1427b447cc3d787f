"""``fenghuo import``: hand files of old samples to a running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from fenghuo.base.errors import InputError
from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.output import Output, OutputOption, print_json

PIECE_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"

import_app = typer.Typer(no_args_is_help=True)


@import_app.callback()
def import_group() -> None:
    """Hand files of old samples to a running server."""


@import_app.command()
def openmetrics(
    files: Annotated[list[Path], typer.Argument(help="Files in OpenMetrics text with timestamps, or the same as .gz.")],
    label: Annotated[list[str] | None, typer.Option(help="name=value, put on every series. May repeat.")] = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Import files that promtool's `tsdb create-blocks-from openmetrics` takes.

    A line that cannot be read, has no timestamp or is older than the retention is counted and left out. Importing a
    file again does no harm. Exit code 1 when something was left out.
    """
    asked = find_server(server, data_dir)
    params = [("extra_label", text) for text in label or []]
    summaries = []
    for path in files:
        with _opened(path) as file, _progress() as progress:
            task = progress.add_task(path.name, total=path.stat().st_size)
            headers = {"Content-Type": "application/openmetrics-text; version=1.0.0; charset=utf-8"}
            if _is_gzip(file):
                headers["Content-Encoding"] = "gzip"
            body = _pieces(file, progress, task)
            answer = asked.post("/api/v1/import/prometheus", body, headers, params)
        summaries.append({"file": str(path), **answer["data"]})
    _print(summaries, output)
    if any(each["refused"] for each in summaries):
        raise typer.Exit(1)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _is_gzip(file: BinaryIO) -> bool:
    magic = file.read(len(GZIP_MAGIC))
    file.seek(0)
    return magic == GZIP_MAGIC


def _progress() -> Progress:
    """On standard error, and only for people."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not Console(stderr=True).is_terminal,
    )


def _pieces(file: BinaryIO, progress: Progress, task: Any) -> Iterator[bytes]:
    """The file piece by piece: the server takes the next one when it has worked off the last."""
    while piece := file.read(PIECE_BYTES):
        yield piece
        progress.advance(task, len(piece))
    progress.update(task, description="writing blocks")


def _print(summaries: list[dict[str, Any]], output: Output) -> None:
    if output is Output.JSON:
        print_json(summaries[0] if len(summaries) == 1 else summaries)
        return
    for each in summaries:
        refused = ", ".join(f"{count} {reason}" for reason, count in each["refused"].items())
        typer.echo(f"{each['file']}: {each['samples']} samples stored, {each['blocks']} blocks written")
        if refused:
            typer.echo(f"  refused: {refused}" + (f" (first: {each['firstProblem']})" if each["firstProblem"] else ""))
