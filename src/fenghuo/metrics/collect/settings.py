"""Scrape jobs in Prometheus' words.

``scrape_configs`` become :class:`JobSettings` as they are written: a limit, interval or flag that is not given is
0 or None, and :meth:`JobSettings.under` fills it in from :class:`GlobalSettings`. What the scraper is handed has
been through that: its intervals are above 0 and its flags are True or False.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from fenghuo.base.document import DictOf, ListOf, Path, RefusedError, RefusedManyError, Settings
from fenghuo.metrics.collect.discovery.foreign import ForeignDiscoverySettings
from fenghuo.metrics.collect.discovery.settings import DiscoverySettings
from fenghuo.model.duration import format_duration
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.relabel import NameScheme, RelabelRule
from fenghuo.model.settings_types import Count, DurationMs, FilePattern, SizeBytes


class ScrapeProtocol(StrEnum):
    """What a target may be asked for, by the names that ``scrape_protocols`` uses."""

    PROTOBUF = "PrometheusProto"
    TEXT_0_0_4 = "PrometheusText0.0.4"
    TEXT_1_0_0 = "PrometheusText1.0.0"
    OPENMETRICS_0_0_1 = "OpenMetricsText0.0.1"
    OPENMETRICS_1_0_0 = "OpenMetricsText1.0.0"


class EscapingScheme(StrEnum):
    """How a target is to write names that are not of the classic character set."""

    ALLOW_UTF8 = "allow-utf-8"
    UNDERSCORES = "underscores"
    DOTS = "dots"
    VALUES = "values"


DEFAULT_PROTOCOLS: Final = (
    ScrapeProtocol.OPENMETRICS_1_0_0,
    ScrapeProtocol.OPENMETRICS_0_0_1,
    ScrapeProtocol.TEXT_1_0_0,
    ScrapeProtocol.TEXT_0_0_4,
)
DEFAULT_INTERVAL_MS: Final = 60_000
DEFAULT_TIMEOUT_MS: Final = 10_000


def _distinct(protocols: list[ScrapeProtocol] | None) -> list[ScrapeProtocol] | None:
    if protocols is not None and not protocols:
        raise RefusedError("scrape_protocols cannot be empty", "remove the key for the default")
    if protocols is not None and len(set(protocols)) < len(protocols):
        raise RefusedError(f"duplicated protocol in {', '.join(protocols)}", "name each protocol once")
    return protocols


Protocols = Annotated[list[ScrapeProtocol] | None, AfterValidator(_distinct)]


class _Inherited(Settings):
    """The keys that ``global`` and a job have in common; in a job 0, None and "" mean what ``global`` says."""

    scrape_interval_ms: DurationMs = Field(0, alias="scrape_interval")
    """Time between scrapes. 0 means what ``global`` says, and there 1m."""
    scrape_timeout_ms: DurationMs = Field(0, alias="scrape_timeout")
    """Bound of one scrape, at most the interval. 0 means what ``global`` says, and there 10s."""
    scrape_protocols: Protocols = None
    """Formats to ask for, most wanted first. Default: OpenMetrics 1.0.0 and 0.0.1, then the text formats."""
    scrape_failure_log_file: FilePattern = ""
    body_size_limit_bytes: SizeBytes = Field(0, alias="body_size_limit")
    """A larger body, uncompressed, fails the scrape. 0 sets no bound of the job's own."""
    sample_limit: Count = 0
    """More samples after metric relabelling fail the scrape. This and the limits below: 0 sets no bound."""
    target_limit: Count = 0
    """With more targets than this every scrape of the job fails."""
    label_limit: Count = 0
    """A sample with more labels fails the scrape."""
    label_name_length_limit: Count = 0
    """A longer label name fails the scrape."""
    label_value_length_limit: Count = 0
    """A longer label value fails the scrape."""
    keep_dropped_targets: Count = 0
    """How many targets that relabelling dropped are kept for the API."""
    metric_name_validation_scheme: NameScheme | None = None
    """Which names are names: any UTF-8 (the default), or the classic character set."""
    metric_name_escaping_scheme: EscapingScheme | None = None
    scrape_native_histograms: bool | None = None
    convert_classic_histograms_to_nhcb: bool | None = None
    always_scrape_classic_histograms: bool | None = None
    extra_scrape_metrics: bool | None = None


