"""``remote_write`` in Prometheus' words, and what its relatives share with it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.model.http_settings import RESERVED_HEADERS, HttpClientSettings, at_most_one
from fenghuo.model.relabel import RelabelRule
from fenghuo.model.settings_types import MASK, DurationMs, SizeBytes, UrlText
from fenghuo.model.sigv4_settings import SigV4Settings

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

V1: Final = "prometheus.WriteRequest"
V2: Final = "io.prometheus.write.v2.Request"


class QueueSettings(Settings):
    """``queue_config`` of a remote write."""

    capacity: int = 10_000
    """Without effect: the queue is on disk, see ``queue_size``."""
    max_shards: int = 50
    """Requests in flight at the same time, at most."""
    min_shards: int = 1
    max_samples_per_send: int = 2000
    batch_send_deadline_ms: DurationMs = Field(5000, alias="batch_send_deadline")
    """A sample waits this long for others to fill its request."""
    min_backoff_ms: DurationMs = Field(30, alias="min_backoff")
    max_backoff_ms: DurationMs = Field(5000, alias="max_backoff")
    """Waits between attempts double from ``min_backoff`` to this, unless the receiver says ``Retry-After``."""
    retry_on_http_429: bool = True
    """Whether what a receiver refuses for being too much is sent again. Prometheus' default is false."""
    sample_age_limit_ms: DurationMs = Field(0, alias="sample_age_limit")
    """Samples older than this are dropped instead of sent; 0 sends all."""
    queue_size_bytes: SizeBytes = Field(4 << 30, alias="queue_size", ge=1 << 20)
    """How much of the WAL may wait for this receiver; beyond it the oldest segment is dropped. Not a key of
    Prometheus."""

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
    """``metadata_config`` of a remote write."""

    send: bool = True
    send_interval_ms: DurationMs = Field(60_000, alias="send_interval")
    max_samples_per_send: int = Field(2000, gt=0)


class RemoteSettings(HttpClientSettings):
    """What sections about other engines have in common."""

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


class RemoteWriteSettings(RemoteSettings):
    """One entry of ``remote_write``."""

    remote_timeout_ms: DurationMs = Field(30_000, alias="remote_timeout")
    write_relabel_configs: ListOf[RelabelRule] = Field(default_factory=list)
    send_exemplars: bool = False
    send_native_histograms: bool = False
    round_robin_dns: bool = False
    protobuf_message: Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] = V1
    failed_request_logging: bool = False
    queue_config: QueueSettings = QueueSettings()
    metadata_config: MetadataSettings = MetadataSettings()
    sigv4: SigV4Settings | None = None
    azuread: CloudIdentity | None = None
    google_iam: CloudIdentity | None = None

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        at_most_one(self, "basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam")
        return self
