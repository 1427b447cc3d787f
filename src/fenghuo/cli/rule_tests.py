"""``fenghuo test rules``: unit tests of rule files, in promtool's format."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fenghuo.app.laboratory import Laboratory
from fenghuo.base.errors import OperatingError
from fenghuo.cli.check import print_problems, problem_as_json
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.metrics.promql import normalized
from fenghuo.model.regex import compile_free
from fenghuo.rules.testing import CaseReport, FileReport, LoadedTests, Mismatch, as_junit, load_tests, run_tests


def run_rules(
    files: Annotated[list[Path], typer.Argument(metavar="F…", help="Test files, as promtool's 'test rules' has them.")],
    run: Annotated[
        list[str] | None, typer.Option("--run", help="Only tests whose name this expression finds; repeatable.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what was expected and what came as a difference.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the outcome there as JUnit's XML.")] = None,
    ignore_unknown_fields: Annotated[
        bool, typer.Option("--ignore-unknown-fields", help="Pass over keys of rule files that nobody knows.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run unit tests of rule files, in the format of promtool; exit 1 when one fails or a file is broken."""
    only = [compile_free(text) for text in run or []]
    reports: list[FileReport] = []
    loads: list[LoadedTests] = []
    for file in files:
        loaded = load_tests(file, normalized, ignore_unknown=ignore_unknown_fields)
        report = run_tests(loaded, Laboratory.evaluating_each, only)
        if output is Output.TEXT:
            _print(loaded, report, diff=diff)
        loads.append(loaded)
        reports.append(report)
    if junit is not None:
        _write(junit, as_junit(reports))
    if output is Output.JSON:
        print_json({"files": [_as_json(*pair) for pair in zip(loads, reports, strict=True)]})
    else:
        passed, failed = sum(report.passed for report in reports), sum(report.failed for report in reports)
        broken = sum(bool(report.broken) for report in reports)
        typer.echo(f"all: {passed} passed, {failed} failed" + (f", {broken} broken" if broken else ""))
    sys.exit(0 if all(report.ok for report in reports) else 1)


def _print(loaded: LoadedTests, report: FileReport, *, diff: bool) -> None:
    print_problems(loaded.problems)
    for case in report.cases:
        for mismatch in case.mismatches:
            _print_mismatch(report.name, case, mismatch, diff=diff)
    outcome = "broken" if report.broken else f"{report.passed} passed, {report.failed} failed"
    typer.echo(f"{report.name}: {outcome}")


def _print_mismatch(file: str, case: CaseReport, mismatch: Mismatch, *, diff: bool) -> None:
    name = f"{case.name}: " if case.name else ""
    typer.echo(f"{file}:{mismatch.line}: {name}{mismatch.what}: {mismatch.reason}")
    if not (mismatch.expected or mismatch.got):
        return
    if diff:
        lines = difflib.unified_diff(mismatch.expected, mismatch.got, "expected", "got", lineterm="", n=99)
        for line in lines:
            typer.echo(f"    {line}")
        return
    for title, shown in (("expected", mismatch.expected), ("got", mismatch.got)):
        typer.echo(f"    {title}:" + ("" if shown else " nothing"))
        for line in shown:
            typer.echo(f"      {line}")


def _write(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise OperatingError(f"{path} cannot be written: {error.strerror}", retryable=False) from error


def _as_json(loaded: LoadedTests, report: FileReport) -> dict[str, Any]:
    return {
        "file": report.name,
        "ok": report.ok,
        "passed": report.passed,
        "failed": report.failed,
        "problems": [problem_as_json(problem) for problem in loaded.problems],
        "tests": [
            {"name": case.name, "line": case.line, "passed": case.passed, "failures": _failures(case)}
            for case in report.cases
        ],
    }


def _failures(case: CaseReport) -> list[dict[str, Any]]:
    return [
        {
            "line": each.line,
            "what": each.what,
            "reason": each.reason,
            "expected": list(each.expected),
            "got": list(each.got),
        }
        for each in case.mismatches
    ]
