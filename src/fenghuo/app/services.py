"""Synchronous parts as services: opened and closed in worker threads, so that disks do not hold the event loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import Clock
from fenghuo.base.files import exclusive_directory
from fenghuo.base.guard import Guard
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.state import State, open_state


@contextlib.asynccontextmanager
async def owned_directory(path: Path) -> AsyncIterator[Path]:
    """The data directory, held by this process alone."""
    with exclusive_directory(path):
        yield path


@contextlib.asynccontextmanager
async def opened_state(url: str) -> AsyncIterator[State]:
    state = await anyio.to_thread.run_sync(open_state, url)
    try:
        yield state
    finally:
        await anyio.to_thread.run_sync(state.close)


@contextlib.asynccontextmanager
async def opened_store(
    directory: Path, settings: StoreSettings, clock: Clock, registry: CollectorRegistry, guard: Guard
) -> AsyncIterator[Store]:
    store = await anyio.to_thread.run_sync(lambda: Store.open(directory, settings, clock, registry, guard))
    try:
        yield store
    finally:
        await anyio.to_thread.run_sync(store.close)
