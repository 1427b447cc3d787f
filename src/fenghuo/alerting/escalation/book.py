"""The escalations that live, in memory, and behind them the state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fenghuo.alerting.escalation.metrics import EscalationInstruments
from fenghuo.alerting.timing import Offload
from fenghuo.base.errors import OperatingError
from fenghuo.model.escalation import Escalation, EscalationState

log = logging.getLogger(__name__)


class EscalationStore(Protocol):
    """Where escalations survive the process. Synchronous; raises OperatingError when the database refuses."""

    def load(self) -> list[Escalation]: ...

    def save(self, changed: Iterable[Escalation], gone: Iterable[int]) -> None: ...


class EscalationBook:
    """Escalations by the number of their incident. Memory decides; what a database refuses is owed to it."""

    def __init__(
        self,
        store: EscalationStore,
        instruments: EscalationInstruments,
        offload: Offload[Any],
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called with each change."""
        self._store = store
        self._instruments = instruments
        self._offload = offload
        self._tell = changed
        self._known: dict[int, Escalation] = {}
        self._changed: set[int] = set()
        self._gone: set[int] = set()
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        """Take up what an earlier process left. Raises OperatingError."""
        for found in await self._offload(self._store.load):
            self._known[found.incident] = found
            self._instruments.live.labels(found.state).inc()

    def __contains__(self, incident: object) -> bool:
        return incident in self._known

    def get(self, incident: int) -> Escalation | None:
        return self._known.get(incident)

    def all(self) -> list[Escalation]:
        return list(self._known.values())

    def put(self, number: int, now: Escalation | None) -> None:
        """Replace the escalation of an incident; None: it has none any more."""
        known = self._known.get(number)
        if now == known:
            return
        if known is not None:
            self._instruments.live.labels(known.state).dec()
        if now is not None:
            self._instruments.live.labels(now.state).inc()
        if now is None:
            del self._known[number]
            self._changed.discard(number)
            self._gone.add(number)
        else:
            if known is None or begins(known, now):
                self._instruments.started.labels(now.policy.priority).inc()
            self._known[number] = now
            self._gone.discard(number)
            self._changed.add(number)
        self._tell()

    async def write(self) -> None:
        """Write down what has changed. What the database refuses is written with what changes next."""
        async with self._writing:
            if not self._changed and not self._gone:
                return
            changed, gone = self._changed, self._gone
            self._changed, self._gone = set(), set()
            try:
                await self._offload(self._store.save, [self._known[number] for number in changed], gone)
            except OperatingError as error:
                self._owe(changed, gone)
                log.error("%d escalations are not recorded; they go on from memory: %s", len(changed), error)
            except Exception:
                # Raised, it would keep every step from being taken.
                self._owe(changed, gone)
                log.exception("%d escalations cannot be recorded; they go on from memory", len(changed))
            except BaseException:
                self._owe(changed, gone)
                raise

    def _owe(self, changed: set[int], gone: set[int]) -> None:
        self._changed |= changed & self._known.keys()
        self._gone |= gone - self._known.keys()


def begins(known: Escalation, now: Escalation) -> bool:
    """Whether the steps are gone through anew, and not on."""
    answered = known.state in (EscalationState.STOPPED, EscalationState.OVER)
    return now.policy is not known.policy or (
        answered and now.state is EscalationState.WAITING and now.next_step == now.round == 0
    )
