"""``fenghuo demo``: the server beside a small trading platform that breaks its own CTP link."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from fenghuo.app.demo import DemoOptions, run_demo
from fenghuo.app.logs import configure_logging
from fenghuo.app.options import parse_address

demo_app = typer.Typer()


@demo_app.command()
def demo(
    listen: Annotated[
        str | None, typer.Option("--listen", help="HOST:PORT of the server.", show_default="127.0.0.1:9470")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where to keep its data. Default: a new directory, removed after.")
    ] = None,
    break_after: Annotated[float, typer.Option(help="Seconds until the platform loses its CTP link.")] = 45.0,
    broken_for: Annotated[float, typer.Option(help="Seconds that the link stays lost.")] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Stop after the first alert was resolved.")] = False,
) -> None:
    """Start the server, a small quant platform with visitors, and a receiver that shows what it is told.

    After a while the platform loses its CTP link: watch the alert fire, reach the receiver, and resolve.
    """
    configure_logging()
    address = parse_address(listen) if listen else None
    if data_dir is not None:
        uvloop.run(run_demo(DemoOptions(data_dir.resolve(), address, break_after, broken_for, once)))
        return
    with tempfile.TemporaryDirectory(prefix="fenghuo-demo-") as directory:
        uvloop.run(run_demo(DemoOptions(Path(directory), address, break_after, broken_for, once)))
