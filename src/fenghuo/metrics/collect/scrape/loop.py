"""The loop of one target: wait for its moment, fetch, have it written, again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.scrape.feed import Feed
from fenghuo.metrics.collect.scrape.metrics import ScrapeMetrics
from fenghuo.metrics.collect.scrape.outcome import Failure, Outcome, Read, Reason, ScrapeError
from fenghuo.metrics.collect.scrape.threads import Threads
from fenghuo.metrics.collect.scrape.timing import Timestamps, next_tick_s, offset_s
from fenghuo.metrics.collect.scrape.writer import TargetWriter
from fenghuo.metrics.collect.targets import Target
from fenghuo.model.duration import format_duration
from fenghuo.model.labels import Labels

log = logging.getLogger(__name__)

LIGHT_BYTES_MAX: Final = 256 * 1024
"""Bodies that were as long as this and laid out as before are written on the event loop, which takes some 2 ms. To
hand them to a worker thread would cost half as much again."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every loop of a scraper works with."""

    clock: Clock
    guard: Guard
    metrics: ScrapeMetrics
    writing: Threads
    """Where bodies are parsed and written that are new or large."""
    offset_seed: int = 0


class ScrapeLoop:
    """Scrapes one target for as long as :meth:`run` runs; rounds never overlap."""

    def __init__(self, target: Target, feed: Feed, writer: TargetWriter, tools: Tools) -> None:
        self.target = target
        self.writer = writer
        self.last: Outcome | None = None
        """How the last scrape ended."""
        self.refused: Failure | None = None
        """Set when the target is not to be scraped and every round is to fail with this."""
        self._feed = feed
        self._tools = tools
        self._metrics = tools.metrics.of_job(target.job)
        self._tick_s = 0.0

    async def run(self) -> None:
        """Scrape until cancelled."""
        clock, target = self._tools.clock, self.target
        interval_s = target.interval_ms / 1000
        identity = f"{target.url}\n{target.labels}"
        self._tick_s = clock.monotonic_s()
        if self._feed.at_once and self.last is None:
            await self._tools.guard.run("scrape", partial(self._round, clock.now_ms()))
        await clock.sleep(offset_s(identity, self._tools.offset_seed, target.interval_ms, clock.now_ms()))
        self._tick_s = clock.monotonic_s()
        timestamps = Timestamps(target.interval_ms)
        while True:
            late_ms = (clock.monotonic_s() - self._tick_s) * 1000
            time_ms = timestamps.take(clock.now_ms(), late_ms)
            await self._tools.guard.run("scrape", partial(self._round, time_ms))
            self._tick_s = next_tick_s(self._tick_s, interval_s, clock.monotonic_s())
            await clock.sleep(self._tick_s - clock.monotonic_s())

    async def fade(self, neighbours: Callable[[], Sequence[TargetWriter]]) -> None:
        """After the end of :meth:`run`: mark all series as ended, in case the target does not come back.

        The markers carry the time at which the next scrape would have been; they are written one interval and a
        tenth after that, by when a target that moved has been scraped in its new place. What ``neighbours`` write
        by then gets none. Cancel this when the target is back or the program stops.
        """
        clock, interval_s = self._tools.clock, self.target.interval_ms / 1000
        await clock.sleep(self._tick_s - clock.monotonic_s())
        stale_ms = clock.now_ms()
        await clock.sleep(1.1 * interval_s)
        others = neighbours()
        failure = await self._tools.writing.run(lambda: _end(self.writer, stale_ms, others))
        if failure is not None:
            log.warning("no staleness markers for %s, which is gone: %s", self.target.url, failure.message)

    async def _round(self, time_ms: int) -> None:
        """One scrape. A fault that nobody foresaw is logged, and written down as the scrape's failure."""
        started_s = self._tools.clock.monotonic_s()
        written: list[Outcome] = []

        async def scrape() -> None:
            written.append(await self._write(time_ms, started_s, self.refused or await self._fetch()))

        async def admit_fault() -> None:
            written.append(await self._write(time_ms, started_s, _FAULT))

        guard = self._tools.guard
        if not await guard.run("scrape", scrape) and not await guard.run("scrape", admit_fault):
            written.append(Outcome(time_ms, self._tools.clock.monotonic_s() - started_s, failure=_FAULT))
        (outcome,) = written
        self._metrics.observe(outcome)
        _tell(self.target, self.last, outcome)
        self.last = outcome

    async def _fetch(self) -> Read | Failure:
        timeout_ms = self.target.timeout_ms
        try:
            async with self._tools.clock.timeout(timeout_ms / 1000):
                return await self._feed.fetch()
        except TimeoutError:
            limit = format_duration(timeout_ms)
            return Failure(Reason.TIMEOUT, f"no complete answer within the scrape timeout of {limit}")
        except ScrapeError as error:
            return error.failure

    async def _write(self, time_ms: int, started_s: float, read: Read | Failure) -> Outcome:
        if isinstance(read, Failure) or self._is_light:
            return self.writer.write(time_ms, started_s, read)
        return await self._tools.writing.run(lambda: self.writer.write(time_ms, started_s, read))

    @property
    def _is_light(self) -> bool:
        """Whether, by the last body, the next one takes less to write than the way to a worker thread and back."""
        last = self.last
        return last is not None and last.layout_reused and last.body_bytes <= LIGHT_BYTES_MAX


def _end(writer: TargetWriter, stale_ms: int, neighbours: Sequence[TargetWriter]) -> Failure | None:
    return writer.end(stale_ms, frozenset[Labels]().union(*(other.present() for other in neighbours)))


_FAULT = Failure(Reason.FAULT, "an unexpected fault in Fenghuo itself; its log has the traceback")


def _tell(target: Target, last: Outcome | None, now: Outcome) -> None:
    """Log what changed since the last scrape; a lasting state is not repeated."""
    before = last.failure.message if last is not None and last.failure is not None else None
    after = now.failure.message if now.failure is not None else None
    if after is not None and after != before:
        log.warning("scrape of %s (job %s) failed: %s", target.url, target.job, after)
    elif after is None and before is not None:
        log.info("scrape of %s (job %s) works again", target.url, target.job)
    if now.rejected and (last is None or set(now.rejected) != set(last.rejected)):
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(now.rejected.items()))
        log.warning("scrape of %s (job %s): samples rejected: %s", target.url, target.job, counts)
