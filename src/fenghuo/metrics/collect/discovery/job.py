"""The discovery of one scrape job: all its sources together, always the full set of groups."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.discovery.file import FileDiscovery
from fenghuo.metrics.collect.discovery.groups import TargetGroup, group_of
from fenghuo.metrics.collect.discovery.http import HttpDiscovery
from fenghuo.metrics.collect.discovery.metrics import DiscoveryMetrics
from fenghuo.metrics.collect.discovery.source import OnGroups, Source
from fenghuo.metrics.collect.settings import JobSettings

RESTART_S = 60.0
"""A source that fell over in a way nobody foresaw is started again after this long."""


class JobDiscovery:
    """An async context that finds the targets of ``job`` until it is left, and owns the tasks for that.

    ``on_groups`` is called in the event loop: once on entering, with what static and file discovery know, and then
    whenever the set changed. Answers of HTTP discovery come later, so that no server holds up the start.
    """

    def __init__(
        self,
        job: JobSettings,
        on_groups: OnGroups,
        *,
        clock: Clock,
        guard: Guard,
        metrics: DiscoveryMetrics,
        user_agent: str,
    ) -> None:
        self._job = job
        self._part = f"discovery of job {job.job_name}"
        self._on_groups = on_groups
        self._clock = clock
        self._guard = guard
        self._metrics = metrics
        self._static = tuple(group_of(group, str(index), {}) for index, group in enumerate(job.static_configs))
        self._sources: list[Source] = [
            *(FileDiscovery(each, clock, metrics, self._changed) for each in job.file_sd_configs),
            *(HttpDiscovery(each, clock, metrics, self._changed, user_agent) for each in job.http_sd_configs),
        ]
        self._given: tuple[TargetGroup, ...] | None = None
        self._started = False
        self._tasks = asyncio.TaskGroup()
        self._running: list[asyncio.Task[None]] = []

    @property
    def problems(self) -> list[str]:
        """What keeps the job's discovery from its work now; empty when all is well."""
        return [problem for source in self._sources for problem in source.problems]

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        for source in self._sources:  # One that falls over leaves the others their targets, and is run all the same.
            await self._guard.run(self._part, source.start)
        self._started = True
        self._guard.call(self._part, self._changed)
        self._running = [self._tasks.create_task(self._run(source)) for source in self._sources]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started = False
        # First of all, and without waiting: on a reload the job's next discovery is about to set it anew.
        with contextlib.suppress(KeyError):
            self._metrics.groups.remove(self._job.job_name)
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(kind, error, trace)

    async def _run(self, source: Source) -> None:
        while True:
            await self._guard.run(self._part, source.run)
            await self._clock.sleep(RESTART_S)

    def _changed(self) -> None:
        if not self._started:
            return
        groups = (*self._static, *(group for source in self._sources for group in source.groups))
        if groups != self._given:
            self._metrics.groups.labels(self._job.job_name).set(len(groups))
            self._on_groups(groups)
            self._given = groups
