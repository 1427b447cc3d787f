"""``fenghuo test``: does it do what the file says? Exit 0 when it does, 1 when it does not, 2 for a broken file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fenghuo.base.errors import InputError
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.cli.rule_tests import run_rules
from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.metrics.promql.script.run import Failure, Report, run_script

test_app = typer.Typer(help="Run tests that are written in files.", no_args_is_help=True)


@test_app.callback()
def root() -> None:
    """Run tests that are written in files."""


@test_app.command("promql")
def run_promql(
    files: Annotated[list[Path], typer.Argument(metavar="F…", help="Files in Prometheus' PromQL test language.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Run files of Prometheus' own test language for PromQL against the engine."""
    reports = [_run(file, quiet=output is Output.JSON) for file in files]
    if output is Output.JSON:
        print_json({"files": [_as_json(report) for report in reports]})
    else:
        passed, failed = (sum(counts) for counts in zip(*map(_counts, reports), strict=True))
        typer.echo(f"all: {passed} passed, {failed} failed")
    sys.exit(1 if any(report.failures for report in reports) else 0)


test_app.command("rules")(run_rules)


def _run(file: Path, *, quiet: bool) -> Report:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", place=str(file), remedy="check the path") from error

    def show(failure: Failure) -> None:
        typer.echo(f"{file}:{failure.line}: {failure.expr}: {failure.reason}")

    report = run_script(text, str(file), MemoryStore(), None if quiet else show)
    if not quiet:
        typer.echo(f"{file}: {report.passed} passed, {len(report.failures)} failed")
    return report


def _counts(report: Report) -> tuple[int, int]:
    return report.passed, len(report.failures)


def _as_json(report: Report) -> dict[str, object]:
    failures = [{"line": one.line, "expr": one.expr, "reason": one.reason} for one in report.failures]
    return {"file": report.name, "passed": report.passed, "failed": len(failures), "failures": failures}
