"""Reading a test file and the rule files that it names."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fenghuo.base.document import Document, Problem, Severity, load_yaml, validate
from fenghuo.base.errors import InputError
from fenghuo.rules.loader import ReadExpr, RuleFile, load_rule_file, problem_of
from fenghuo.rules.testing.settings import CaseSettings, TestFileSettings


@dataclass(frozen=True, slots=True)
class LoadedTests:
    """A test file that can be run: ``settings`` is None when any problem is an error."""

    name: str
    document: Document | None
    settings: TestFileSettings | None
    rules: tuple[RuleFile, ...]
    problems: tuple[Problem, ...]

    def line(self, *path: str | int) -> int:
        """Where in the file something stands; 0 when that is not known."""
        return self.document.line(path) if self.document else 0


def load_tests(path: Path, read_expr: ReadExpr, *, ignore_unknown: bool = False) -> LoadedTests:
    """Read the file at ``path``. ``ignore_unknown`` passes over unknown keys of rule files.

    Raises InputError when the file itself cannot be opened; everything else is a problem.
    """
    name = str(path)
    try:
        document = load_yaml(path.read_bytes(), name, str(path.parent))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", place=name, remedy="check the path") from error
    except InputError as error:
        return LoadedTests(name, None, None, (), (problem_of(error, name),))
    settings, problems = validate(TestFileSettings, document, document.value or {})
    rules: list[RuleFile] = []
    if settings is not None:
        for file, found in _rule_files(settings, document, read_expr, ignore_unknown=ignore_unknown):
            problems += found
            rules += [file] if file else []
        problems += _contradictions(settings, document, {group.name for file in rules for group in file.groups})
    broken = any(problem.severity is Severity.ERROR for problem in problems)
    return LoadedTests(name, document, None if broken else settings, tuple(rules), tuple(problems))


def _rule_files(
    settings: TestFileSettings, document: Document, read_expr: ReadExpr, *, ignore_unknown: bool
) -> Iterator[tuple[RuleFile | None, tuple[Problem, ...]]]:
    for at, pattern in enumerate(settings.rule_files):
        names = sorted(glob.glob(str(Path(document.directory) / pattern)))
        if not names:
            message = f"no file matches {pattern!r}"
            yield None, (document.warning(message, ("rule_files", at), remedy="paths are relative to this file"),)
        for name in names:
            loaded = load_rule_file(Path(name), read_expr, ignore_unknown=ignore_unknown)
            yield loaded.file, loaded.problems


def _contradictions(settings: TestFileSettings, document: Document, groups: set[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, name in enumerate(settings.group_eval_order):
        if name in seen:
            yield document.problem(f"group {name!r} stands twice", ("group_eval_order", at))
        elif name not in groups:
            yield document.warning(f"no rule file has a group {name!r}", ("group_eval_order", at))
        seen.add(name)
    if settings.interval_ms <= 0:
        yield document.problem("evaluation_interval must be positive", ("evaluation_interval",))
    for at, case in enumerate(settings.tests):
        yield from _case_problems(case, document, ("tests", at))


def _case_problems(case: CaseSettings, document: Document, path: tuple[str | int, ...]) -> Iterator[Problem]:
    for at, alert in enumerate(case.alert_rule_test):
        if not alert.alertname:
            yield document.problem("alertname is missing", (*path, "alert_rule_test", at))
    for at, test in enumerate(case.promql_expr_test):
        if not test.expr:
            yield document.problem("expr is missing", (*path, "promql_expr_test", at))