_WITH_ZERO: Final = (
    "scrape_failure_log_file", "body_size_limit_bytes", "sample_limit", "target_limit", "label_limit",
    "label_name_length_limit", "label_value_length_limit", "keep_dropped_targets",
)  # fmt: skip
_FLAGS: Final = (
    "scrape_native_histograms", "convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms",
    "extra_scrape_metrics",
)  # fmt: skip


class GlobalSettings(_Inherited):
    """Prometheus' ``global``."""

    evaluation_interval_ms: DurationMs = Field(0, alias="evaluation_interval")
    """Time between evaluations of a rule group that names none. 0 means 1m."""
    rule_query_offset_ms: DurationMs = Field(0, alias="rule_query_offset")
    """How far in the past rules look, for targets whose samples come late."""
    query_log_file: FilePattern = ""
    external_labels: DictOf[str] = Field(default_factory=dict)
    """Labels that every alert gets when it leaves for its receivers."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.scrape_timeout_ms > self.interval_ms:
            raise _timeout_too_long(self.scrape_timeout_ms, self.interval_ms)
        scheme = self.name_scheme
        for name in self.external_labels:
            if not scheme.allows_label(name):
                raise RefusedError(f"external label {name!r} is not a label name", "rename it")
        return self

    @property
    def interval_ms(self) -> int:
        return self.scrape_interval_ms or DEFAULT_INTERVAL_MS

    @property
    def timeout_ms(self) -> int:
        return self.scrape_timeout_ms or min(DEFAULT_TIMEOUT_MS, self.interval_ms)

    @property
    def evaluation_ms(self) -> int:
        return self.evaluation_interval_ms or DEFAULT_INTERVAL_MS

    @property
    def name_scheme(self) -> NameScheme:
        return self.metric_name_validation_scheme or NameScheme.UTF8

    @property
    def escaping_scheme(self) -> EscapingScheme:
        return self.metric_name_escaping_scheme or _default_escaping(self.name_scheme)


class JobSettings(_Inherited, HttpClientSettings, DiscoverySettings, ForeignDiscoverySettings):
    """One entry of ``scrape_configs``."""

    job_name: str
    """The ``job`` label of its targets; each job needs a name of its own."""
    honor_labels: bool = False
    """Where a sample brings ``job`` or ``instance`` itself: keep it (true), or rename it to ``exported_…``."""
    honor_timestamps: bool = True
    """Whether timestamps in the body are used."""
    track_timestamps_staleness: bool = False
    params: DictOf[ListOf[str]] = Field(default_factory=dict)
    """URL parameters of every scrape."""
    fallback_scrape_protocol: ScrapeProtocol | None = None
    """What a body is read as whose Content-Type says nothing; without it such a scrape fails."""
    metrics_path: str = "/metrics"
    scheme: str = "http"
    enable_compression: bool = True
    """Whether to ask for gzip."""
    native_histogram_bucket_limit: Count = 0
    native_histogram_min_bucket_factor: float = 0.0
    relabel_configs: ListOf[RelabelRule] = Field(default_factory=list)
    """What happens to targets before they are scraped."""
    metric_relabel_configs: ListOf[RelabelRule] = Field(default_factory=list)
    """What happens to samples before they are stored."""

    @model_validator(mode="before")
    @classmethod
    def _some_job(cls, value: Any) -> Any:
        if value is None:
            raise RefusedError("empty or null scrape job", "remove the lone dash, or write a job behind it")
        return value

    @field_validator("job_name")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value:
            raise RefusedError("job_name is empty", "give the job a name")
        return value

    @field_validator("scheme")
    @classmethod
    def _http_scheme(cls, value: str) -> str:
        if value not in ("http", "https"):
            raise RefusedError(f"scheme {value!r} is neither http nor https", "write http or https")
        return value

    @model_validator(mode="after")
    def _hosts_not_urls(self) -> Self:
        if not self.relabel_configs:
            self.check_static_addresses()
        return self

    def under(self, base: GlobalSettings) -> JobSettings:
        """This job with everything that it leaves open taken from ``base``.

        Raises RefusedError, or RefusedManyError with places inside the job, when the two do not fit: a timeout
        above the interval, names that are not allowed.
        """
        interval_ms = self.scrape_interval_ms or base.interval_ms
        if self.scrape_timeout_ms > interval_ms:
            raise _timeout_too_long(self.scrape_timeout_ms, interval_ms)
        scheme, escaping = self._schemes(base)
        filled: dict[str, Any] = {
            "scrape_interval_ms": interval_ms,
            "scrape_timeout_ms": self.scrape_timeout_ms or min(base.timeout_ms, interval_ms),
            "scrape_protocols": self.scrape_protocols or base.scrape_protocols or self._protocols(base),
            "metric_name_validation_scheme": scheme,
            "metric_name_escaping_scheme": escaping,
            **rules_under(scheme, self, "relabel_configs", "metric_relabel_configs"),
        }
        for name in _WITH_ZERO:
            filled[name] = getattr(self, name) or getattr(base, name)
        for name in _FLAGS:
            own = getattr(self, name)
            filled[name] = bool(getattr(base, name) if own is None else own)
        return self.model_copy(update=filled)

    def _protocols(self, base: GlobalSettings) -> list[ScrapeProtocol]:
        own = self.scrape_native_histograms
        native = base.scrape_native_histograms if own is None else own
        return [ScrapeProtocol.PROTOBUF, *DEFAULT_PROTOCOLS] if native else [*DEFAULT_PROTOCOLS]

    def _schemes(self, base: GlobalSettings) -> tuple[NameScheme, EscapingScheme]:
        own = self.metric_name_validation_scheme
        scheme = own or base.name_scheme
        inherited = _default_escaping(scheme) if own else base.escaping_scheme
        escaping = self.metric_name_escaping_scheme or inherited
        if escaping is EscapingScheme.ALLOW_UTF8 and scheme is NameScheme.LEGACY:
            raise RefusedError(
                "UTF-8 names are asked for where the validation scheme is legacy",
                "set metric_name_validation_scheme: utf8, or another metric_name_escaping_scheme",
            )
        return scheme, escaping


def rules_under(scheme: NameScheme, settings: Settings, *names: str) -> dict[str, list[RelabelRule]]:
    """The relabelling rules of the named fields where ``scheme`` says which names are names.

    Raises RefusedManyError with the place of every rule that writes to something else.
    """
    ready: dict[str, list[RelabelRule]] = {name: [] for name in names}
    refusals: list[tuple[Path, RefusedError]] = []
    for name in names:
        for index, rule in enumerate(getattr(settings, name)):
            try:
                ready[name].append(rule.under(scheme))
            except RefusedError as error:
                refusals.append(((name, index), error))
    if refusals:
        raise RefusedManyError(refusals)
    return ready


def _default_escaping(scheme: NameScheme) -> EscapingScheme:
    return EscapingScheme.ALLOW_UTF8 if scheme is NameScheme.UTF8 else EscapingScheme.UNDERSCORES


def _timeout_too_long(timeout_ms: int, interval_ms: int) -> RefusedManyError:
    timeout, interval = format_duration(timeout_ms), format_duration(interval_ms)
    error = RefusedError(
        f"scrape timeout {timeout} is greater than scrape interval {interval}",
        "lower scrape_timeout or raise scrape_interval",
    )
    return RefusedManyError([(("scrape_timeout",), error)])
