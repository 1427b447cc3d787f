"""The scraper on an event loop of its own.

Scrapes are many small pieces of work. On the loop that answers people they would hold it; in worker threads a third of
their cost was the way there and back. On a loop and in a thread of their own they do neither: a target's body is
fetched, parsed and written in one go, and only bodies that are large or new go to worker threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry

from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.base.own_loop import OwnLoop
from fenghuo.metrics.collect.scrape.job import SourceTarget
from fenghuo.metrics.collect.scrape.service import Scraper, ScraperOptions
from fenghuo.metrics.collect.scrape.sink import SampleSink
from fenghuo.metrics.collect.scrape.status import TargetMetadata, Targets
from fenghuo.metrics.collect.settings import JobSettings
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Metadata


class ScraperApart:
    """A :class:`Scraper` for callers on another event loop; ``async with`` starts and stops both.

    The methods are the scraper's. ``clock`` must be one that any event loop may sleep by.
    """

    def __init__(
        self,
        sink: SampleSink,
        clock: Clock,
        registry: CollectorRegistry,
        guard: Guard,
        options: ScraperOptions,
    ) -> None:
        self._own = OwnLoop(lambda: Scraper(sink, clock, registry, guard, options), "scrape")

    async def __aenter__(self) -> Self:
        await self._own.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._own.__aexit__(kind, error, trace)

    @property
    def trouble(self) -> str:
        """Why nothing is scraped any more; empty while the scraper goes on."""
        return self._own.trouble

    async def apply(self, jobs: Sequence[JobSettings], sources: Sequence[SourceTarget] = ()) -> None:
        await self._own.run(lambda scraper: scraper.apply(jobs, sources))

    async def targets(self) -> Targets:
        return await self._own.call(lambda scraper: scraper.targets())

    async def metadata(
        self, metric: str = "", limit: int = -1, limit_per_metric: int = -1
    ) -> dict[str, list[Metadata]]:
        return await self._own.call(lambda scraper: scraper.metadata(metric, limit, limit_per_metric))

    async def target_metadata(
        self, matchers: Sequence[Matcher] = (), metric: str = "", limit: int = -1
    ) -> list[TargetMetadata]:
        return await self._own.call(lambda scraper: scraper.target_metadata(matchers, metric, limit))

    def discovery_problems(self) -> dict[str, list[str]]:
        return self._own.service.discovery_problems()
