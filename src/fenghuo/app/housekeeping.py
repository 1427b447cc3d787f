"""What is done now and then, for nobody in particular: old sessions and audit entries go, a database that refused is
tried again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Protocol

import anyio.to_thread

from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard

log = logging.getLogger(__name__)

ROUND_S = 15.0
ROUNDS_BETWEEN_PURGES = 240
"""Sessions that are over are refused anyway; an hour is soon enough to forget them, and what else is old."""

AUDIT_KEPT_MS = 400 * 86_400_000
"""A year of the audit trail, and a little more for whoever looks back at it."""


class Sessions(Protocol):
    def purge_expired(self, now_ms: int) -> int: ...


class AuditStore(Protocol):
    def forget(self, before_ms: int) -> None: ...


class CaredFor(Protocol):
    """What housekeeping needs of the state."""

    @property
    def trouble(self) -> str: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def audit(self) -> AuditStore: ...
    def probe(self, now_ms: int) -> None: ...


@contextlib.asynccontextmanager
async def keeping_house(state: CaredFor, clock: Clock, guard: Guard) -> AsyncIterator[None]:
    """Keep house while the context is open."""
    async with asyncio.TaskGroup() as tasks:
        rounds = tasks.create_task(_rounds(state, clock, guard), name="housekeeping")
        try:
            yield
        finally:
            rounds.cancel()


async def _rounds(state: CaredFor, clock: Clock, guard: Guard) -> None:
    number = 0
    while True:
        purge = number % ROUNDS_BETWEEN_PURGES == 0
        await guard.run("housekeeping", lambda purge=purge: anyio.to_thread.run_sync(_round, state, clock, purge))  # type: ignore[misc]
        number += 1
        await clock.sleep(ROUND_S)


def _round(state: CaredFor, clock: Clock, purge: bool) -> None:
    try:
        if state.trouble:
            state.probe(clock.now_ms())
            log.info("the state database works again")
        if purge:
            state.sessions.purge_expired(clock.now_ms())
            state.audit.forget(clock.now_ms() - AUDIT_KEPT_MS)
    except OperatingError as error:
        log.warning("housekeeping: %s", error)
