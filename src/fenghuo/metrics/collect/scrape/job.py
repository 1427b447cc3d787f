"""One scrape job at work: its discovery, its HTTP client, its pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from fenghuo.metrics.collect.discovery.groups import TargetGroup
from fenghuo.metrics.collect.discovery.job import JobDiscovery
from fenghuo.metrics.collect.discovery.source import OnGroups
from fenghuo.metrics.collect.scrape.farewell import Farewells
from fenghuo.metrics.collect.scrape.feed import HttpFeed, Source, SourceFeed
from fenghuo.metrics.collect.scrape.loop import Tools
from fenghuo.metrics.collect.scrape.pool import FeedFor, Neighbours, Pool
from fenghuo.metrics.collect.scrape.shelf import LayoutShelf
from fenghuo.metrics.collect.scrape.sink import SampleSink
from fenghuo.metrics.collect.scrape.tasks import Tasks
from fenghuo.metrics.collect.scrape.threads import Threads
from fenghuo.metrics.collect.settings import JobSettings
from fenghuo.metrics.collect.targets import Target, targets_of
from fenghuo.model.labels import Labels
from fenghuo.net.http_client import HttpClient

Discover: TypeAlias = Callable[[JobSettings, OnGroups], JobDiscovery]
"""Makes the discovery of a job."""

_DISCOVERY_KEYS: Final = ("static_configs", "file_sd_configs", "http_sd_configs")


@dataclass(frozen=True, slots=True)
class Parts:
    """What every job of a scraper is made with."""

    sink: SampleSink
    tools: Tools
    tasks: Tasks
    farewells: Farewells
    neighbours: Neighbours
    discover: Discover
    collecting: Threads
    """Where built-in sources run."""
    user_agent: str

    def pool(self, settings: JobSettings, feed_for: FeedFor) -> Pool:
        return Pool(settings, feed_for, self.sink, self.tools, self.tasks, self.farewells, self.neighbours)


class HttpJob:
    """A job of ``scrape_configs``."""

    def __init__(self, settings: JobSettings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._groups: Sequence[TargetGroup] = ()
        self._shelf = LayoutShelf()
        self._client = HttpClient(settings, parts.user_agent)
        self.pool = parts.pool(settings, self._feed_for)
        self._discovery = parts.discover(settings, self._found)
        self._discovering = parts.tasks.start(self._discover(self._discovery))

    @property
    def discovery_problems(self) -> list[str]:
        return self._discovery.problems

    def change(self, settings: JobSettings) -> None:
        """Work by other settings from now on."""
        if settings == self._settings:
            return
        last, self._settings = self._settings, settings
        self._close_client()
        self._client = HttpClient(settings, self._parts.user_agent)
        self.pool.change(settings, self._feed_for)
        self._found(self._groups)
        if any(getattr(last, key) != getattr(settings, key) for key in _DISCOVERY_KEYS):
            self._discovering.cancel()
            self._discovery = self._parts.discover(settings, self._found)
            self._discovering = self._parts.tasks.start(self._discover(self._discovery))

    def stop(self) -> None:
        """Let go of every target; their series are marked as ended in time."""
        self._discovering.cancel()
        self.pool.sync([])
        self._close_client()

    async def close(self) -> None:
        """Close the connections. After the tasks of the service have ended."""
        await self._client.close()

    async def _discover(self, discovery: JobDiscovery) -> None:
        async def follow() -> None:
            async with discovery:
                await asyncio.get_running_loop().create_future()

        await self._parts.tools.guard.run("discovery", follow)

    def _found(self, groups: Sequence[TargetGroup]) -> None:
        self._groups = groups
        self.pool.sync(*targets_of(self._settings, groups))

    def _feed_for(self, target: Target) -> HttpFeed:
        return HttpFeed(self._client, target.url, self._settings, target.timeout_ms, self._shelf)

    def _close_client(self) -> None:
        self._parts.tasks.start(self._client.close())


@dataclass(frozen=True, slots=True)
class SourceTarget:
    """A target inside this program. ``labels`` hold at least ``job`` and ``instance``."""

    job: str
    labels: Labels
    source: Source
    interval_ms: int
    timeout_ms: int

    @property
    def target(self) -> Target:
        url = f"builtin:{self.job}"
        return Target(self.job, self.labels, self.labels, self.labels, url, self.interval_ms, self.timeout_ms)


class SourceJob:
    """The built-in targets of one job name."""

    def __init__(self, job: str, parts: Parts) -> None:
        self._parts = parts
        self._sources: dict[Labels, SourceTarget] = {}
        # Nothing in these settings comes from outside, and to validate them would cost a tenth of the program's start.
        self.pool = parts.pool(JobSettings.model_construct(job_name=job), self._feed_for)

    def change(self, sources: Sequence[SourceTarget]) -> None:
        """Scrape exactly these; a target whose source is the same object goes on unbroken."""
        last, self._sources = self._sources, {source.labels: source for source in sources}
        common = last.keys() & self._sources.keys()
        if any(last[labels].source is not self._sources[labels].source for labels in common):
            self.pool.change(self.pool.settings, self._feed_for)
        self.pool.sync([source.target for source in sources])

    def stop(self) -> None:
        """Let go of every target; their series are marked as ended in time."""
        self.pool.sync([])

    def _feed_for(self, target: Target) -> SourceFeed:
        return SourceFeed(self._sources[target.labels].source, self._parts.collecting)
