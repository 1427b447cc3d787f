"""Sections of a ``prometheus.yml`` that are read and checked but not acted on yet.

They are here so that an existing file loads, and so that mistakes in them are found; the loader warns of each that
is used. As each becomes a part of the program its model moves beside its user.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, PlainSerializer, field_validator, model_validator

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.metrics.collect.discovery.foreign import ForeignDiscoverySettings
from fenghuo.metrics.collect.discovery.settings import DiscoverySettings
from fenghuo.model.http_settings import RESERVED_HEADERS, HttpClientSettings, TlsSettings, at_most_one
from fenghuo.model.relabel import RelabelRule
from fenghuo.model.settings_types import MASK, DurationMs, SizeBytes, UrlText

_REFUSED_HEADERS: Final = RESERVED_HEADERS - {"authorization"}


def _free_headers(headers: dict[str, str]) -> dict[str, str]:
    for name in headers:
        if name.lower() == "authorization":
            raise RefusedError("the authorization header cannot be set here", "use basic_auth or authorization")
        if name.lower() in _REFUSED_HEADERS:
            raise RefusedError(f"{name} is a reserved header", "remove it")
    return headers


def _some_url(url: str) -> str:
    if not url:
        raise RefusedError("url is empty", "write http://host:port/path")
    return url


Headers = Annotated[DictOf[str], AfterValidator(_free_headers)]
SomeUrl = Annotated[UrlText, AfterValidator(_some_url)]


CloudIdentity = Annotated[dict[str, Any], PlainSerializer(lambda value: MASK if value else value)]
"""Keys of an identity provider that is not spoken. Some of them are secrets, so none is shown."""


class QueueSettings(Settings):
    """``queue_config`` of a remote write."""

    capacity: int = 10_000
    max_shards: int = 50
    min_shards: int = 1
    max_samples_per_send: int = 2000
    batch_send_deadline_ms: DurationMs = Field(5000, alias="batch_send_deadline")
    min_backoff_ms: DurationMs = Field(30, alias="min_backoff")
    max_backoff_ms: DurationMs = Field(5000, alias="max_backoff")
    retry_on_http_429: bool = False
    sample_age_limit_ms: DurationMs = Field(0, alias="sample_age_limit")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name in ("max_shards", "min_shards", "max_samples_per_send", "capacity"):
            if getattr(self, name) <= 0:
                raise RefusedError(f"{name} must be positive, got {getattr(self, name)}")
        if self.min_shards > self.max_shards:
            raise RefusedError(f"min_shards {self.min_shards} is greater than max_shards {self.max_shards}")
        if self.max_backoff_ms < self.min_backoff_ms:
            raise RefusedError("max_backoff is less than min_backoff")
        return self


class MetadataSettings(Settings):
    send: bool = True
    send_interval_ms: DurationMs = Field(60_000, alias="send_interval")
    max_samples_per_send: int = 2000


class _Remote(HttpClientSettings):
    url: SomeUrl
    remote_timeout_ms: DurationMs = Field(0, alias="remote_timeout")
    headers: Headers = Field(default_factory=dict)
    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _some_section(cls, value: Any) -> Any:
        if value is None:
            raise RefusedError("empty or null section", "remove the lone dash, or write something behind it")
        return value


class RemoteWriteSettings(_Remote):
    """One entry of ``remote_write``."""

    write_relabel_configs: ListOf[RelabelRule] = Field(default_factory=list)
    send_exemplars: bool = False
    send_native_histograms: bool = False
    round_robin_dns: bool = False
    protobuf_message: Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] = "prometheus.WriteRequest"
    failed_request_logging: bool = False
    queue_config: QueueSettings = QueueSettings()
    metadata_config: MetadataSettings = MetadataSettings()
    sigv4: CloudIdentity | None = None
    azuread: CloudIdentity | None = None
    google_iam: CloudIdentity | None = None

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        at_most_one(self, "basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam")
        return self


class RemoteReadSettings(_Remote):
    """One entry of ``remote_read``."""

    chunked_read_limit: int = 50_000_000
    read_recent: bool = False
    required_matchers: DictOf[str] = Field(default_factory=dict)
    filter_external_labels: bool = True


class TracingSettings(Settings):
    """``tracing``."""

    client_type: Literal["grpc", "http"] = "grpc"
    endpoint: str
    sampling_fraction: float = 0.0
    insecure: bool = False
    tls_config: TlsSettings = TlsSettings()
    headers: Headers = Field(default_factory=dict)
    compression: Literal["", "gzip"] = ""
    timeout_ms: DurationMs = Field(0, alias="timeout")


class RuntimeSettings(Settings):
    """``runtime``: knobs of Go's runtime, which is not here."""

    gogc: int = 75


