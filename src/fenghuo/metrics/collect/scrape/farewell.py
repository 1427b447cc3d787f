"""Targets that are gone, until it is certain that they do not come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.scrape.loop import ScrapeLoop
from fenghuo.metrics.collect.scrape.tasks import Tasks
from fenghuo.metrics.collect.scrape.writer import TargetWriter
from fenghuo.model.labels import Labels

Identity: TypeAlias = tuple[str, Labels, str]
"""Job, labels and URL of a target: what it writes under, however often it is scraped."""


class Farewells:
    """Lets loops that ended fade, and gives back the writer of a target that returns in time.

    With its writer a target gets back what it wrote last, so that only what it really lost gets a marker.
    """

    def __init__(self, tasks: Tasks, guard: Guard) -> None:
        self._tasks = tasks
        self._guard = guard
        self._fading: dict[Identity, tuple[asyncio.Task[None], TargetWriter]] = {}

    def begin(self, identity: Identity, loop: ScrapeLoop, neighbours: Callable[[], Sequence[TargetWriter]]) -> None:
        """Write markers for everything of ``loop``, which has been stopped, unless its target is back in time."""

        async def fade() -> None:
            await self._guard.run("scrape", lambda: loop.fade(neighbours))
            self._fading.pop(identity, None)

        self._fading[identity] = (self._tasks.start(fade()), loop.writer)

    def recall(self, identity: Identity) -> TargetWriter | None:
        """The writer of a target that is back before it was marked as gone."""
        found = self._fading.pop(identity, None)
        if found is None:
            return None
        task, writer = found
        task.cancel()
        return writer
