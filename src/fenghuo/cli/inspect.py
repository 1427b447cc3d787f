"""``fenghuo inspect``: what is in the store's files, and is it whole? Exit 0 when it is, 1 when something is damaged.

It reads files and asks no server: it works on what a server holds open, on a backup, and on what none starts on.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from fenghuo.base.errors import InputError
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.metrics.store.inspection import (
    EVER_MS,
    BlockReport,
    Flaw,
    SegmentReport,
    Share,
    inspect_block,
    inspect_segment,
)

inspect_app = typer.Typer(help="Look into the store's files.", no_args_is_help=True)

PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH…", help="Files, or a directory: of the files, of a store, or of a server.")
]
VerifyOption = Annotated[bool, typer.Option("--verify", help="Read everything and look at every checksum.")]
TopOption = Annotated[int, typer.Option(min=0, help="How many labels and metrics to list.")]


@inspect_app.callback()
def root() -> None:
    """Look into the store's files; nothing is changed, and a server may run on them."""
    # What reading finds damaged is printed as a result here, not as a message.
    logging.getLogger("fenghuo.metrics.store").addHandler(logging.NullHandler())


@inspect_app.command("block")
def show_blocks(
    paths: PathsArgument, verify: VerifyOption = False, top: TopOption = 10, output: OutputOption = Output.TEXT
) -> None:
    """Show blocks: their times, series, bytes a sample, and what takes most room."""
    files = _files(paths, "blocks", "*.block")
    reports = [_read(file, lambda path: inspect_block(path, verify=verify, top=top)) for file in files]
    _show({"blocks": reports}, output, _print_block)


@inspect_app.command("wal")
def show_segments(paths: PathsArgument, output: OutputOption = Output.TEXT) -> None:
    """Show segments of the write-ahead log: their records, times and samples. Checksums are always looked at."""
    reports = [_read(file, inspect_segment) for file in _files(paths, "wal", "*.wal")]
    _show({"segments": reports}, output, _print_segment)


@inspect_app.command("store")
def show_store(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A store's directory, or a server's.")],
    verify: VerifyOption = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show all blocks and segments of a store, a line each, and their sum."""
    if not directory.is_dir():
        raise InputError("is not a directory", place=str(directory), remedy="name a store's directory, or a server's")
    block_files = _files([directory], "blocks", "*.block", may_lack=True)
    blocks = [_read(file, lambda path: inspect_block(path, verify=verify)) for file in block_files]
    segments = [_read(file, inspect_segment) for file in _files([directory], "wal", "*.wal", may_lack=True)]
    if output is Output.JSON:
        _show({"blocks": blocks, "segments": segments}, output, print)
    for block in blocks:
        typer.echo(_line(block, f"{block.series} series"))
    for segment in segments:
        typer.echo(_line(segment, f"{segment.series} series"))
    for name, reports in (("blocks", blocks), ("wal", segments)):
        size, samples = sum(each.size_bytes for each in reports), sum(each.samples for each in reports)
        typer.echo(f"{name}: {len(reports)} files, {size} bytes, {samples} samples{_each(size, samples)}")
    _end([*blocks, *segments])


def _files(paths: Sequence[Path], kind: str, pattern: str, *, may_lack: bool = False) -> list[Path]:
    """The files that are meant: those named, and those in directories that are named."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            places = (path, path / kind, path / "metrics" / kind)
            inside = next((files for place in places if (files := sorted(place.glob(pattern)))), [])
            if not inside and not may_lack:
                raise InputError(f"no {pattern} in it", place=str(path), remedy="name a file, or the store's directory")
            found += inside
        else:
            found.append(path)
    return found


def _read(file: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(file)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", place=str(file), remedy="check the path") from error


def _show(groups: dict[str, list[Any]], output: Output, show: Callable[[Any], None]) -> None:
    reports = [report for group in groups.values() for report in group]
    if output is Output.JSON:
        print_json({name: [_as_json(report) for report in group] for name, group in groups.items()})
    else:
        for report in reports:
            show(report)
    _end(reports)


def _end(reports: Iterable[BlockReport | SegmentReport]) -> None:
    damaged = any(not flaw.torn for report in reports for flaw in report.flaws)
    sys.exit(1 if damaged else 0)


def _as_json(report: BlockReport | SegmentReport) -> dict[str, Any]:
    """The report's fields; times are null when there is no sample, and bytes are also given for a sample."""
    found = asdict(report)
    if report.first_ms == EVER_MS:
        found["first_ms"] = found["last_ms"] = None
    found["bytes_per_sample"] = report.size_bytes / report.samples if report.samples else None
    return found


def _line(report: BlockReport | SegmentReport, what: str) -> str:
    damage = f", DAMAGED: {report.flaws[0].what}" if report.flaws else ""
    return f"{report.file}: {_times(report)}, {what}, {report.samples} samples, {report.size_bytes} bytes{damage}"


def _print_block(report: BlockReport) -> None:
    _head(report)
    if report.origin:
        loose = f", {report.loose_series} of them loose" if report.loose_series else ""
        typer.echo(
            f"  origin    {report.origin}" + (f", replaces {', '.join(report.replaces)}" * bool(report.replaces))
        )
        typer.echo(f"  series    {report.series}{loose}; {report.cohorts} cohorts, {report.chunks} chunks")
        if report.tombstones:
            typer.echo(f"  deleted   samples of {report.tombstones} series; see the file of tombstones beside it")
        _table("bytes", report.parts, report.samples)
        _table("rows", report.rows, report.samples)
        _table("labels (values)", report.labels)
        _table("metrics (series)", report.metrics)
    _flaws(report.flaws, "no damage found" if report.verified else "")


def _print_segment(report: SegmentReport) -> None:
    _head(report)
    typer.echo(f"  names     {report.series} series, {report.cohorts} cohorts")
    _table("records", report.records, report.samples)
    _flaws(report.flaws, "no damage found")


def _head(report: BlockReport | SegmentReport) -> None:
    typer.secho(report.file, bold=True)
    typer.echo(f"  times     {_times(report)}")
    typer.echo(f"  samples   {report.samples} in {report.size_bytes} bytes{_each(report.size_bytes, report.samples)}")


def _table(title: str, shares: list[Share], samples: int = 0) -> None:
    if shares:
        typer.echo(f"  {title}")
    for share in shares:
        typer.echo(f"    {share.name:<40} {share.count:>10} {share.bytes:>12} bytes{_each(share.bytes, samples)}")


def _flaws(flaws: list[Flaw], when_none: str) -> None:
    for flaw in flaws:
        word, colour = ("torn", "yellow") if flaw.torn else ("damaged", "red")
        typer.secho(f"  {word} at byte {flaw.offset}: {flaw.what}", fg=colour)
    if when_none and not flaws:
        typer.echo(f"  {when_none}")


def _each(size: int, samples: int) -> str:
    return f", {size / samples:.2f} a sample" if samples else ""


def _times(report: BlockReport | SegmentReport) -> str:
    if report.first_ms == EVER_MS:
        return "none"
    first, last = (f"{datetime.fromtimestamp(each / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}" for each in _bounds(report))
    return f"{first} to {last}"


def _bounds(report: BlockReport | SegmentReport) -> tuple[int, int]:
    return report.first_ms, report.last_ms
