"""What scraping tells about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fenghuo.metrics.collect.scrape.outcome import Outcome
from fenghuo.metrics.collect.scrape.threads import Threads


@dataclass(frozen=True, slots=True)
class JobMetrics:
    """The instruments of one job's scrapes: to find them by their labels takes longer than to count."""

    ok: Counter
    failed: Callable[[str], Counter]
    last_success: Callable[[], Gauge]
    """It is there from the first success on."""
    seconds: Histogram
    accepted: Counter
    samples: Counter
    reused: Counter

    def observe(self, outcome: Outcome) -> None:
        """Count one scrape."""
        self.seconds.observe(outcome.duration_s)
        self.accepted.inc(outcome.accepted)
        for reason, count in outcome.rejected.items():
            self.samples.labels(reason).inc(count)
        if outcome.failure is None:
            self.ok.inc()
            self.last_success().set(outcome.time_ms / 1000)
        else:
            self.failed(outcome.failure.reason).inc()
        if outcome.layout_reused:
            self.reused.inc()


class ScrapeMetrics:
    """Own instruments of the scrape loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._scrapes = Counter(
            "fenghuo_scrapes", "Scrapes by how they ended: ok, or why not.", ["job", "outcome"], registry=registry
        )
        self._samples = Counter(
            "fenghuo_scrape_samples",
            "Samples handed to the store by scrapes: accepted, or why they were rejected.",
            ["outcome"],
            registry=registry,
        )
        self._accepted = self._samples.labels("accepted")
        self._seconds = Histogram(
            "fenghuo_scrape_seconds",
            "Duration of a scrape from the request to the store's answer.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self._last_success = Gauge(
            "fenghuo_scrape_last_success_timestamp_seconds",
            "When a target of the job was last scraped successfully.",
            ["job"],
            registry=registry,
        )
        self._targets = Gauge("fenghuo_scrape_targets", "Targets being scraped.", ["job"], registry=registry)
        self._dropped = Gauge(
            "fenghuo_scrape_targets_dropped", "Discovered targets that are not scraped.", ["job"], registry=registry
        )
        self._reused = Counter(
            "fenghuo_scrape_layouts_reused",
            "Scrapes whose body was laid out like the last one and took the fast path.",
            registry=registry,
        )

        self._pending = Gauge(
            "fenghuo_scrape_threads_pending",
            "Work handed to the threads of scraping (write: parse and store; collect: built-in sources), not yet done.",
            ["pool"],
            registry=registry,
        )

    def watch(self, pool: str, threads: Threads) -> None:
        """Export how much work waits for ``threads``."""
        self._pending.labels(pool).set_function(lambda: threads.pending)

    def of_job(self, job: str) -> JobMetrics:
        """What counts the scrapes of a job."""
        return JobMetrics(
            self._scrapes.labels(job, "ok"),
            lambda reason: self._scrapes.labels(job, reason),
            lambda: self._last_success.labels(job),
            self._seconds,
            self._accepted,
            self._samples,
            self._reused,
        )

    def pool(self, job: str, active: int, dropped: int) -> None:
        """Note the size of a pool."""
        self._targets.labels(job).set(active)
        self._dropped.labels(job).set(dropped)

    def forget(self, job: str) -> None:
        """Stop exporting the gauges of a job that is gone; its counters stay."""
        for gauge in (self._targets, self._dropped, self._last_success):
            gauge.remove(job)
