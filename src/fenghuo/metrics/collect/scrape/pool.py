"""The targets of one job: which are scraped, and their loops."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeAlias

from fenghuo.metrics.collect.scrape.farewell import Farewells, Identity
from fenghuo.metrics.collect.scrape.feed import Feed
from fenghuo.metrics.collect.scrape.labelling import LabelLimits, LabelRules
from fenghuo.metrics.collect.scrape.loop import ScrapeLoop, Tools
from fenghuo.metrics.collect.scrape.outcome import Failure, Reason
from fenghuo.metrics.collect.scrape.sink import SampleSink
from fenghuo.metrics.collect.scrape.tasks import Tasks
from fenghuo.metrics.collect.scrape.writer import TargetWriter, WriteRules
from fenghuo.metrics.collect.settings import JobSettings
from fenghuo.metrics.collect.targets import DroppedTarget, Target
from fenghuo.model.labels import Labels
from fenghuo.model.relabel import NameScheme, relabel

KEY_CHARS_MAX: Final = 4096
"""Longer cohort keys, of targets with labels of kilobytes, give way to a hash: the WAL has 16 bits for their length."""

FeedFor: TypeAlias = Callable[[Target], Feed]


class Neighbours(Protocol):
    """Knows who writes for targets with these labels now: a target that moved is among them."""

    def __call__(self, labels: Labels) -> Sequence[TargetWriter]: ...


@dataclass(slots=True)
class _Running:
    loop: ScrapeLoop
    task: asyncio.Task[None]


class Pool:
    """Runs a loop for each target of a job. Loops go on unbroken through whatever does not concern them."""

    def __init__(
        self,
        settings: JobSettings,
        feed_for: FeedFor,
        sink: SampleSink,
        tools: Tools,
        tasks: Tasks,
        farewells: Farewells,
        neighbours: Neighbours,
    ) -> None:
        self.settings = settings
        self.dropped: Sequence[DroppedTarget] = ()
        self._feed_for = feed_for
        self._sink = sink
        self._tools = tools
        self._tasks = tasks
        self._farewells = farewells
        self._neighbours = neighbours
        self._running: dict[Identity, _Running] = {}
        self._by_labels: dict[Labels, list[TargetWriter]] | None = None

    @property
    def loops(self) -> list[ScrapeLoop]:
        return [running.loop for running in self._running.values()]

    def writers(self, labels: Labels) -> list[TargetWriter]:
        """The writers of the targets with these labels."""
        if self._by_labels is None:
            self._by_labels = {}
            for loop in self.loops:
                self._by_labels.setdefault(loop.target.labels, []).append(loop.writer)
        return self._by_labels.get(labels, [])

    def change(self, settings: JobSettings, feed_for: FeedFor) -> None:
        """Other settings for the same job: every loop starts anew, with the writer that it had."""
        self.settings = settings
        self._feed_for = feed_for
        for identity, running in list(self._running.items()):
            running.task.cancel()
            self._start(identity, running.loop.target, running.loop)

    def sync(self, targets: Sequence[Target], dropped: Sequence[DroppedTarget] = ()) -> None:
        """Scrape exactly ``targets`` from now on."""
        wanted = {(target.job, target.labels, target.url): target for target in targets}
        for identity in [identity for identity in self._running if identity not in wanted]:
            self._stop(identity)
        for identity, target in wanted.items():
            running = self._running.get(identity)
            if running is None or _paced(running.loop.target) != _paced(target):
                if running is not None:
                    running.task.cancel()
                self._start(identity, target, running.loop if running is not None else None)
            else:
                running.loop.target = target
        self._running = {identity: self._running[identity] for identity in wanted}
        self._by_labels = None
        self.dropped = dropped
        self._apply_target_limit()
        self._tools.metrics.pool(self.settings.job_name, len(wanted), len(dropped))

    def _start(self, identity: Identity, target: Target, last: ScrapeLoop | None) -> None:
        rules = write_rules(self.settings, target)
        writer = last.writer if last is not None else self._farewells.recall(identity)
        if writer is None:
            writer = TargetWriter(cohort_key(identity), rules, self._sink, self._tools.clock)
        else:
            writer.change(rules)
        loop = ScrapeLoop(target, self._feed_for(target), writer, self._tools)
        if last is not None:
            loop.last, loop.refused = last.last, last.refused
        self._running[identity] = _Running(loop, self._tasks.start(loop.run()))

    def _stop(self, identity: Identity) -> None:
        running = self._running.pop(identity)
        running.task.cancel()
        self._farewells.begin(identity, running.loop, partial(self._neighbours, running.loop.target.labels))

    def _apply_target_limit(self) -> None:
        count, limit = len(self._running), self.settings.target_limit
        refused = (
            Failure(Reason.TARGET_LIMIT, f"target_limit exceeded (number of targets: {count}, limit: {limit})")
            if limit and count > limit
            else None
        )
        for loop in self.loops:
            loop.refused = refused


def cohort_key(identity: Identity) -> str:
    """The name of a target's cohort in the store."""
    job, labels, url = identity
    key = f"scrape {job} {url} {labels}"
    if len(key) <= KEY_CHARS_MAX:
        return key
    return f"scrape {job[:KEY_CHARS_MAX]} {hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"


def write_rules(settings: JobSettings, target: Target) -> WriteRules:
    """What the job's settings mean for the samples of ``target``."""
    rules = settings.metric_relabel_configs
    return WriteRules(
        labels=LabelRules(
            target=target.labels,
            honor_labels=settings.honor_labels,
            relabel=(lambda labels: relabel(labels, rules)) if rules else None,
            limits=_label_limits(settings),
            legacy_names=settings.metric_name_validation_scheme is NameScheme.LEGACY,
        ),
        honor_timestamps=settings.honor_timestamps,
        track_timestamps_staleness=settings.track_timestamps_staleness,
        sample_limit=settings.sample_limit,
        timeout_s=target.timeout_ms / 1000,
        extra_metrics=bool(settings.extra_scrape_metrics),
    )


def _label_limits(settings: JobSettings) -> LabelLimits | None:
    limits = (settings.label_limit, settings.label_name_length_limit, settings.label_value_length_limit)
    return LabelLimits(*limits) if any(limits) else None


def _paced(target: Target) -> tuple[int, int]:
    return target.interval_ms, target.timeout_ms
