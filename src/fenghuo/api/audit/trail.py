"""Writes the trail: at once for what is critical, else soon, in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

import anyio.to_thread
from prometheus_client import CollectorRegistry, Counter, Gauge

from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.model.audit import AuditEntry, AuditFilter

log = logging.getLogger(__name__)

RETRY_S = 15.0
"""After the database refused entries, they are tried again."""
QUEUE = limits.declare(
    "audit_queue",
    10_000,
    limits.Policy.DROP_OLDEST,
    "Entries of the audit trail that wait for a database that refuses.",
)
REFUSALS = limits.declare(
    "audit_refusals_a_minute", 60, limits.Policy.REJECT, "Refused requests that the audit trail tells of, each minute."
)

WAITING_REFUSALS = limits.declare(
    "audit_refusals_waiting",
    1_000,
    limits.Policy.REJECT,
    "Entries of refused requests among those that wait for a database that refuses.",
)


class AuditStore(Protocol):
    """Where the trail is kept. Synchronous."""

    def add(self, entries: Sequence[AuditEntry]) -> None: ...
    def find(self, wanted: AuditFilter, limit: int) -> list[AuditEntry]: ...


class Trail:
    """``async with Trail(…) as trail``: then ``trail.note(entry)`` from the event loop."""

    def __init__(self, store: AuditStore, clock: Clock, registry: CollectorRegistry, guard: Guard) -> None:
        self._store = store
        self._clock = clock
        self._guard = guard
        self._queue: deque[AuditEntry] = deque()
        self._filled = asyncio.Event()
        self._refusals = (float("-inf"), 0)
        """When the minute began, and how many came in it."""
        self._waiting_refusals = 0
        self._failing = 0
        """How often the database has refused."""
        self._task: asyncio.Task[None] | None = None
        self._entries = Counter("fenghuo_audit_entries", "Entries for the audit trail.", ["action"], registry=registry)
        self._failures = Counter(
            "fenghuo_audit_write_failures", "Times that the database refused entries.", registry=registry
        )
        waiting = Gauge("fenghuo_audit_waiting_entries", "Entries that are not written yet.", registry=registry)
        waiting.set_function(lambda: len(self._queue))

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_on(), name="audit")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._guard.run("audit", self._flush)

    def note(self, entry: AuditEntry) -> None:
        """Write an entry soon; returns at once."""
        self._entries.labels(entry.action).inc()
        self._queue.append(entry)
        while len(self._queue) > QUEUE.default:
            self._queue.popleft()
            QUEUE.hit()
        self._filled.set()

    def note_refusal(self, entry: AuditEntry) -> None:
        """The same for a request that was refused, of which somebody could make any number."""
        now_s = self._clock.monotonic_s()
        since_s, count = self._refusals
        if now_s - since_s >= 60:
            since_s, count = now_s, 0
        self._refusals = (since_s, count + 1)
        if count >= REFUSALS.default:
            REFUSALS.hit()
            return
        if self._waiting_refusals >= WAITING_REFUSALS.default:
            WAITING_REFUSALS.hit()
            return
        self._waiting_refusals += 1
        self.note(replace(entry, refused=True))

    async def keep(self, entry: AuditEntry) -> None:
        """Write an entry now. Raises OperatingError when it cannot be written."""
        self._entries.labels(entry.action).inc()
        await anyio.to_thread.run_sync(self._store.add, [entry])

    def find(self, wanted: AuditFilter, limit: int) -> list[AuditEntry]:
        """The newest first. Blocking."""
        return self._store.find(wanted, limit)

    async def _write_on(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            failures = self._failing
            await self._guard.run("audit", self._flush)
            if self._failing > failures:
                await self._clock.sleep(RETRY_S)
                self._filled.set()

    async def _flush(self) -> None:
        """Write what waits; what the database refuses goes on waiting."""
        entries = list(self._queue)
        self._queue.clear()
        refusals, self._waiting_refusals = self._waiting_refusals, 0
        try:
            await anyio.to_thread.run_sync(self._store.add, entries)
        except OperatingError as error:
            self._failures.inc()
            self._failing += 1
            log.error("%d entries of the audit trail wait for the database: %s", len(entries), error)
            self._queue.extendleft(reversed(entries))
            self._waiting_refusals += refusals
