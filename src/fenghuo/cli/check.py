"""``fenghuo check``: is this file good? Exit 0 when it is, 1 when it is not, 2 when that cannot be found out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fenghuo.alerting.escalation.course import plan
from fenghuo.app.routes_check import OWNER_LABELS, lint_file
from fenghuo.app.settings_check import Report, check_file
from fenghuo.base.document import Problem, Severity
from fenghuo.base.errors import InputError
from fenghuo.cli.output import Output, OutputOption, print_json
from fenghuo.metrics.promql import normalized
from fenghuo.model.duration import format_duration
from fenghuo.model.escalation import FrozenPolicy
from fenghuo.rules import Duplicate, Loaded, duplicates, load_rule_file
from fenghuo.trading import MarketBook

check_app = typer.Typer(help="Check files before they are used.", no_args_is_help=True)

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@check_app.callback()
def check() -> None:
    """Check files before they are used."""


@check_app.command("config")
def check_config(
    files: Annotated[list[Path], typer.Argument(metavar="F…", help="fenghuo.yml or prometheus.yml files.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Check configurations and the files that they name; list everything that is wrong."""
    for file in files:
        require_readable(file)
    reports = [check_file(file, os.environ, rule_file_problems) for file in files]
    if output is Output.JSON:
        print_json({"files": [_as_json(report) for report in reports]})
    else:
        for report in reports:
            _print(report)
    sys.exit(0 if all(report.ok for report in reports) else 1)


