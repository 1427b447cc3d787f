"""What a server runs with: the settings and the rules that they name, loaded and checked as one.

Loading is all or nothing. A server starts, or reloads, with a whole configuration or not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fenghuo.alerting.priority.policy import Priorities
from fenghuo.app.settings import AppSettings, matching_files
from fenghuo.base.document import Problem, Severity
from fenghuo.base.errors import InputError
from fenghuo.base.late import Later
from fenghuo.metrics.collect.settings import GlobalSettings
from fenghuo.metrics.promql import normalized
from fenghuo.model.incident import Priority
from fenghuo.model.labels import Labels
from fenghuo.packs import load_pack
from fenghuo.rules import RuleFile, RulesSettings, load_rule_file, markets_of
from fenghuo.trading import MarketBook, TradingSettings

log = logging.getLogger(__name__)

BUILT_IN_GLOBAL = GlobalSettings(scrape_interval_ms=15_000, evaluation_interval_ms=15_000)
"""Without a configuration file everything goes at 15 s; jobs and rules of a file that says nothing get Prometheus'
minute."""


TRADING_PACK = "trading"
"""The pack that watches trading calendars; on when any setting names a market."""

LOAD_SETTINGS = Later("fenghuo.app.settings_load", "load_settings")
"""Without a configuration file nobody needs what reads one."""


class ConfigurationError(InputError):
    """A configuration that cannot be used. ``problems`` holds every mistake; the message lists them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = [problem for problem in problems if problem.severity is Severity.ERROR]
        listed = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"the configuration cannot be used:{listed}")


@dataclass(frozen=True)
class Configuration:
    """Checked settings and rule files."""

    settings: AppSettings
    rule_files: tuple[RuleFile, ...]

    @cached_property
    def markets(self) -> MarketBook:
        """The markets that the settings know."""
        return MarketBook(self.settings.trading)

    @cached_property
    def market_names(self) -> tuple[str, ...]:
        """The markets that settings and rules name, each once."""
        return tuple(dict.fromkeys([*self.settings.market_names, *markets_of(self.rule_files)]))

    def rules(self, external_url: str) -> RulesSettings:
        """What the rule manager is told."""
        return RulesSettings(
            files=self.rule_files,
            evaluation_interval_ms=self.settings.global_.evaluation_ms,
            query_offset_ms=self.settings.global_.rule_query_offset_ms,
            external_labels=Labels(self.settings.global_.external_labels),
            external_url=external_url,
            urgent=self._is_urgent,
        )

    def _is_urgent(self, labels: Labels) -> bool:
        """Whether a rule's own labels say that its alert is P0, and no file says how often rules are evaluated."""
        own = self.settings.global_
        if own.evaluation_interval_ms and own is not BUILT_IN_GLOBAL:
            return False
        settings = self.settings.priorities
        return settings.label in labels and Priorities(settings).of(labels) is Priority.P0


def load_configuration(path: Path | None, environment: Mapping[str, str]) -> Configuration:
    """Read the file at ``path`` and every file that it names. Warnings go to the log.

    Reads files: call it in a worker thread. Raises ConfigurationError.
    """
    settings: AppSettings | None
    problems: list[Problem]
    if path is None:
        settings, problems = AppSettings(global_=BUILT_IN_GLOBAL), []
    else:
        settings, problems = LOAD_SETTINGS.get()(path, environment)
    files, rule_problems = _load_rules(settings) if settings is not None else ([], [])
    problems = [*problems, *rule_problems]
    for problem in problems:
        if problem.severity is Severity.WARNING:
            log.warning("%s", problem)
    if settings is None or any(problem.severity is Severity.ERROR for problem in problems):
        raise ConfigurationError(problems)
    return Configuration(settings, tuple(files))


def _load_rules(settings: AppSettings) -> tuple[list[RuleFile], list[Problem]]:
    markets = MarketBook(settings.trading) if settings.trading != TradingSettings() else None
    loaded = [
        load_rule_file(path, normalized, markets=markets)
        for path in [*_pack_files(settings.packs), *matching_files(settings.rule_files)]
    ]
    files = [each.file for each in loaded if each.file is not None]
    if TRADING_PACK not in settings.packs and (settings.market_names or markets_of(files)):
        calendars = (load_rule_file(path, normalized) for path in _pack_files([TRADING_PACK]))
        files = [*(each.file for each in calendars if each.file is not None), *files]
    return files, [problem for each in loaded for problem in each.problems]


def _pack_files(packs: Iterable[str]) -> list[Path]:
    return [path for name in packs for path in load_pack(name).rule_files]
