"""``fenghuo trading``: is a market open, which trading day is it, and when does it open next."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fenghuo.app.settings_load import load_settings
from fenghuo.base.document import Severity
from fenghuo.base.errors import InputError
from fenghuo.cli.moments import moment_ms
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.trading import Market, MarketBook, Session, built_in_markets

trading_app = typer.Typer()

SHOWN = ("SSE", "CFFEX.IF", "SHFE.au", "SHFE.cu", "SHFE.rb", "INE.sc", "DCE.m", "CZCE.TA", "GFEX.lc", "HKEX")
"""The markets that are shown when none is named: one for each kind of hours."""
DAY = dt.timedelta(days=1)


@trading_app.command()
def trading(
    markets: Annotated[
        list[str] | None, typer.Argument(help="SSE, SHFE.rb, CZCE.TA405 … Default: one for each kind of hours.")
    ] = None,
    at: Annotated[str, typer.Option(help="The moment, as in 2027-02-08T02:10+08:00. Default: now.")] = "",
    days: Annotated[int, typer.Option(min=0, max=366, help="List the sessions of so many days from then on.")] = 0,
    config: Annotated[Path | None, typer.Option(help="A configuration with exchanges of its own.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show trading sessions, by calendars and hours that Fenghuo knows.

    Exit code 1 when a market that was named is closed, so that scripts can ask.
    """
    book, at_ms = _book(config), moment_ms(at)
    found = [book.market(name) for name in (markets or SHOWN)]
    rows = [_as_json(market, at_ms, days) for market in found]
    if output is Output.JSON:
        print_json(rows)
    else:
        _print(rows, with_sessions=days > 0)
    for market in found:
        if not market.knows(at_ms):
            year = dt.datetime.fromtimestamp(at_ms / 1000, market.calendar.zone).year
            text = f"holidays of {year} are not known to calendar {market.calendar.name}: weekends only"
            typer.secho(text, fg="yellow", err=True)
    if markets and not all(row["open"] for row in rows):
        raise typer.Exit(1)


def _book(config: Path | None) -> MarketBook:
    if config is None:
        return built_in_markets()
    settings, problems = load_settings(config, os.environ)
    if settings is None:
        first = next(problem for problem in problems if problem.severity is Severity.ERROR)
        raise InputError(first.message, place=f"{first.file}:{first.line}", remedy=first.remedy)
    return MarketBook(settings.trading)


def _as_json(market: Market, at_ms: int, days: int) -> dict[str, Any]:
    session, following = market.session_at(at_ms), market.next_session(at_ms)
    trading_day = market.trading_day(at_ms)
    row: dict[str, Any] = {
        "market": market.name,
        "open": session is not None,
        "trading_day": str(trading_day) if trading_day else None,
        "closes": _shown(market, session.closes_ms) if session else None,
        "opens": _shown(market, following.opens_ms) if following else None,
        "holidays_known": market.knows(at_ms),
    }
    if days:
        end_ms = at_ms + round(days * DAY.total_seconds() * 1000)
        row["sessions"] = [_session(market, each) for each in market.sessions_between(at_ms, end_ms)]
    return row


def _session(market: Market, session: Session) -> dict[str, Any]:
    return {
        "opens": _shown(market, session.opens_ms),
        "closes": _shown(market, session.closes_ms),
        "trading_day": str(session.trading_day),
        "night": session.night,
    }


def _shown(market: Market, at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, market.calendar.zone).isoformat(timespec="minutes")


def _print(rows: list[dict[str, Any]], *, with_sessions: bool) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("market", "", "trading day", "closes", "opens next"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        state = "[green]open[/]" if row["open"] else "closed"
        table.add_row(row["market"], state, row["trading_day"] or "-", row["closes"] or "-", row["opens"] or "-")
    Console(highlight=False).print(table)
    for row in rows if with_sessions else ():
        typer.echo(f"\n{row['market']}")
        for session in row["sessions"]:
            night = "  night" if session["night"] else ""
            typer.echo(f"  {session['opens']} – {session['closes']}  for {session['trading_day']}{night}")
