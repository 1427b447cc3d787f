"""A group without a command lists, with the options that were given."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from fenghuo.cli.groups import ListByDefault

group = typer.Typer(cls=ListByDefault, context_settings={"help_option_names": ["-h", "--help"]})


@group.command("list")
def list_(data_dir: Annotated[str, typer.Option("--data-dir")] = "none") -> None:
    typer.echo(f"list {data_dir}")


@group.command()
def route(label: Annotated[str, typer.Option("-l")] = "none") -> None:
    typer.echo(f"route {label}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "list none"),
        (["--data-dir", "x"], "list x"),
        (["list", "--data-dir", "x"], "list x"),
        (["route", "-l", "a"], "route a"),
        (["-h"], "Usage"),
        (["--help"], "Usage"),
    ],
)
def test_without_a_command_it_lists(words: list[str], said: str) -> None:
    done = CliRunner().invoke(group, words)
    assert done.exit_code == 0, done.output
    assert said in done.output


def test_a_command_that_is_not_there_is_refused() -> None:
    assert CliRunner().invoke(group, ["rout"]).exit_code == 2
