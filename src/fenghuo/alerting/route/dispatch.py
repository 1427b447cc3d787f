"""Sends each alert to its groups, and owns the groups' tasks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from fenghuo.alerting.held import Held
from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.route.groups import Flush, Flushed, Group, Notify
from fenghuo.alerting.route.tree import Route
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.model.labels import Labels

log = logging.getLogger(__name__)

MAINTENANCE_S = 30.0
"""How often groups that have run empty are dropped. Until then an alert that comes back meets the group's interval
rather than a new ``group_wait``."""

ALERTS_AT_ONCE = 100
"""Alerts that find their groups in one turn of the event loop: up to 4 ms of work, when each opens a group."""

GROUPS = limits.declare(
    "alert_groups", 50_000, limits.Policy.REJECT, "Groups with a timer; alerts beyond are kept but not told."
)


class Dispatcher:
    """A route tree at work. Leaving the context lets flushes that are going on finish for ``drain_s``."""

    def __init__(
        self,
        root: Route,
        clock: Clock,
        notify: Notify,
        instruments: Instruments,
        guard: Guard,
        drain_s: float = 5.0,
        urgent: Callable[[Labels], bool] = lambda labels: False,
    ) -> None:
        """``urgent`` tells by an alert's labels whether it waits for others only where a route says so."""
        self.root = root
        self._clock = clock
        self._notify = notify
        self._instruments = instruments
        self._guard = guard
        self._drain_s = drain_s
        self._urgent = urgent
        self._settled = asyncio.Event()
        """Set while no report is half way into its groups."""
        self._settled.set()
        self._groups: dict[tuple[tuple[int, ...], Labels], Group] = {}
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._maintenance: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._maintenance = self._tasks.create_task(self._maintain())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._maintenance is not None
        self._maintenance.cancel()
        for group in self._groups.values():
            group.stop()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._drain_s)
            for task in late:
                task.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def finish(self, patience_s: float) -> None:
        """Begin no flush any more, and wait for those that go on. What goes on then is cut off at the end."""
        for group in self._groups.values():
            group.stop()
        with contextlib.suppress(TimeoutError):
            async with self._clock.timeout(patience_s):
                if self._running:
                    await asyncio.wait(self._running)
        self._drain_s = 0.0

    @property
    def groups(self) -> list[Group]:
        return list(self._groups.values())

    async def dispatch_all(self, held: Iterable[Held]) -> None:
        """Put the alerts into their groups, which are told when all are in: what is reported together is told together.

        Otherwise a group that is due would tell a part of an outage, and the rest an interval later.
        """
        self._settled.clear()
        try:
            for number, one in enumerate(held, 1):
                self.dispatch(one)
                if number % ALERTS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            self._settled.set()

    def dispatch(self, held: Held) -> None:
        """Put the alert into every group that it belongs to."""
        for route in self.root.match(held.labels):
            labels = route.group_labels(held.labels)
            place = (route.index, labels)
            group = self._groups.get(place)
            if group is None:
                if len(self._groups) >= GROUPS.default:
                    GROUPS.hit()
                    self._instruments.rejected("group_limit")
                    log.error("more than %d groups of alerts: %s is not told", GROUPS.default, held.labels)
                    continue
                group = Group(route, labels, self._clock, self._guarded, self._settled)
                self._groups[place] = group
                task = self._tasks.create_task(group.run())
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                self._instruments.groups.set(len(self._groups))
            may_hurry = not (route.wait_is_given and route.interval_is_given)
            group.insert(held, urgent=may_hurry and self._is_urgent(held))

    def _is_urgent(self, held: Held) -> bool:
        return not held.resolved_at(self._clock.now_ms()) and self._urgent(held.labels)

    def needs(self, labels: Labels) -> bool:
        """Whether some group still has to tell this alert."""
        places = ((route.index, route.group_labels(labels)) for route in self.root.match(labels))
        return any(place in self._groups and self._groups[place].holds(labels) for place in places)

    async def _guarded(self, flush: Flush) -> Flushed:
        outcome = Flushed(told=False)

        async def notify() -> None:
            nonlocal outcome
            outcome = await self._notify(flush)

        await self._guard.run("notification", notify)
        return outcome

    async def _maintain(self) -> None:
        while True:
            await self._clock.sleep(MAINTENANCE_S)
            for place, group in list(self._groups.items()):
                if group.idle:
                    group.stop()
                    del self._groups[place]
            self._instruments.groups.set(len(self._groups))
