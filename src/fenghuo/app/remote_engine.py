"""Whom rules and people ask: our own engine, or the one that the configuration names."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from prometheus_client import CollectorRegistry

from fenghuo.app.settings import AppSettings
from fenghuo.base.clock import Clock
from fenghuo.metrics.remote.engine import RemoteEngine


@contextlib.asynccontextmanager
async def remote_engine(
    settings: AppSettings, clock: Clock, registry: CollectorRegistry
) -> AsyncIterator[RemoteEngine | None]:
    """The engine that the configuration names; None when ours answers."""
    if settings.remote is None:
        yield None
        return
    async with RemoteEngine(settings.remote, clock, registry) as engine:
        yield engine


@contextlib.asynccontextmanager
async def abandoning(engine: RemoteEngine | None) -> AsyncIterator[None]:
    """On leaving, end what rules still wait for, so that they can stop."""
    yield
    if engine is not None:
        engine.abandon()
