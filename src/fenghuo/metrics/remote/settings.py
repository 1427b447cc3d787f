"""``remote``: the engine that answers instead of ours."""

from __future__ import annotations

from pydantic import Field, field_validator

from fenghuo.base.document import RefusedError
from fenghuo.metrics.forward.settings import SomeUrl
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import DurationMs


class RemoteEngineSettings(HttpClientSettings):
    """How to reach a server that speaks Prometheus' query API."""

    url: SomeUrl
    """Where its API begins: what stands before ``/api/v1``."""
    timeout_ms: DurationMs = Field(30_000, alias="timeout", ge=1)
    """How long it may take for one answer."""
    write: bool = True
    """Whether samples go there too, to ``url`` with ``/api/v1/write``, when ``remote_write`` names nobody."""

    @field_validator("url")
    @classmethod
    def _a_beginning(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise RefusedError(f"url {value!r} is neither http nor https", "write http://host:port")
        if "?" in value or "/api/v1" in value:
            raise RefusedError(f"url {value!r} is more than the beginning", "leave out /api/v1 and what follows")
        return value.rstrip("/")
