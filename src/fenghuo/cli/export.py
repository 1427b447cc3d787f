"""``fenghuo export``: take all samples of some series from a running server, as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from fenghuo.base.errors import InputError
from fenghuo.cli.client import DataDirOption, ServerOption, find_server

export_app = typer.Typer()


class ExportFormat(StrEnum):
    OPENMETRICS = "openmetrics"
    JSONL = "jsonl"


@export_app.command()
def export(
    selectors: Annotated[list[str], typer.Argument(metavar="MATCH…", help="Series, as in 'up' or '{job=\"node\"}'.")],
    start: Annotated[
        str, typer.Option(help="First moment: Unix seconds or RFC 3339. Default: the oldest sample.")
    ] = "",
    end: Annotated[str, typer.Option(help="Last moment. Default: the newest.")] = "",
    format_: Annotated[ExportFormat, typer.Option("--format", "-f", help="What to write.")] = ExportFormat.OPENMETRICS,
    file: Annotated[Path | None, typer.Option("--file", help="Where to write. Default: standard output.")] = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write every sample of some series, with its time.

    OpenMetrics is what `promtool tsdb create-blocks-from openmetrics` and `fenghuo import openmetrics` read; JSON lines
    are VictoriaMetrics' and keep staleness markers, too. A file that was not written to its end is an error.
    """
    params = [("match[]", text) for text in selectors]
    params += [(name, text) for name, text in (("start", start), ("end", end), ("format", format_.value)) if text]
    pieces = find_server(server, data_dir).stream("/api/v1/export", params)
    if file is None:
        _write(pieces, sys.stdout.buffer, "export")
        return
    try:
        with file.open("wb") as target:
            _write(pieces, target, file.name)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error


def _write(pieces: Iterator[bytes], target: BinaryIO, name: str) -> None:
    """Copy, showing on standard error how far it is when people watch."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn(name), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None)
        for piece in pieces:
            target.write(piece)
            progress.advance(task, len(piece))
    target.flush()
