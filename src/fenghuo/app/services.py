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
async def opened_state(path: Path) -> AsyncIterator[State]:
    """The SQLite database at ``path``; made so that only its owner can read it, as it holds password hashes."""
    state = await anyio.to_thread.run_sync(_open_state, path)
    try:
        yield state
    finally:
        await anyio.to_thread.run_sync(state.close)


def _open_state(path: Path) -> State:
    # What keeps the file from being made is told by the database itself, with its remedy.
    with contextlib.suppress(OSError):
        path.touch(mode=0o600)
    return open_state(f"sqlite:///{path}")


@contextlib.asynccontextmanager
async def opened_store(
    directory: Path, settings: StoreSettings, clock: Clock, registry: CollectorRegistry, guard: Guard
) -> AsyncIterator[Store]:
    store = await anyio.to_thread.run_sync(lambda: Store.open(directory, settings, clock, registry, guard))
    try:
        yield store
    finally:
        await anyio.to_thread.run_sync(store.close)
