"""A store in a temporary directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings


@pytest.fixture
def make(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., Store]]:
    """Opens stores in one directory, one after another; the last is closed at the end."""
    opened: list[Store] = []

    def open_store(**settings: object) -> Store:
        if opened:
            opened[-1].close()
        registry = CollectorRegistry()
        store = Store.open(tmp_path / "store", StoreSettings(**settings), clock, registry)  # type: ignore[arg-type]
        store.registry = registry  # type: ignore[attr-defined]
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()