@check_app.command("rules")
def check_rules(
    files: Annotated[list[Path], typer.Argument(metavar="F…", help="Rule files, as Prometheus defines them.")],
    ignore_unknown_fields: Annotated[
        bool, typer.Option("--ignore-unknown-fields", help="Pass over keys that nobody knows.")
    ] = False,
    lint_fatal: Annotated[
        bool, typer.Option("--lint-fatal", help="Exit 3 when there are warnings, or rules that repeat.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check rule files: structure, expressions and templates; list everything that is wrong, and rules that repeat."""
    for file in files:
        require_readable(file)
    found = [(str(file), load_rule_file(file, normalized, ignore_unknown=ignore_unknown_fields)) for file in files]
    if output is Output.JSON:
        print_json({"files": [_rules_as_json(name, loaded) for name, loaded in found]})
    else:
        for name, loaded in found:
            _print_rules(name, loaded)
    if not all(loaded.file for _, loaded in found):
        sys.exit(1)
    doubtful = any(loaded.problems or duplicates(loaded.file) for _, loaded in found if loaded.file)
    sys.exit(3 if lint_fatal and doubtful else 0)


@check_app.command("routes")
def check_routes(
    files: Annotated[list[Path], typer.Argument(metavar="F…", help="fenghuo.yml or alertmanager.yml files.")],
    owner: Annotated[
        list[str] | None, typer.Option(help="A label that names who owns an alert; repeatable. Default: owner, team.")
    ] = None,
    lint_fatal: Annotated[bool, typer.Option("--lint-fatal", help="Exit 3 when anything is found.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Look for mistakes in who is told: routes that are never reached, receivers, intervals and escalations that nobody
    uses, steps that reach nobody, people without contacts, schedules with gaps, alerts without an owner."""
    for file in files:
        require_readable(file)
    reports = [lint_file(file, os.environ, owner or OWNER_LABELS) for file in files]
    if output is Output.JSON:
        print_json({"files": [_routes_as_json(str(file), *each) for file, each in zip(files, reports, strict=True)]})
    else:
        for file, (ok, problems) in zip(files, reports, strict=True):
            typer.echo(f"Checking {file}")
            print_problems(problems)
            typer.secho("  OK" if ok else "  FAILED", fg="green" if ok else "red", nl=False)
            typer.echo(f": {_amount(len(problems), 'findings')}")
    if not all(ok for ok, _ in reports):
        sys.exit(1)
    sys.exit(3 if lint_fatal and any(problems for _, problems in reports) else 0)


def _routes_as_json(name: str, ok: bool, problems: Sequence[Problem]) -> dict[str, Any]:
    return {"file": name, "ok": ok, "problems": [problem_as_json(problem) for problem in problems]}


def rule_file_problems(path: Path, markets: MarketBook) -> tuple[int, list[Problem]]:
    """How many rules a file has, and what is wrong with it."""
    loaded = load_rule_file(path, normalized, markets=markets)
    return loaded.file.rule_count if loaded.file else 0, list(loaded.problems)


def require_readable(file: Path) -> None:
    """Raise InputError, which is exit code 2, unless ``file`` can be opened."""
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", place=str(file), remedy="check the path") from error


def print_problems(problems: Sequence[Problem]) -> None:
    """Each problem with its remedy below it, errors first, in the order of the file; colours only on a terminal."""
    for problem in sorted(problems, key=lambda each: (each.severity is not Severity.ERROR, each.file, each.line)):
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        where = " ".join(part for part in (place, problem.path) if part)
        typer.secho(f"  {problem.severity.value}: ", fg=_COLOURS[problem.severity], nl=False)
        typer.echo(f"{where}: {problem.message}" if where else problem.message)
        if problem.remedy:
            typer.echo(f"    → {problem.remedy}")


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """A problem for programs."""
    return {
        "severity": problem.severity.value,
        "file": problem.file,
        "line": problem.line or None,
        "path": problem.path,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def _print(report: Report) -> None:
    typer.echo(f"Checking {report.file}")
    print_problems(report.problems)
    errors = sum(problem.severity is Severity.ERROR for problem in report.problems)
    warnings = len(report.problems) - errors
    if report.ok:
        typer.secho("  OK", fg="green", nl=False)
        counts = ", ".join(_amount(count, name) for name, count in report.counts().items() if name != "skipped_jobs")
        skipped = len(report.settings.skipped_jobs) if report.settings else 0
        typer.echo(f": {counts}" + (f"; {_amount(skipped, 'jobs')} skipped" if skipped else ""))
        for ladder in report.ladders():
            typer.echo(f"  {ladder.priority} nobody answers: {_ladder(ladder)}")
    else:
        typer.secho("  FAILED", fg="red", nl=False)
        typer.echo(f": {_amount(errors, 'errors')}, {_amount(warnings, 'warnings')}")


def _ladder(policy: FrozenPolicy) -> str:
    """``night: after 5m person:zhang; after 15m schedule:primary; all 1 time more``."""
    steps = [
        f"after {format_duration(step.offset_ms)} {', '.join(step.targets)}" for step in plan(policy) if step.round == 1
    ]
    again = f"; all {_amount(policy.repeat, 'times')} more" if policy.repeat else ""
    return f"{policy.name}: {'; '.join(steps)}{again}"


def _ladder_as_json(policy: FrozenPolicy) -> dict[str, Any]:
    return {
        "priority": policy.priority.value,
        "policy": policy.name,
        "steps": [
            {"offset_ms": step.offset_ms, "round": step.round, "targets": list(step.targets)} for step in plan(policy)
        ],
    }


def _print_rules(name: str, loaded: Loaded) -> None:
    typer.echo(f"Checking {name}")
    print_problems(loaded.problems)
    if loaded.file is None:
        errors = sum(problem.severity is Severity.ERROR for problem in loaded.problems)
        typer.secho("  FAILED", fg="red", nl=False)
        typer.echo(f": {_amount(errors, 'errors')}")
        return
    for duplicate in duplicates(loaded.file):
        typer.secho("  warning: ", fg="yellow", nl=False)
        typer.echo(_duplicate_text(duplicate))
        typer.echo("    → give them different labels, or remove all but one")
    typer.secho("  OK", fg="green", nl=False)
    typer.echo(f": {_amount(loaded.file.rule_count, 'rules')} in {_amount(len(loaded.file.groups), 'groups')}")


def _duplicate_text(duplicate: Duplicate) -> str:
    labels = str(duplicate.labels) if duplicate.labels else "no labels"
    return f"{duplicate.count} rules are named {duplicate.name} and have {labels}; they write the same series"


def _rules_as_json(name: str, loaded: Loaded) -> dict[str, Any]:
    file = loaded.file
    return {
        "file": name,
        "ok": file is not None,
        "counts": {"groups": len(file.groups) if file else 0, "rules": file.rule_count if file else 0},
        "problems": [problem_as_json(problem) for problem in loaded.problems],
        "duplicates": [
            {"name": each.name, "labels": dict(each.labels), "count": each.count}
            for each in (duplicates(file) if file else [])
        ],
    }


def _amount(count: int, plural: str) -> str:
    words = plural.replace("_", " ")
    return f"{count} {words.removesuffix('s') if count == 1 else words}"


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "file": report.file,
        "ok": report.ok,
        "counts": report.counts(),
        "problems": [problem_as_json(problem) for problem in report.problems],
        "escalations": [_ladder_as_json(ladder) for ladder in report.ladders()],
        "config": report.settings.to_yaml() if report.settings else None,
    }
