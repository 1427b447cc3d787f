"""``fenghuo up``: start the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from fenghuo.app.logs import configure_logging
from fenghuo.app.options import ServerOptions, parse_address
from fenghuo.app.server import run_until_stopped
from fenghuo.cli.client import DataDirOption, default_data_dir

up_app = typer.Typer()


@up_app.command()
def up(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="fenghuo.yml, or an existing prometheus.yml. Without it the server watches this host and itself.",
        ),
    ] = None,
    data_dir: DataDirOption = None,
    listen: Annotated[
        str | None, typer.Option("--listen", help="HOST:PORT to listen on.", show_default="127.0.0.1:9470")
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="No sign-in. Only where nobody else can reach the address.")
    ] = False,
) -> None:
    """Start the server. SIGTERM or Ctrl-C stops it, SIGHUP reloads the configuration."""
    configure_logging()
    options = ServerOptions(
        config=config,
        data_dir=(data_dir or default_data_dir()).resolve(),
        listen=parse_address(listen) if listen else None,
        no_auth=no_auth,
    )
    uvloop.run(run_until_stopped(options))
