"""Remote write, started when a configuration names a receiver."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import anyio.to_thread
from prometheus_client import CollectorRegistry

from fenghuo.app.configuration import Configuration
from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.base.late import Later
from fenghuo.metrics.collect.scrape.apart import ScraperApart
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.metrics.store import Store
from fenghuo.model.labels import Labels

FORWARDING: Final = Later("fenghuo.metrics.forward.service", "forwarding")
"""What forwards, with its codecs, is loaded by the first configuration that has a receiver: most have none."""


class Forwards(Protocol):
    """What forwards; see :class:`fenghuo.metrics.forward.service.Forwarding`."""

    async def apply(self, settings: Sequence[RemoteWriteSettings], external_labels: Labels) -> None: ...
    def troubles(self) -> list[str]: ...


class ForwardingWhenNamed:
    """Forwards what the store takes to whom the configuration in force names. A service."""

    def __init__(self, store: Store, directory: Path, clock: Clock, registry: CollectorRegistry, guard: Guard) -> None:
        self._tail = store.tail()
        self._parts = (self._tail, directory, clock, registry, guard)
        self._running = contextlib.AsyncExitStack()
        self._forwarding: Forwards | None = None
        self._scraper: ScraperApart | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    def tell_metadata_of(self, scraper: ScraperApart) -> None:
        """What is scraped there is what receivers are told of metrics. To be called before :meth:`apply`."""
        self._scraper = scraper

    async def apply(self, now: Configuration) -> None:
        settings = now.settings
        if self._forwarding is None:
            if not settings.remote_writes:
                # What was kept for a receiver that is named no more.
                await anyio.to_thread.run_sync(self._tail.keep_from, None)
                return
            assert self._scraper is not None
            make = await anyio.to_thread.run_sync(FORWARDING.get)
            self._forwarding = await self._running.enter_async_context(make(*self._parts, self._scraper.metadata))
        assert self._forwarding is not None
        await self._forwarding.apply(settings.remote_writes, Labels(settings.global_.external_labels))

    def troubles(self) -> list[str]:
        """What an operator should know of receivers."""
        return self._forwarding.troubles() if self._forwarding is not None else []
