"""What else changes when another engine answers: where samples go, and how long they stay here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.metrics.remote.settings import RemoteEngineSettings
from fenghuo.metrics.store.settings import HOUR_MS, StoreSettings
from fenghuo.model.http_settings import HttpClientSettings

RETENTION_MS: Final = 6 * HOUR_MS
"""Samples stay this long beside an engine that has them too: for the state of alerts after a restart, which is looked
for in the last hour, and for what is on its way."""
WRITING_PACK: Final = "remote-write"
"""The rules that watch what is forwarded; in force where something is, unless ``packs`` says what is."""
WRITE_PATH: Final = "/api/v1/write"


def written_to(
    remote: RemoteEngineSettings | None, writes: Sequence[RemoteWriteSettings]
) -> tuple[RemoteWriteSettings, ...]:
    """Whom samples are sent to: the engine itself when nobody is named, in the same way as it is asked."""
    if remote is None or not remote.write or writes:
        return tuple(writes)
    shared = {
        name: getattr(remote, name) for name in HttpClientSettings.model_fields if name in remote.model_fields_set
    }
    given = {"url": remote.url + WRITE_PATH, "name": "remote", **shared}
    return (RemoteWriteSettings.model_validate(given),)


def beside(remote: RemoteEngineSettings | None, storage: StoreSettings) -> StoreSettings:
    """The store's settings: beside an engine that keeps samples they stay a short time, unless a time is set."""
    if remote is None or "retention_ms" in storage.model_fields_set:
        return storage
    return storage.model_copy(update={"retention_ms": RETENTION_MS})
