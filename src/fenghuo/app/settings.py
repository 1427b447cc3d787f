"""The settings of the whole program: what every part is handed, already checked and complete.

Each part's settings stand beside that part; here they are only put together. :func:`fenghuo.app.settings_load.
load_settings` makes an :class:`AppSettings` of files, and :meth:`AppSettings.default` is what holds without any.
"""

from __future__ import annotations

import glob
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, field_validator

from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.api.own.intake.settings import IntakesSettings
from fenghuo.app.options import DEFAULT_LISTEN, parse_address
from fenghuo.base.document import ListOf, RefusedError, Settings, refusing
from fenghuo.base.errors import InputError
from fenghuo.heartbeat.settings import HeartbeatsSettings
from fenghuo.metrics.collect.integrations.host import HostSettings
from fenghuo.metrics.collect.settings import GlobalSettings, JobSettings
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.metrics.promql.settings import QuerySettings
from fenghuo.metrics.remote.settings import RemoteEngineSettings
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.model.duration import format_duration
from fenghuo.model.language import Language
from fenghuo.model.relabel import RelabelRule
from fenghuo.model.settings_types import UrlText
from fenghuo.trading import TradingSettings


class ServerSettings(Settings):
    """``server``: where the program listens and how it is reached."""

    listen: str = DEFAULT_LISTEN
    """``host:port``; port 0 takes a free one."""
    external_url: UrlText = ""
    """The address that people use, for links in notices; empty: made of ``listen``."""
    cors_origins: ListOf[str] = Field(default_factory=list)
    """Origins of other web pages that may read the API. None by default."""
    trusted_proxies: ListOf[str] = Field(default_factory=list)
    """Addresses or networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed."""

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        try:
            parse_address(value)
        except InputError as error:
            raise refusing(error) from error
        return value

    @field_validator("external_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise RefusedError(f"external_url {value!r} is neither http nor https", "write https://monitor.example.com")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
                raise RefusedError(f"{origin!r} is not an origin", "write https://host[:port] without a path")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        for text in value:
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                raise RefusedError(
                    f"{text!r} is not an address or a network: {error}", "write 127.0.0.1 or 10.0.0.0/8"
                ) from error
        return value


class IntegrationSettings(Settings):
    """``integrations``: what is collected without an exporter. ``null`` switches one off."""

    host: HostSettings | None = HostSettings()


@dataclass(frozen=True)
class SkippedJob:
    """A scrape job that cannot run, because all it names are discovery systems that are not spoken."""

    name: str
    systems: tuple[str, ...]


@dataclass(frozen=True)
class AppSettings:
    """Everything that a configuration says. Equal settings mean that a reload has nothing to do."""

    file: Path | None = None
    """The file that was loaded; None for the defaults."""
    sources: tuple[Path, ...] = ()
    """Every file that was read for it, ``file`` first."""
    global_: GlobalSettings = field(default_factory=GlobalSettings)
    """External labels are expanded."""
    jobs: tuple[JobSettings, ...] = ()
    """Scrape jobs with all defaults filled in, in the order of the files."""
    skipped_jobs: tuple[SkippedJob, ...] = ()
    rule_files: tuple[str, ...] = ()
    """Names and patterns, joined with the directory of the file that names them; see :func:`matching_files`."""
    alert_relabel_rules: tuple[RelabelRule, ...] = ()
    """What happens to an alert's labels between the rules and the notification pipeline."""
    alerting: AlertingSettings = field(default_factory=AlertingSettings.built_in)
    remote: RemoteEngineSettings | None = None
    """The engine that answers queries instead of ours."""
    remote_writes: tuple[RemoteWriteSettings, ...] = ()
    storage: StoreSettings = field(default_factory=StoreSettings)
    query: QuerySettings = field(default_factory=QuerySettings)
    priorities: PrioritiesSettings = field(default_factory=PrioritiesSettings)
    escalations: EscalationsSettings = field(default_factory=EscalationsSettings)
    oncall: OnCallSettings = field(default_factory=OnCallSettings)
    heartbeat: HeartbeatsSettings = field(default_factory=HeartbeatsSettings)
    intake: IntakesSettings = field(default_factory=IntakesSettings)
    trading: TradingSettings = field(default_factory=TradingSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    integrations: IntegrationSettings = field(default_factory=IntegrationSettings)
    packs: tuple[str, ...] = ("host",)
    language: Language = Language.BOTH

    @property
    def market_names(self) -> tuple[str, ...]:
        """The markets that any setting names, each once."""
        intervals = (each for named in self.alerting.intervals.values() for each in named.time_intervals)
        named = (each.trading for each in intervals if each.trading)
        return tuple(dict.fromkeys([*self.trading.series, *named, *(name for _, name in self.priorities.markets())]))

    def to_yaml(self) -> str:
        """The configuration that is in force, for people: complete where it matters, secrets masked."""
        shown: dict[str, Any] = {
            "global": {
                "scrape_interval": format_duration(self.global_.interval_ms),
                "scrape_timeout": format_duration(self.global_.timeout_ms),
                "evaluation_interval": format_duration(self.global_.evaluation_ms),
                **_dump(self.global_),
            },
            "rule_files": list(self.rule_files),
            "scrape_configs": [{"job_name": job.job_name, **_dump(job)} for job in self.jobs],
            "alerting": {"alert_relabel_configs": [_dump(rule) for rule in self.alert_relabel_rules]},
            "remote": {"url": self.remote.url, **_dump(self.remote)} if self.remote is not None else {},
            "remote_write": [{"url": write.url, **_dump(write)} for write in self.remote_writes],
            "storage": _dump(self.storage),
            "query": _dump(self.query),
            "priorities": _dump(self.priorities),
            **_dump(self.escalations),
            **_dump(self.oncall),
            **_dump(self.heartbeat),
            **_dump(self.intake),
            "trading": _dump(self.trading),
            "server": {**_dump(self.server), "listen": self.server.listen},
            "integrations": self.integrations.model_dump(mode="json", by_alias=True),
            "packs": list(self.packs),
            "language": self.language.value,
        }
        notifying = _dump(self.alerting)
        shown["global"].update(notifying.pop("global", {}))
        shown.update(notifying)
        if not self.alert_relabel_rules:
            del shown["alerting"]
        kept = {key: value for key, value in shown.items() if value not in ({}, [])}
        return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=120)


def _dump(settings: BaseModel) -> dict[str, Any]:
    dumped: dict[str, Any] = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return dumped


def matching_files(patterns: Iterable[str]) -> list[Path]:
    """The files behind names and patterns, each once, in the patterns' order and sorted within one."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        found.update((Path(name), None) for name in sorted(glob.glob(pattern)))
    return list(found)
