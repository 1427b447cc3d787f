"""Sections of a ``prometheus.yml`` that are read and checked but not acted on yet.

They are here so that an existing file loads, and so that mistakes in them are found; the loader warns of each that
is used. As each becomes a part of the program its model moves beside its user.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.metrics.collect.discovery.foreign import ForeignDiscoverySettings
from fenghuo.metrics.collect.discovery.settings import DiscoverySettings
from fenghuo.metrics.forward.settings import CloudIdentity, Headers, RemoteSettings
from fenghuo.model.http_settings import HttpClientSettings, TlsSettings, at_most_one
from fenghuo.model.relabel import RelabelRule
from fenghuo.model.settings_types import DurationMs, SizeBytes


class RemoteReadSettings(RemoteSettings):
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
