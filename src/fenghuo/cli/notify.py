"""``fenghuo notify``: what a receiver's channels would say, and messages of trial."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fenghuo.base.errors import InputError
from fenghuo.cli.client import DataDirOption, ServerOption, find_server
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.model.language import Language

notify_app = typer.Typer(no_args_is_help=True, help="Try out a receiver: preview, test.")

PATH = "/api/fenghuo/notify"
ReceiverArgument = Annotated[str, typer.Argument(help="Name of a receiver.")]
LabelOption = Annotated[list[str] | None, typer.Option("--label", help="name=value of the alert in the message.")]
LanguageOption = Annotated[Language | None, typer.Option("--language", help="zh, en or both.")]
ResolvedOption = Annotated[bool, typer.Option("--resolved", help="The alert of the message is over.")]


@notify_app.command()
def preview(
    receiver: ReceiverArgument,
    label: LabelOption = None,
    resolved: ResolvedOption = False,
    language: LanguageOption = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show what every channel of a receiver would send. Nothing is sent; secrets are masked."""
    found = find_server(server, data_dir).change(
        "POST", f"{PATH}/preview", _wanted(receiver, label, resolved, language)
    )
    _show(found, output, fine="")


@notify_app.command("test")
def trial(
    receiver: ReceiverArgument,
    label: LabelOption = None,
    resolved: ResolvedOption = False,
    language: LanguageOption = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send a message of trial through every channel of a receiver. Exit code 1 when one of them fails."""
    found = find_server(server, data_dir).change("POST", f"{PATH}/test", _wanted(receiver, label, resolved, language))
    _show(found, output, fine="sent")


def _wanted(receiver: str, labels: list[str] | None, resolved: bool, language: Language | None) -> dict[str, Any]:
    pairs = dict[str, str]()
    for text in labels or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--label {text!r} is not name=value", place="--label")
        pairs[name] = value
    return {"receiver": receiver, "labels": pairs, "resolved": resolved, "language": language}


def _show(found: list[dict[str, Any]], output: Output, fine: str) -> None:
    if output is Output.JSON:
        print_json(found)
    else:
        for each in found:
            typer.echo(f"{each['channel']}[{each['index']}]\t{each['error'] or each['remark'] or fine}".rstrip())
            for said in each["said"]:
                typer.echo(f"{said}\n")
        if not found:
            typer.echo("this receiver has no channels")
    if any(each["error"] for each in found):
        raise typer.Exit(1)
