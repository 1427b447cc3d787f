"""The Prometheus side of a configuration: jobs, rule files, external labels, and what loads without effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from fenghuo.app.environment import expand_external_labels
from fenghuo.app.settings import SkippedJob, matching_files
from fenghuo.app.settings_later import (
    UTF8_STRATEGIES,
    OtlpSettings,
    PrometheusAlertingSettings,
    PrometheusStorageSettings,
    RemoteReadSettings,
    RuntimeSettings,
    TracingSettings,
)
from fenghuo.app.settings_sections import as_list, sections
from fenghuo.base.document import Document, Problem, RefusedError, RefusedManyError, Settings, validate
from fenghuo.base.document import Path as YamlPath
from fenghuo.metrics.collect.settings import GlobalSettings, JobSettings, ScrapeProtocol, rules_under
from fenghuo.metrics.forward.settings import QueueSettings, RemoteSettings, RemoteWriteSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.relabel import NameScheme, RelabelRule

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R", bound=RemoteSettings)
T = TypeVar("T")

_FILE_PATTERN: Final = re.compile(r"[^*]*(\*[^/]*)?\Z")
_NATIVE_FLAGS: Final = (
    "scrape_native_histograms", "convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms",
)  # fmt: skip


@dataclass
class PrometheusPart:
    """What a Prometheus configuration gives."""

    global_: GlobalSettings = field(default_factory=GlobalSettings)
    jobs: list[JobSettings] = field(default_factory=list)
    skipped_jobs: list[SkippedJob] = field(default_factory=list)
    rule_files: list[str] = field(default_factory=list)
    alert_relabel_rules: list[RelabelRule] = field(default_factory=list)
    remote_writes: list[RemoteWriteSettings] = field(default_factory=list)
    storage: dict[str, Any] = field(default_factory=dict)
    """Fields of the store's settings that ``storage.tsdb`` and ``storage.exemplars`` decide."""


