"""One notice at a time for each channel and group.

Groups flush one after the other by themselves; but after a reload a group's new flush may meet the last one of the
old settings, which is still being sent. It waits for it, and then knows what was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from fenghuo.model.notification import NotificationKey


class Turns:
    """Who comes second, waits."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[NotificationKey, asyncio.Lock] = WeakValueDictionary()
        """Those that somebody holds or waits for."""

    @asynccontextmanager
    async def of(self, key: NotificationKey) -> AsyncIterator[None]:
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = lock = asyncio.Lock()
        async with lock:
            yield
