"""Groups of alerts and their timers.

The first alert of a group waits ``group_wait`` for others to join it; from then on the group is looked at every
``group_interval``. A flush hands the group's alerts, as they are at that moment, to whoever notifies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fenghuo.alerting.held import Held
from fenghuo.alerting.route.tree import Route
from fenghuo.alerting.timing import sleep_or
from fenghuo.base.clock import Clock
from fenghuo.model.labels import Labels, quote

FLUSH_TIME_S_MIN = 10.0
"""A flush may take as long as the group's interval, and never less than this: a short interval is no reason to cut
off a slow receiver."""


HURRY_S = 5.0
"""The least time between two looks at a group for the sake of alerts that are urgent: those of one outage still come
in few notices."""


def show_group_labels(labels: Labels) -> str:
    """``{alertname="x", job="y"}``, the second half of a group's key."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"


@dataclass(frozen=True, slots=True)
class Flush:
    """A group at one moment. Alerts are in the order of their labels."""

    route: Route
    group_key: str
    group_labels: Labels
    alerts: Sequence[Held]
    now_ms: int
    deadline_s: float
    """On the clock's monotonic scale: when telling has to end."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """What came of a flush."""

    told: bool
    """Whoever has to know knows: what is over can be forgotten."""
    again_ms: int | None = None
    """The group is looked at again at this moment if its interval does not come first."""


Notify = Callable[[Flush], Awaitable[Flushed]]
"""Tells whoever has to be told."""


class Group:
    """The alerts of one route that have the grouping labels in common, and their timer."""

    def __init__(self, route: Route, labels: Labels, clock: Clock, notify: Notify, settled: asyncio.Event) -> None:
        """``settled`` is set while the group may be looked at."""
        self.route = route
        self.labels = labels
        self.key = f"{route.key}:{show_group_labels(labels)}"
        self._clock = clock
        self._notify = notify
        self._settled = settled
        self._alerts: dict[Labels, Held] = {}
        self._hurry = asyncio.Event()
        self._stop = asyncio.Event()
        self._flushed = False
        self.flushing = False

    @property
    def alerts(self) -> list[Held]:
        return list(self._alerts.values())

    @property
    def idle(self) -> bool:
        """Nothing in it and nothing going on: it can be dropped."""
        return not self._alerts and not self.flushing

    def holds(self, labels: Labels) -> bool:
        return labels in self._alerts

    def insert(self, held: Held, *, urgent: bool = False) -> None:
        """Add or update an alert. One that began longer ago than ``group_wait`` has waited enough.

        One that is ``urgent`` waits neither for others nor for the next interval, where no route says how long.
        """
        known, self._alerts[held.labels] = self._alerts.get(held.labels), held
        now_ms = self._clock.now_ms()
        if not self._flushed:
            if (urgent and not self.route.wait_is_given) or held.alert.starts_at_ms + self.route.group_wait_ms < now_ms:
                self._hurry.set()
        elif urgent and not self.route.interval_is_given and (known is None or known.resolved_at(now_ms)):
            self._hurry.set()

    def stop(self) -> None:
        """Flush no more; a flush that is going on is finished."""
        self._stop.set()
        self._hurry.set()

    async def run(self) -> None:
        """Flush when it is time, until stopped."""
        await sleep_or(self._clock, self.route.group_wait_ms / 1000, self._hurry)
        interval_s = self.route.group_interval_ms / 1000
        while not self._stop.is_set():
            await self._settled.wait()
            if self._stop.is_set():
                return
            self._hurry.clear()
            began_s = self._clock.monotonic_s()
            next_s = began_s + interval_s
            self._flushed = True
            again_ms = await self._flush(self._clock.monotonic_s() + max(interval_s, FLUSH_TIME_S_MIN))
            if again_ms is not None:
                next_s = min(next_s, self._clock.monotonic_s() + max(again_ms - self._clock.now_ms(), 0) / 1000)
            if await sleep_or(self._clock, next_s - self._clock.monotonic_s(), self._hurry):
                await sleep_or(self._clock, began_s + HURRY_S - self._clock.monotonic_s(), self._stop)

    async def _flush(self, deadline_s: float) -> int | None:
        """Tell; returns when to look again at the latest, where that is not the interval."""
        if not self._alerts:
            return None
        now_ms = self._clock.now_ms()
        alerts = sorted(self._alerts.values(), key=lambda held: held.labels.pairs)
        self.flushing = True
        try:
            outcome = await self._notify(Flush(self.route, self.key, self.labels, alerts, now_ms, deadline_s))
        finally:
            self.flushing = False
        if outcome.told:
            for held in alerts:
                # One that has changed meanwhile stays: the change is still to be told.
                if held.resolved_at(now_ms) and self._alerts.get(held.labels) is held:
                    del self._alerts[held.labels]
        return outcome.again_ms
