"""What takes pushed samples, put together; what only pushing needs is loaded by the first request."""

from __future__ import annotations

import threading
from typing import Any

from starlette.routing import Route

from fenghuo.api.prometheus.import_ import ImportApi, Importing, ImportRequest
from fenghuo.api.prometheus.write import WriteApi
from fenghuo.app.http_parts import HttpParts
from fenghuo.base.late import Later
from fenghuo.metrics.receive.metadata import PushedMetadata
from fenghuo.metrics.receive.metrics import ReceiveMetrics
from fenghuo.metrics.receive.receipt import Receipt, Version

IMPORTER = Later("fenghuo.metrics.receive.importer", "Importer")
RECEIVER = Later("fenghuo.metrics.receive.receiver", "Receiver")


class Pushing:
    """The routes for pushed samples, and the metadata that came with them."""

    def __init__(self, parts: HttpParts) -> None:
        self._parts = parts
        self._metrics = ReceiveMetrics(parts.registry)
        self._making = threading.Lock()
        self._receiver: Any = None
        self.metadata = PushedMetadata()

    def routes(self) -> list[Route]:
        return [*WriteApi(self._receive).routes(), *ImportApi(self._begin_import, self._parts.clock).routes()]

    def _receive(self, body: bytes, version: Version, encoding: str) -> Receipt:
        with self._making:
            if self._receiver is None:
                parts = self._parts
                self._receiver = RECEIVER.get()(parts.store, self.metadata, self._metrics, parts.clock)
        receipt: Receipt = self._receiver.receive(body, version, encoding)
        return receipt

    def _begin_import(self, wanted: ImportRequest) -> Importing:
        parts = self._parts
        recent_ms = parts.holder.current.settings.storage.out_of_order_window_ms
        importer: Importing = IMPORTER.get()(
            wanted.kind,
            wanted.extra,
            wanted.default_ms,
            recent_ms,
            parts.store,
            self.metadata,
            self._metrics,
            parts.clock,
        )
        return importer
