"""From files to :class:`AppSettings`: read, expand, validate, cross-check; every mistake found, all of them at once.

A ``fenghuo.yml`` has Prometheus' keys and Alertmanager's beside its own, or names files that have them
(``prometheus: path``, ``alertmanager: path``); a plain ``prometheus.yml`` is such a file too. Variables of the
environment are put in only in the file that was named, not in those it includes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from fenghuo.alerting.escalation.settings import EscalationsSettings, unknown_targets
from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings, unknown_names
from fenghuo.alerting.settings import AlertingSettings, unknown_markets, warnings_of
from fenghuo.alerting.settings_global import GlobalSettings as AlertingGlobalSettings
from fenghuo.api.own.intake.settings import IntakesSettings
from fenghuo.app.environment import expand
from fenghuo.app.settings import AppSettings, IntegrationSettings, ServerSettings
from fenghuo.app.settings_prometheus import PrometheusPart, PrometheusReader
from fenghuo.app.settings_remote import WRITING_PACK, beside, written_to
from fenghuo.app.settings_sections import (
    ALERTMANAGER_KEYS,
    OWN_KEYS,
    PROMETHEUS_KEYS,
    ROUTING_KEYS,
    as_list,
    keys_of,
    problem_of,
    sections,
    split_global,
    with_value,
)
from fenghuo.base.document import Document, Problem, Severity, load_yaml, validate
from fenghuo.base.errors import InputError
from fenghuo.heartbeat.settings import HeartbeatsSettings
from fenghuo.metrics.promql.settings import QuerySettings
from fenghuo.metrics.remote.settings import RemoteEngineSettings
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.model.language import Language
from fenghuo.packs import pack_names
from fenghuo.trading import MarketBook, TradingSettings, built_in_markets, unknown_market

M = TypeVar("M", bound=BaseModel)

_FOREIGN_STORAGE_KEYS: Final = ("tsdb", "exemplars")


def load_settings(path: Path | None, env: Mapping[str, str]) -> tuple[AppSettings | None, list[Problem]]:
    """The settings in the file at ``path``, and everything that is wrong or worth a warning.

    Without a path the defaults, which watch this host. The settings are None when a problem is an error; what
    cannot be read is a problem too. Files that settings name (rules, targets, certificates) are not looked at.
    """
    if path is None:
        return AppSettings(), []
    loader = _Loader(path, env)
    settings = loader.load()
    failed = any(problem.severity is Severity.ERROR for problem in loader.problems)
    return (None if failed else settings), loader.problems


def read_document(path: Path, problems: list[Problem]) -> Document | None:
    """The YAML in the file at ``path``; None and a problem when it cannot be read."""
    text = b""
    try:
        text = path.read_bytes()
        return load_yaml(text, str(path), str(path.parent))
    except OSError as error:
        problems.append(Problem(f"cannot be read: {error.strerror}", str(path), remedy="check the path and its rights"))
    except InputError as error:
        problem = problem_of(error, str(path))
        line = text.splitlines()[problem.line - 1 : problem.line] if problem.line else []
        if line and b"${" in line[0] and not problem.remedy:
            # In {a: ${B}} the first brace that closes ends the mapping.
            problem = replace(problem, remedy="inside { } and [ ] write quotes around ${…}")
        problems.append(problem)
    return None


class _Loader:
    """One load. Collects problems, and goes on after each as far as that makes sense."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self._path = path
        self._env = env
        self._sources: list[Path] = []
        self._trading = TradingSettings()
        self._markets = built_in_markets()
        self.problems: list[Problem] = []

    def load(self) -> AppSettings | None:
        raw = self._read(self._path)
        if raw is None:
            return None
        document, unset = expand(raw, self._env)
        self.problems += unset
        top = sections(document, PROMETHEUS_KEYS | ALERTMANAGER_KEYS | OWN_KEYS, self.problems)
        for_prometheus, for_alerting = split_global(document, self.problems)
        self._trading = self._section(TradingSettings, document, top, "trading")
        self._markets = self._market_book(document)
        part = self._prometheus(document, top, for_prometheus)
        remote = self._remote(document, top)
        writes = written_to(remote, part.remote_writes)
        alerting = self._alerting(document, top, for_alerting)
        priorities = self._section(PrioritiesSettings, document, top, "priorities")
        oncall = self._sections(OnCallSettings, document, top)
        escalations = self._sections(EscalationsSettings, document, top)
        if all(problem.severity is not Severity.ERROR for problem in self.problems):
            # A section that could not be read defines nothing, and whoever names what it was to define is not at fault.
            receivers = [each.name for each in alerting.receivers]
            self.problems += unknown_names(priorities, receivers, self._markets, document)
            self.problems += unknown_targets(escalations, priorities, oncall, receivers, document)
        return AppSettings(
            file=self._path,
            global_=part.global_,
            jobs=tuple(part.jobs),
            skipped_jobs=tuple(part.skipped_jobs),
            rule_files=tuple(part.rule_files),
            alert_relabel_rules=tuple(part.alert_relabel_rules),
            alerting=alerting,
            priorities=priorities,
            escalations=escalations,
            remote=remote,
            remote_writes=writes,
            oncall=oncall,
            heartbeat=self._sections(HeartbeatsSettings, document, top),
            intake=self._sections(IntakesSettings, document, top),
            trading=self._trading,
            storage=beside(remote, self._storage(document, top.get("storage"), part.storage)),
            query=self._section(QuerySettings, document, top, "query"),
            server=self._section(ServerSettings, document, top, "server"),
            integrations=self._section(IntegrationSettings, document, top, "integrations"),
            packs=self._packs(document, top, writes=bool(writes)),
            language=self._language(document, top.get("language")),
            sources=tuple(self._sources),
        )

    def _read(self, path: Path) -> Document | None:
        document = read_document(path, self.problems)
        if document is not None:
            self._sources.append(path)
        return document

    def _included(
        self, document: Document, top: Mapping[str, Any], key: str, clashing: frozenset[str]
    ) -> Document | None:
        """The file that ``key`` names. Its sections cannot stand in this file as well."""
        name = top[key]
        both = sorted(clashing & set(top))
        if both:
            self.problems.append(
                document.problem(
                    f"{key}: names a file, and {', '.join(both)} stands here too", (key,), remedy="keep one"
                )
            )
        if not isinstance(name, str):
            self.problems.append(document.problem("the name of a file is expected", (key,)))
            return None
        path = Path(document.directory) / name
        if not path.is_file():
            self.problems.append(document.problem(f"{str(path)!r} is not a file", (key,), remedy="check the path"))
            return None
        return self._read(path)

    def _prometheus(self, document: Document, top: Mapping[str, Any], given_global: dict[str, Any]) -> PrometheusPart:
        reader = PrometheusReader(self._env, self._read, self.problems)
        if "prometheus" not in top:
            own = {key: value for key, value in top.items() if key in PROMETHEUS_KEYS}
            storage = own.get("storage")
            if isinstance(storage, dict):
                own["storage"] = {key: item for key, item in storage.items() if key in _FOREIGN_STORAGE_KEYS}
            return reader.read(with_value(document, {**own, "global": given_global}))
        included = self._included(document, top, "prometheus", PROMETHEUS_KEYS - {"global", "storage", "tracing"})
        if included is None:
            return PrometheusPart()
        if given_global:
            self.problems.append(
                document.problem("prometheus: names a file, and its global settings stand here too", ("global",))
            )
        return reader.read(with_value(included, sections(included, PROMETHEUS_KEYS, self.problems)))

    def _alerting(self, document: Document, top: Mapping[str, Any], given_global: dict[str, Any]) -> AlertingSettings:
        if "alertmanager" in top:
            included = self._included(document, top, "alertmanager", ROUTING_KEYS)
            return self._alerting_of(included) if included is not None else AlertingSettings.built_in()
        own = {key: value for key, value in top.items() if key in ROUTING_KEYS}
        if own:
            return self._alerting_of(with_value(document, {**own, "global": given_global}))
        if given_global:
            _, found = validate(AlertingGlobalSettings, document, given_global, ("global",))
            self.problems += found
        return AlertingSettings.built_in()

    def _alerting_of(self, document: Document) -> AlertingSettings:
        settings, found = validate(AlertingSettings, document)
        self.problems += found
        if settings is None:
            return AlertingSettings.built_in()
        self.problems += warnings_of(settings, document)
        self.problems += unknown_markets(settings, document, self._markets)
        return settings

    def _sections(self, model: type[M], document: Document, top: Mapping[str, Any]) -> M:
        """The model whose fields are sections of their own."""
        own = {key: top[key] for key in keys_of(model) if key in top}
        settings, found = validate(model, document, own)
        self.problems += found
        return settings if settings is not None else model()

    def _market_book(self, document: Document) -> MarketBook:
        try:
            book = MarketBook(self._trading)
            for index, name in enumerate(self._trading.series):
                self.problems += unknown_market(book, name, document, ("trading", "series", index))
        except InputError as error:
            self.problems.append(document.problem(f"{error.place}: {error.message}", ("trading",), remedy=error.remedy))
            return built_in_markets()
        return book

    def _storage(self, document: Document, given: Any, from_prometheus: Mapping[str, Any]) -> StoreSettings:
        if isinstance(given, dict):
            given = {key: value for key, value in given.items() if key not in _FOREIGN_STORAGE_KEYS}
        settings = self._section(StoreSettings, document, {"storage": given}, "storage")
        return settings.model_copy(
            update={name: value for name, value in from_prometheus.items() if name not in settings.model_fields_set}
        )

    def _remote(self, document: Document, top: Mapping[str, Any]) -> RemoteEngineSettings | None:
        if top.get("remote") is None:
            return None
        settings, found = validate(RemoteEngineSettings, document, top["remote"], ("remote",))
        self.problems += found
        return settings

    def _section(self, model: type[M], document: Document, top: Mapping[str, Any], key: str) -> M:
        """The model of one section; its defaults when it is not there, or wrong and reported."""
        given = top.get(key)
        settings, found = validate(model, document, {} if given is None else given, (key,))
        self.problems += found
        return settings if settings is not None else model()

    def _packs(self, document: Document, top: Mapping[str, Any], *, writes: bool) -> tuple[str, ...]:
        if "packs" not in top:
            return (*AppSettings.packs, *((WRITING_PACK,) if writes else ()))
        known = pack_names()
        chosen = []
        for index, name in enumerate(as_list(document, top["packs"], ("packs",), self.problems)):
            if name in known:
                chosen.append(str(name))
            else:
                self.problems.append(
                    document.problem(f"unknown pack {name!r}", ("packs", index), remedy=f"known: {', '.join(known)}")
                )
        return tuple(dict.fromkeys(chosen))

    def _language(self, document: Document, given: Any) -> Language:
        if given is None:
            return AppSettings.language
        if given in tuple(Language):
            return Language(given)
        self.problems.append(
            document.problem(f"{given!r} is not a language", ("language",), remedy=f"write {', '.join(Language)}")
        )
        return AppSettings.language