TranslationStrategy = Literal[
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
]
UTF8_STRATEGIES: Final = ("NoUTF8EscapingWithSuffixes", "NoTranslation")


def _attributes(names: list[str]) -> list[str]:
    trimmed = [name.strip() for name in names]
    for name in trimmed:
        if not name:
            raise RefusedError("an attribute name is empty", "remove it")
        if trimmed.count(name) > 1:
            raise RefusedError(f"attribute {name!r} stands twice", "name it once")
    return trimmed


Attributes = Annotated[ListOf[str], AfterValidator(_attributes)]


class OtlpSettings(Settings):
    """``otlp``: how OpenTelemetry's names and attributes become series."""

    promote_all_resource_attributes: bool = False
    promote_resource_attributes: Attributes = Field(default_factory=list)
    ignore_resource_attributes: Attributes = Field(default_factory=list)
    translation_strategy: TranslationStrategy = "UnderscoreEscapingWithSuffixes"
    keep_identifying_resource_attributes: bool = False
    convert_histograms_to_nhcb: bool = False
    promote_scope_metadata: bool = False
    label_name_underscore_sanitization: bool = True
    label_name_preserve_multiple_underscores: bool = True

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.promote_all_resource_attributes and self.promote_resource_attributes:
            raise RefusedError("promote_all_resource_attributes and promote_resource_attributes exclude each other")
        if self.ignore_resource_attributes and not self.promote_all_resource_attributes:
            raise RefusedError("ignore_resource_attributes needs promote_all_resource_attributes: true")
        return self


class RetentionSettings(Settings):
    """``storage.tsdb.retention``."""

    time_ms: DurationMs = Field(0, alias="time")
    size_bytes: SizeBytes = Field(0, alias="size")
    percentage: float = 0.0

    @field_validator("percentage")
    @classmethod
    def _possible(cls, value: float) -> float:
        if not 0 <= value <= 100:
            raise RefusedError(f"a percentage lies between 0 and 100, got {value:g}")
        return value


class ChunkEncodingSettings(Settings):
    floats: Literal["", "xor", "xor2"] = ""


class TsdbSettings(Settings):
    """``storage.tsdb``."""

    out_of_order_time_window_ms: DurationMs = Field(0, alias="out_of_order_time_window")
    stale_series_compaction_threshold: float = 0.0
    chunk_encoding: ChunkEncodingSettings = ChunkEncodingSettings()
    retention: RetentionSettings = RetentionSettings()


class ExemplarSettings(Settings):
    max_exemplars: int = 0


class PrometheusStorageSettings(Settings):
    """``storage`` as Prometheus writes it; the loader carries over what the store has a word for."""

    tsdb: TsdbSettings = TsdbSettings()
    exemplars: ExemplarSettings = ExemplarSettings()


class AlertmanagerSettings(HttpClientSettings, DiscoverySettings, ForeignDiscoverySettings):
    """One entry of ``alerting.alertmanagers``."""

    scheme: Literal["http", "https"] = "http"
    path_prefix: str = ""
    timeout_ms: DurationMs = Field(10_000, alias="timeout")
    api_version: Literal["v2"] = "v2"
    relabel_configs: ListOf[RelabelRule] = Field(default_factory=list)
    alert_relabel_configs: ListOf[RelabelRule] = Field(default_factory=list)
    sigv4: CloudIdentity | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        at_most_one(self, "basic_auth", "authorization", "oauth2", "sigv4")
        if not self.relabel_configs:
            self.check_static_addresses()
        return self


class PrometheusAlertingSettings(Settings):
    """``alerting``."""

    alert_relabel_configs: ListOf[RelabelRule] = Field(default_factory=list)
    alertmanagers: ListOf[AlertmanagerSettings] = Field(default_factory=list)
