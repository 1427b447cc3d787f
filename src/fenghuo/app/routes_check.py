"""What ``fenghuo check routes`` looks at: a configuration's alerting part and its rules, with places in the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from fenghuo.alerting.lint import lint
from fenghuo.alerting.lint_people import Configured
from fenghuo.app.settings import AppSettings, matching_files
from fenghuo.app.settings_check import readable_documents
from fenghuo.app.settings_load import load_settings
from fenghuo.base.clock import Clock, SystemClock
from fenghuo.base.document import Document, Problem, Severity, show_path
from fenghuo.metrics.promql import normalized
from fenghuo.rules import load_rule_file
from fenghuo.trading import MarketBook

OWNER_LABELS: Final = ("owner", "team")


def lint_file(
    path: Path, env: Mapping[str, str], owner_labels: Sequence[str], clock: Clock | None = None
) -> tuple[bool, list[Problem]]:
    """Whether the configuration loads, and what is wrong with it if not; else everything doubtful, as warnings."""
    settings, problems = load_settings(path, env)
    if settings is None:
        return False, [problem for problem in problems if problem.severity is Severity.ERROR]
    now_ms = (clock or SystemClock()).now_ms()
    documents = list(readable_documents(settings.sources))
    what = Configured(
        settings.alerting, settings.oncall, settings.priorities, settings.escalations, MarketBook(settings.trading)
    )
    found = lint(what, now_ms)
    placed = [_placed(documents, finding.path, finding.message, finding.remedy) for finding in found]
    return True, [*placed, *_without_owner(settings, owner_labels)]


def _placed(documents: Sequence[Document], path: tuple[str | int, ...], message: str, remedy: str) -> Problem:
    """The finding with the file that holds its place."""
    for document in documents:
        if path in document.lines:
            return document.warning(message, path, remedy=remedy)
    return Problem(message, path=show_path(path), remedy=remedy, severity=Severity.WARNING)


def _without_owner(settings: AppSettings, labels: Sequence[str]) -> Iterator[Problem]:
    """Alerting rules of the user's own files that no label gives to anybody."""
    words = " or ".join(repr(label) for label in labels)
    for path in matching_files(settings.rule_files):
        loaded = load_rule_file(path, normalized, markets=MarketBook(settings.trading))
        documents = list(readable_documents([path]))
        if loaded.file is None or not documents:
            yield from loaded.problems
            continue
        for at, group in enumerate(loaded.file.groups):
            for number, rule in enumerate(group.rules):
                if rule.alert and not any(group.labels_of(rule).get(label) for label in labels):
                    place = ("groups", at, "rules", number)
                    yield documents[0].warning(f"alert {rule.alert!r} has no label {words}", place)
