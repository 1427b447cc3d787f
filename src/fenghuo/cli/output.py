"""What commands print: errors in one form, data as a table or as JSON."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from fenghuo.base.errors import FenghuoError, InputError, OperatingError


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print: for people or for programs.")]


def complain(error: FenghuoError) -> None:
    """Print an error and its remedy to standard error."""
    message = getattr(error, "message", str(error))
    place = error.place if isinstance(error, InputError) else ""
    remedy = error.remedy if isinstance(error, InputError | OperatingError) else ""
    typer.secho(f"error: {place}: {message}" if place else f"error: {message}", fg="red", err=True)
    if remedy:
        typer.echo(f"  → {remedy}", err=True)


def print_json(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()
