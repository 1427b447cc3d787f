"""The scraper: everything between settings and the store, as one service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry

from fenghuo import __version__
from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.discovery.job import JobDiscovery
from fenghuo.metrics.collect.discovery.metrics import DiscoveryMetrics
from fenghuo.metrics.collect.discovery.source import OnGroups
from fenghuo.metrics.collect.scrape.farewell import Farewells
from fenghuo.metrics.collect.scrape.job import HttpJob, Parts, SourceJob, SourceTarget
from fenghuo.metrics.collect.scrape.loop import ScrapeLoop, Tools
from fenghuo.metrics.collect.scrape.metrics import ScrapeMetrics
from fenghuo.metrics.collect.scrape.pool import Pool
from fenghuo.metrics.collect.scrape.sink import SampleSink
from fenghuo.metrics.collect.scrape.status import (
    ActiveTarget,
    Described,
    DroppedView,
    Health,
    TargetMetadata,
    Targets,
    global_url,
    merge_metadata,
    select_metadata,
)
from fenghuo.metrics.collect.scrape.tasks import Tasks
from fenghuo.metrics.collect.scrape.threads import Threads
from fenghuo.metrics.collect.scrape.writer import TargetWriter
from fenghuo.metrics.collect.settings import JobSettings
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Metadata

WRITERS: Final = 2
"""Threads that parse and write. The work mostly holds the interpreter, so more would only wait for each other."""
COLLECTORS: Final = 8
"""Threads that built-in sources run in. They wait for /proc, daemons and databases."""


@dataclass(frozen=True, slots=True)
class ScraperOptions:
    """What is the program's to say rather than a job's."""

    external_url: str = ""
    """How others reach this server; for the links to targets on this machine."""
    own_port: int | None = None
    offset_seed: int = 0
    """Shifts the phases of all targets; should differ between servers that scrape the same targets."""
    user_agent: str = f"Fenghuo/{__version__}"


class Scraper:
    """Scrapes the targets of all jobs. ``async with`` starts and stops it; :meth:`apply` says what to scrape.

    Stopping writes no staleness markers: the targets are still there, and a restarted server goes on with them.
    Every method is to be called on the event loop.
    """

    def __init__(
        self,
        sink: SampleSink,
        clock: Clock,
        registry: CollectorRegistry,
        guard: Guard,
        options: ScraperOptions = ScraperOptions(),
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._guard = guard
        self._options = options
        self._metrics = ScrapeMetrics(registry)
        self._discovery_metrics = DiscoveryMetrics(registry)
        self._jobs: dict[str, HttpJob] = {}
        self._sources: dict[str, SourceJob] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        writing = await self._stack.enter_async_context(Threads(WRITERS, "scrape-write"))
        collecting = await self._stack.enter_async_context(Threads(COLLECTORS, "scrape-collect"))
        self._metrics.watch("write", writing)
        self._metrics.watch("collect", collecting)
        tools = Tools(self._clock, self._guard, self._metrics, writing, self._options.offset_seed)
        self._stack.push_async_callback(self._close_clients)
        tasks = await self._stack.enter_async_context(Tasks())
        self._parts = Parts(
            sink=self._sink,
            tools=tools,
            tasks=tasks,
            farewells=Farewells(tasks, self._guard),
            neighbours=self._neighbours,
            discover=self._discover,
            collecting=collecting,
            user_agent=self._options.user_agent,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _close_clients(self) -> None:
        for job in self._jobs.values():
            await job.close()

    async def apply(self, jobs: Sequence[JobSettings], sources: Sequence[SourceTarget] = ()) -> None:
        """Scrape the targets of ``jobs`` (each ``.under`` the global settings) and ``sources``, and no others.

        What did not change goes on unbroken, with its phase and its connections.
        """
        wanted = {job.job_name: job for job in jobs}
        built_in: dict[str, list[SourceTarget]] = {}
        for source in sources:
            built_in.setdefault(source.job, []).append(source)
        for name in [name for name in self._jobs if name not in wanted]:
            self._jobs.pop(name).stop()
            self._metrics.forget(name)
        for name in [name for name in self._sources if name not in built_in]:
            self._sources.pop(name).stop()
            self._metrics.forget(name)
        for name, settings in wanted.items():
            if name in self._jobs:
                self._jobs[name].change(settings)
            else:
                self._jobs[name] = HttpJob(settings, self._parts)
        for name, targets in built_in.items():
            self._sources.setdefault(name, SourceJob(name, self._parts)).change(targets)

    def targets(self) -> Targets:
        """Every target with its health, as ``/api/v1/targets`` shows it."""
        pools = self._pools()
        dropped: list[DroppedView] = []
        for pool in pools:
            kept = pool.dropped[: pool.settings.keep_dropped_targets or None]
            dropped += [DroppedView(target.job, target.discovered, target.problem) for target in kept]
        return Targets(
            active=[self._view(loop) for pool in pools for loop in pool.loops],
            dropped=dropped,
            dropped_counts={pool.settings.job_name: len(pool.dropped) for pool in pools},
            pools=sorted({pool.settings.job_name for pool in pools}),
        )

    def metadata(self, metric: str = "", limit: int = -1, limit_per_metric: int = -1) -> dict[str, list[Metadata]]:
        """See :func:`merge_metadata`."""
        return merge_metadata(self._described(), metric, limit, limit_per_metric)

    def target_metadata(
        self, matchers: Sequence[Matcher] = (), metric: str = "", limit: int = -1
    ) -> list[TargetMetadata]:
        """See :func:`select_metadata`."""
        return select_metadata(self._described(), matchers, metric, limit)

    def discovery_problems(self) -> dict[str, list[str]]:
        """What keeps the discovery of jobs from its work now, by job; empty when all is well. From any thread."""
        found = {name: job.discovery_problems for name, job in list(self._jobs.items())}
        return {name: problems for name, problems in found.items() if problems}

    def _discover(self, job: JobSettings, on_groups: OnGroups) -> JobDiscovery:
        return JobDiscovery(
            job,
            on_groups,
            clock=self._clock,
            guard=self._guard,
            metrics=self._discovery_metrics,
            user_agent=self._options.user_agent,
        )

    def _pools(self) -> list[Pool]:
        pools = [job.pool for job in self._jobs.values()] + [job.pool for job in self._sources.values()]
        return sorted(pools, key=lambda pool: pool.settings.job_name)

    def _described(self) -> Iterator[Described]:
        return ((loop.target.labels, loop.writer.metadata) for pool in self._pools() for loop in pool.loops)

    def _neighbours(self, labels: Labels) -> list[TargetWriter]:
        return [writer for pool in self._pools() for writer in pool.writers(labels)]

    def _view(self, loop: ScrapeLoop) -> ActiveTarget:
        target, last = loop.target, loop.last
        failure = last.failure if last is not None else None
        return ActiveTarget(
            scrape_pool=target.job,
            discovered=target.discovered,
            labels=target.labels,
            scrape_url=target.url,
            global_url=global_url(target.url, self._options.external_url, self._options.own_port),
            health=Health.UNKNOWN if last is None else Health.DOWN if failure else Health.UP,
            last_error=last.complaint if last is not None else "",
            last_scrape_ms=last.time_ms if last is not None else None,
            last_duration_s=last.duration_s if last is not None else 0.0,
            samples_scraped=last.scraped if last is not None else 0,
            interval_ms=target.interval_ms,
            timeout_ms=target.timeout_ms,
        )