class PrometheusReader:
    """Reads one configuration. ``read_file`` gives the document of an included file, or None and a problem."""

    def __init__(
        self, env: Mapping[str, str], read_file: Callable[[Path], Document | None], problems: list[Problem]
    ) -> None:
        self._env = env
        self._read_file = read_file
        self._problems = problems
        self._part = PrometheusPart()
        self._job_places: dict[str, str] = {}

    def read(self, document: Document) -> PrometheusPart:
        """Everything in ``document``, whose value has no unknown keys at its top."""
        top: dict[str, Any] = document.value
        global_ok = self._global(document, top.get("global"))
        self._jobs(document, top.get("scrape_configs"), global_ok)
        for pattern in self._patterns(document, top, "scrape_config_files"):
            for path in matching_files([pattern]):
                included = self._read_file(path)
                if included is not None:
                    jobs = sections(included, {"scrape_configs"}, self._problems).get("scrape_configs")
                    self._jobs(included, jobs, global_ok)
        self._part.rule_files += self._patterns(document, top, "rule_files")
        self._alerting(document, top)
        self._storage(document, top.get("storage"))
        self._remotes(document, top)
        self._without_effect(document, top)
        return self._part

    # --- global and jobs

    def _global(self, document: Document, given: Any) -> bool:
        """Whether ``global`` is as it should be."""
        settings = self._model(GlobalSettings, document, given, ("global",))
        if settings is None:
            return False
        labels, unset = expand_external_labels(settings.external_labels, self._env)
        for name in unset:
            self._warn(
                document, ("global", "external_labels"), f"environment variable {name or '${}'} is empty or unset"
            )
        if settings.query_log_file:
            self._warn(
                document, ("global", "query_log_file"), "queries are not logged to a file yet; the key is ignored"
            )
        self._native_warnings(document, ("global",), settings)
        self._part.global_ = settings.model_copy(update={"external_labels": labels})
        return True

    def _jobs(self, document: Document, given: Any, global_ok: bool) -> None:
        for index, entry in enumerate(as_list(document, given, ("scrape_configs",), self._problems)):
            at: YamlPath = ("scrape_configs", index)
            job, found = validate(JobSettings, document, entry, at)
            self._problems += found
            name = entry.get("job_name") if isinstance(entry, dict) else None
            if isinstance(name, str) and name:
                self._claim_name(document, name, at)
            if job is not None and global_ok:
                self._job(document, job, at)

    def _claim_name(self, document: Document, name: str, at: YamlPath) -> None:
        place = f"{document.name}:{document.line(at)}"
        first = self._job_places.get(name)
        if first is None:
            self._job_places[name] = place
        else:
            self._problems.append(
                document.problem(
                    f"found multiple scrape jobs with the name {str(name)!r}, first at {first}",
                    (*at, "job_name"),
                    remedy="give each job a name of its own",
                )
            )

    def _job(self, document: Document, job: JobSettings, at: YamlPath) -> None:
        filled = self._checked(document, at, lambda: job.under(self._part.global_))
        if filled is None:
            return
        systems = job.foreign_systems()
        spoken = job.static_configs or job.file_sd_configs or job.http_sd_configs
        if systems and not spoken:
            self._part.skipped_jobs.append(SkippedJob(job.job_name, tuple(systems)))
        else:
            self._part.jobs.append(filled)
        for system in systems:
            fate = "its other targets are scraped" if spoken else "the job is skipped"
            self._warn(
                document,
                (*at, system),
                f"discovery by {system} is not supported; of job {job.job_name!r} {fate}",
                "list the targets with file_sd_configs, http_sd_configs or static_configs",
            )
        self._job_warnings(document, job, at)

    def _job_warnings(self, document: Document, job: JobSettings, at: YamlPath) -> None:
        self._oauth_warning(document, at, job)
        self._native_warnings(document, at, job)
        if job.scrape_failure_log_file:
            self._warn(
                document, (*at, "scrape_failure_log_file"), "scrape failures go to the program's log, not to a file"
            )
        for index, http in enumerate(job.http_sd_configs):
            self._oauth_warning(document, (*at, "http_sd_configs", index), http)
        if job.scrape_protocols and ScrapeProtocol.PROTOBUF in job.scrape_protocols:
            self._warn(document, (*at, "scrape_protocols"), "PrometheusProto is not asked for; the text formats are")

    def _native_warnings(self, document: Document, at: YamlPath, settings: Settings) -> None:
        for name in _NATIVE_FLAGS:
            if getattr(settings, name):
                self._warn(document, (*at, name), f"native histograms are not stored yet; {name} has no effect")

    def _oauth_warning(self, document: Document, at: YamlPath, settings: HttpClientSettings) -> None:
        if settings.oauth2 is not None and not settings.oauth2.is_spoken:
            self._warn(
                document, (*at, "oauth2", "grant_type"), "tokens are not fetched with a key pair; requests go without",
                "use client_secret, or authorization with credentials_file",
            )  # fmt: skip

    # --- the other sections

    def _patterns(self, document: Document, top: Mapping[str, Any], key: str) -> Iterator[str]:
        for index, name in enumerate(as_list(document, top.get(key), (key,), self._problems)):
            if not isinstance(name, str) or _FILE_PATTERN.match(name) is None:
                self._problems.append(
                    document.problem(
                        f"invalid file path {name!r}", (key, index), remedy="use at most one *, in the last part"
                    )
                )
            else:
                yield str(Path(document.directory) / name)

    def _alerting(self, document: Document, top: Mapping[str, Any]) -> None:
        settings = self._model(PrometheusAlertingSettings, document, top.get("alerting"), ("alerting",))
        if settings is None:
            return
        scheme = self._part.global_.name_scheme
        own = self._rules(document, ("alerting",), scheme, settings, "alert_relabel_configs")
        self._part.alert_relabel_rules = own.get("alert_relabel_configs", [])
        for index, manager in enumerate(settings.alertmanagers):
            at: YamlPath = ("alerting", "alertmanagers", index)
            self._rules(document, at, scheme, manager, "relabel_configs", "alert_relabel_configs")
        if settings.alertmanagers:
            self._warn(
                document,
                ("alerting", "alertmanagers"),
                "alerts are not sent to other Alertmanagers; they are routed here",
                "put route and receivers into this file, or name the existing file with alertmanager: PATH",
            )

    def _storage(self, document: Document, given: Any) -> None:
        settings = self._model(PrometheusStorageSettings, document, given, ("storage",))
        if settings is None:
            return
        tsdb, decided = settings.tsdb, self._part.storage
        if tsdb.retention.time_ms:
            decided["retention_ms"] = tsdb.retention.time_ms
        if tsdb.retention.size_bytes:
            decided["retention_size_bytes"] = tsdb.retention.size_bytes
        if "out_of_order_time_window_ms" in tsdb.model_fields_set:
            decided["out_of_order_window_ms"] = tsdb.out_of_order_time_window_ms
        if "max_exemplars" in settings.exemplars.model_fields_set:
            decided["exemplars_max"] = max(settings.exemplars.max_exemplars, 0)
        idle = {
            ("retention", "percentage"): tsdb.retention.percentage,
            ("stale_series_compaction_threshold",): tsdb.stale_series_compaction_threshold,
            ("chunk_encoding",): tsdb.chunk_encoding.floats,
        }
        for path, value in idle.items():
            if value:
                self._warn(document, ("storage", "tsdb", *path), f"{path[-1]} has no effect on this store")

    def _remotes(self, document: Document, top: Mapping[str, Any]) -> None:
        scheme = self._part.global_.name_scheme
        for at, write in self._remote_sections(document, top, "remote_write", RemoteWriteSettings):
            rules = self._rules(document, at, scheme, write, "write_relabel_configs")
            self._part.remote_writes.append(write.model_copy(update=rules))
            self._write_warnings(document, at, write)
        for at, _ in self._remote_sections(document, top, "remote_read", RemoteReadSettings):
            self._warn(
                document, at, "queries do not read from other servers by remote read",
                "write remote: {url: …} to run all queries on another engine",
            )  # fmt: skip

    def _remote_sections(
        self, document: Document, top: Mapping[str, Any], key: str, model: type[R]
    ) -> Iterator[tuple[YamlPath, R]]:
        """The sections of a list that are as they should be. No two of them have the same name."""
        names: set[str] = set()
        for index, entry in enumerate(as_list(document, top.get(key), (key,), self._problems)):
            settings = self._model(model, document, entry, (key, index), null_is_empty=False)
            name = settings.name if settings is not None else ""
            if name and name in names:
                self._problems.append(
                    document.problem(f"found multiple {key} sections with the name {name!r}", (key, index, "name"))
                )
            names.add(name)
            if settings is not None:
                yield (key, index), settings

    def _write_warnings(self, document: Document, at: YamlPath, write: RemoteWriteSettings) -> None:
        self._oauth_warning(document, at, write)
        if not write.url.startswith(("http://", "https://")):
            self._warn(
                document, (*at, "url"), f"url {write.url!r} is neither http nor https; nothing can be sent there",
                "write http://host:port/path",
            )  # fmt: skip
        if write.sigv4 is not None and write.sigv4.role_arn:
            self._warn(
                document, (*at, "sigv4", "role_arn"), "roles are not taken on; requests are signed with the key itself",
                "name a profile whose key may write",
            )  # fmt: skip
        for name in ("azuread", "google_iam"):
            if getattr(write, name) is not None:
                self._warn(document, (*at, name), f"{name} is not spoken; requests go without")
        for name in ("send_native_histograms", "round_robin_dns", "failed_request_logging"):
            if getattr(write, name):
                self._warn(document, (*at, name), f"{name} has no effect")
        if write.queue_config.capacity != QueueSettings().capacity:
            self._warn(
                document, (*at, "queue_config", "capacity"), "capacity has no effect: the queue is on disk",
                "queue_size bounds it",
            )  # fmt: skip

    def _without_effect(self, document: Document, top: Mapping[str, Any]) -> None:
        for key, model, fate in (
            ("tracing", TracingSettings, "the program does not send traces of itself yet"),
            ("runtime", RuntimeSettings, "these are knobs of Go's runtime"),
            ("otlp", OtlpSettings, "OTLP is not received yet"),
        ):
            if top.get(key) is None:
                continue
            settings = self._model(model, document, top[key], (key,))
            if isinstance(settings, OtlpSettings):
                self._otlp_names(document, settings)
            if settings is not None:
                self._warn(document, (key,), f"{key} has no effect: {fate}")

    def _otlp_names(self, document: Document, settings: OtlpSettings) -> None:
        strategy = settings.translation_strategy
        if strategy in UTF8_STRATEGIES and self._part.global_.name_scheme is NameScheme.LEGACY:
            self._problems.append(
                document.problem(
                    f"OTLP translation strategy {strategy!r} is not allowed when names are legacy ones",
                    ("otlp", "translation_strategy"),
                    remedy="set global.metric_name_validation_scheme: utf8",
                )
            )

    # --- helpers

    def _model(
        self, model: type[M], document: Document, given: Any, at: YamlPath, *, null_is_empty: bool = True
    ) -> M | None:
        settings, found = validate(model, document, {} if given is None and null_is_empty else given, at)
        self._problems += found
        return settings

    def _rules(
        self, document: Document, at: YamlPath, scheme: NameScheme, settings: Settings, *names: str
    ) -> dict[str, list[RelabelRule]]:
        return self._checked(document, at, lambda: rules_under(scheme, settings, *names)) or {}

    def _checked(self, document: Document, at: YamlPath, make: Callable[[], T]) -> T | None:
        """What ``make`` gives; None and problems when it refuses."""
        try:
            return make()
        except RefusedError as error:
            self._problems.append(document.problem(error.message, at, remedy=error.remedy))
        except RefusedManyError as error:
            self._problems += [
                document.problem(each.message, (*at, *path), remedy=each.remedy) for path, each in error.refusals
            ]
        return None

    def _warn(self, document: Document, at: YamlPath, message: str, remedy: str = "") -> None:
        self._problems.append(document.warning(message, at, remedy=remedy))
