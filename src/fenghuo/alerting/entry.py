"""The way of reports into the book: merge, dispatch, save, one batch after another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from fenghuo.alerting.book import Book
from fenghuo.alerting.held import Held, Invalid
from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.parts import AlertingParts
from fenghuo.base.errors import OperatingError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels

log = logging.getLogger(__name__)

T = TypeVar("T")

ALERTS_AT_ONCE = 200
"""Alerts that are merged in one turn of the event loop: about 4 ms of work (benchmarks/alerting.py)."""


class Entry:
    """Enters alerts. Telling comes first: one is dispatched before it is saved, and also when it cannot be.

    Who reports it is answered when it is saved, and reports it again to a process that died before.
    """

    def __init__(
        self, book: Book, parts: AlertingParts, instruments: Instruments, resolve_timeout_ms: Callable[[], int]
    ) -> None:
        self._book = book
        self._parts = parts
        self._instruments = instruments
        self._resolve_timeout_ms = resolve_timeout_ms
        self._entering = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._unsaved: dict[Labels, Held] = {}
        """What waits to be saved, and what the database refused."""

    async def enter(
        self, alerts: Iterable[Alert], swapping: asyncio.Lock, dispatch: Callable[[Iterable[Held]], Awaitable[None]]
    ) -> None:
        """Return when ``alerts`` hold, are dispatched and saved. ``swapping`` is held while they are dispatched."""
        async with self._entering:
            now_ms = self._parts.clock.now_ms()
            entered: dict[Labels, Held] = {}
            for some in batched(alerts, ALERTS_AT_ONCE):
                self._merge(some, now_ms, entered)
                await asyncio.sleep(0)
            async with swapping:
                await dispatch(entered.values())
        await self.save(entered)

    def _merge(self, alerts: Iterable[Alert], now_ms: int, entered: dict[Labels, Held]) -> None:
        timeout_ms = self._resolve_timeout_ms()
        firing = resolved = 0
        for held in self._book.take(alerts, now_ms, timeout_ms):
            if isinstance(held, Invalid):
                self._instruments.rejected(held)
                continue
            entered[held.labels] = held
            firing, resolved = (firing, resolved + 1) if held.resolved_at(now_ms) else (firing + 1, resolved)
        self._instruments.received(firing, resolved)

    async def save(self, entered: Mapping[Labels, Held]) -> None:
        """Return when these are saved or cannot be. Reports that come while others are saved share a transaction."""
        self._unsaved.update(entered)
        async with self._saving:
            if not self._unsaved:
                return
            saved, self._unsaved = self._unsaved, {}
            rows = [(one.alert, one.end_is_ours, one.fingerprint) for one in saved.values()]
            try:
                await self._parts.offload(self._parts.alerts.save, rows)
            except OperatingError as error:
                self._unsaved = saved | self._unsaved
                self._instruments.state_refused("save_alerts")
                log.error("%d alerts are not saved and would not survive a restart: %s", len(rows), error)
            except BaseException:
                # Others wait for theirs to be saved too. To save one twice changes nothing.
                self._unsaved = saved | self._unsaved
                raise

    def owe(self, held: Iterable[Held]) -> None:
        """Save these when something is saved next, or what waits is tried again."""
        self._unsaved.update((one.labels, one) for one in held)

    def forget(self, gone: Held) -> None:
        """Save this alert no more."""
        self._unsaved.pop(gone.labels, None)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of ``size``, the last one shorter."""
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
