"""What a configuration points at: are the files there, do they hold what they should, can the targets be scraped.

:func:`load_settings` looks at the configuration alone, so that a server starts although a target file is late; this
is what ``fenghuo check config`` adds. Everything here reads files and nothing touches the network.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from fenghuo.alerting.escalation.course import freeze
from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.app.settings import AppSettings, matching_files
from fenghuo.app.settings_load import load_settings
from fenghuo.base.clock import SystemClock
from fenghuo.base.document import Document, Problem, Severity, load_yaml, show_path
from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.discovery.groups import TargetGroup, group_of, parse_groups
from fenghuo.metrics.collect.settings import JobSettings
from fenghuo.metrics.collect.targets import targets_of
from fenghuo.model.escalation import FrozenPolicy
from fenghuo.model.incident import Priority
from fenghuo.model.settings_types import named_files
from fenghuo.trading import MarketBook

CheckRules = Callable[[Path, MarketBook], tuple[int, list[Problem]]]
"""Reads a rule file that may name these markets: how many rules it has, and what is wrong with it."""

_WILDCARDS = frozenset("*?[")


@dataclass
class Report:
    """What a check found. ``settings`` is None when the configuration itself is bad."""

    file: str
    settings: AppSettings | None = None
    problems: list[Problem] = field(default_factory=list)
    target_groups: int = 0
    targets: int = 0
    rule_files: int = 0
    rules: int = 0

    @property
    def ok(self) -> bool:
        return not any(problem.severity is Severity.ERROR for problem in self.problems)

    def counts(self) -> dict[str, int]:
        """How much of each there is, by the words that are shown."""
        settings = self.settings
        return {
            "jobs": len(settings.jobs) if settings else 0,
            "skipped_jobs": len(settings.skipped_jobs) if settings else 0,
            "target_groups": self.target_groups,
            "targets": self.targets,
            "rule_files": self.rule_files,
            "rules": self.rules,
            "receivers": len(settings.alerting.receivers) if settings else 0,
        }

    def ladders(self) -> list[FrozenPolicy]:
        """How incidents are escalated that nobody answers, by priority, the most urgent first."""
        if self.settings is None:
            return []
        named = self.settings.escalations.escalations
        table = Priorities(self.settings.priorities)
        chosen = ((priority, table.policy(priority).escalation) for priority in Priority)
        return [
            freeze(name, named[name], priority, table.ack_within_ms(priority))
            for priority, name in chosen
            if name in named
        ]


def check_file(path: Path, env: Mapping[str, str], check_rules: CheckRules) -> Report:
    """Everything that can be found wrong with the configuration at ``path`` and the files behind it."""
    settings, problems = load_settings(path, env)
    report = Report(str(path), settings, problems)
    if settings is not None:
        checker = _Checker(settings, report, check_rules)
        checker.named_files()
        checker.rule_files()
        checker.jobs()
        checker.notices()
    return report


class _Checker:
    def __init__(self, settings: AppSettings, report: Report, check_rules: CheckRules) -> None:
        self._settings = settings
        self._report = report
        self._check_rules = check_rules
        self._places = _Places(settings.sources)

    # --- files that settings name

    def named_files(self) -> None:
        """Certificates, keys, passwords, templates: each must be there and readable."""
        settings = self._settings
        parts: list[tuple[str, BaseModel]] = [(f"job {job.job_name!r}", job) for job in settings.jobs]
        parts += [(f"remote_write to {write.name or write.url}", write) for write in settings.remote_writes]
        parts += [("remote", settings.remote)] if settings.remote is not None else []
        for owner, part in (*parts, ("alerting", settings.alerting)):
            for path, name in named_files(part):
                if _WILDCARDS & set(name):
                    if not glob.glob(name):
                        self._add(f"no file matches {name!r}", name, show_path(path), owner, Severity.WARNING)
                elif fault := _unreadable(name):
                    self._add(f"file {name!r} {fault}", name, show_path(path), owner, Severity.ERROR)

    def rule_files(self) -> None:
        """Rule files must be there when they are named in full, and hold rules."""
        for pattern in self._settings.rule_files:
            if not _WILDCARDS & set(pattern) and (fault := _unreadable(pattern)):
                self._add(f"rule file {pattern!r} {fault}", pattern, "rule_files", "", Severity.ERROR)
        markets = MarketBook(self._settings.trading)
        for path in matching_files(self._settings.rule_files):
            count, problems = self._check_rules(path, markets)
            self._report.rule_files += 1
            self._report.rules += count
            self._report.problems += problems

    # --- notices

    def notices(self) -> None:
        """Every template of every receiver must be one."""
        try:
            Channels(SystemClock()).build(self._settings.alerting)
        except InputError as error:
            self._report.problems.append(Problem(f"{error.place}: {error.message}", self._report.file))

    # --- targets

    def jobs(self) -> None:
        for job in self._settings.jobs:
            groups = [*_static_groups(job), *self._file_groups(job)]
            active, dropped = targets_of(job, groups)
            self._report.target_groups += len(groups)
            self._report.targets += len(active)
            for target in dropped:
                if target.problem:
                    address = target.discovered.get("__address__", "")
                    self._add(f"{target.problem}: {address!r}", address, "", f"job {job.job_name!r}", Severity.ERROR)

    def _file_groups(self, job: JobSettings) -> Iterator[TargetGroup]:
        owner = f"job {job.job_name!r}"
        for pattern in (name for each in job.file_sd_configs for name in each.files):
            paths = matching_files([pattern])
            if not paths:
                self._add(
                    f"target file {pattern!r} does not exist", pattern, "file_sd_configs", owner, Severity.WARNING
                )
            for path in paths:
                try:
                    yield from parse_groups(path.read_bytes(), str(path), {})
                except OSError as error:
                    self._report.problems.append(Problem(f"cannot be read: {error.strerror}", str(path)))
                except InputError as error:
                    self._report.problems.append(Problem(error.message, error.place, remedy=error.remedy))

    def _add(self, message: str, value: str, path: str, owner: str, severity: Severity) -> None:
        file, line, written = self._places.find(value)
        where = f"{message}, named by {owner}" if owner else message
        self._report.problems.append(Problem(where, file, line, written or path, severity=severity))


class _Places:
    """Finds where a value stands in the files that were loaded. Settings do not remember; the files do."""

    def __init__(self, sources: tuple[Path, ...]) -> None:
        self._documents = list(readable_documents(sources))
        self._default = str(sources[0]) if sources else ""

    def find(self, value: str) -> tuple[str, int, str]:
        """File, line and YAML path of the first text that means ``value``, joined with the file's directory or not."""
        for document in self._documents:
            for path in document.lines:
                written = _at(document.value, path)
                if isinstance(written, str) and value in (written, str(Path(document.directory) / written)):
                    return document.name, document.line(path), show_path(path)
        return self._default, 0, ""


def readable_documents(sources: Iterable[Path]) -> Iterator[Document]:
    """The files as they are written, for finding places in them; those that cannot be read are left out."""
    for source in sources:
        try:
            yield load_yaml(source.read_bytes(), str(source), str(source.parent))
        except (OSError, InputError):
            continue  # It was readable a moment ago; places in it are then not known.


def _at(value: object, path: tuple[str | int, ...]) -> object:
    for step in path:
        if isinstance(value, dict) or (isinstance(value, list) and isinstance(step, int)):
            try:
                value = value[step]  # type: ignore[index]
            except (KeyError, IndexError):
                return None
        else:
            return None
    return value


def _static_groups(job: JobSettings) -> list[TargetGroup]:
    return [group_of(group, f"static_configs[{index}]", {}) for index, group in enumerate(job.static_configs)]


def _unreadable(name: str) -> str:
    """What is wrong with the file, or the empty text. A directory will do: a mounted secret may come later."""
    path = Path(name)
    if not path.exists():
        return "does not exist"
    return "" if os.access(path, os.R_OK) else "cannot be read by this user"
