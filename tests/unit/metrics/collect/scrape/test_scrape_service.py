"""The scraper as a whole, on a clock that stands still and sources that are told what to say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock, settle
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.scrape.job import SourceTarget
from fenghuo.metrics.collect.scrape.service import Scraper
from fenghuo.metrics.collect.scrape.status import Health
from fenghuo.metrics.collect.settings import GlobalSettings, JobSettings
from fenghuo.model.labels import Labels
from fenghuo.wire.exposition import Parsed, parse_text
from unit.metrics.collect.scrape.support import STALE, MemorySink

pytestmark = pytest.mark.anyio

INTERVAL_S = 10.0


class Told:
    """A source that says ``text``, or raises ``error``."""

    def __init__(self, text: str = "a 1\n") -> None:
        self.text = text
        self.error: Exception | None = None
        self.asked = 0
        self.hold: threading.Event | None = None
        self._last: Parsed | None = None

    def collect(self) -> Parsed:
        self.asked += 1
        if self.hold is not None:
            self.hold.wait(10)
        if self.error is not None:
            raise self.error
        parsed = parse_text(self.text.encode(), "text/plain", self._last)
        self._last = parsed
        return parsed


def target(source: Told, instance: str = "i", interval_s: float = INTERVAL_S, timeout_s: float = 5.0) -> SourceTarget:
    labels = Labels({"job": "j", "instance": instance})
    return SourceTarget("j", labels, source, round(interval_s * 1000), round(timeout_s * 1000))


class Bench:
    """A scraper with everything that it stands on."""

    def __init__(self, clock: ManualClock, registry: CollectorRegistry) -> None:
        self.clock = clock
        self.registry = registry
        self.sink = MemorySink()
        self.held = False
        """Whether a source is being kept from answering."""
        self.scraper = Scraper(self.sink, clock, registry, Guard(registry))

    async def pass_time(self, seconds: float) -> None:
        """Let time pass in steps, and let worker threads end their work at each."""
        for _ in range(round(seconds)):
            await self.clock.advance(1)
            await self.quiet()

    async def quiet(self) -> None:
        """Wait until no worker thread has anything to do, and what that led to is done."""
        await settle()
        while self.count("fenghuo_scrape_threads_pending", pool="write") or (
            not self.held and self.count("fenghuo_scrape_threads_pending", pool="collect")
        ):
            await asyncio.sleep(0.0005)
            await settle()

    def values(self, name: str, instance: str = "i") -> list[float | str]:
        return [value for _, value in self.sink.samples.get(f'{name}{{instance="{instance}", job="j"}}', [])]

    def times_ms(self, name: str, instance: str = "i") -> list[int]:
        return [when_ms for when_ms, _ in self.sink.samples[f'{name}{{instance="{instance}", job="j"}}']]

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
async def bench(clock: ManualClock, registry: CollectorRegistry) -> AsyncIterator[Bench]:
    bench = Bench(clock, registry)
    async with bench.scraper:
        yield bench


async def test_a_source_is_scraped_at_once_and_then_at_even_times(bench: Bench) -> None:
    began_ms = bench.clock.now_ms()
    await bench.scraper.apply([], [target(Told())])
    await bench.pass_time(40)

    assert bench.values("a") == [1.0] * 5
    assert bench.times_ms("a")[0] == began_ms
    assert set(np.diff(bench.times_ms("a")[1:])) == {10_000}
    assert bench.count("fenghuo_scrapes_total", job="j", outcome="ok") == 5
    assert bench.count("fenghuo_scrape_layouts_reused_total") == 4
    assert bench.count("fenghuo_scrape_targets", job="j") == 1
    assert bench.count("fenghuo_scrape_samples_total", outcome="accepted") == 5 * 6


async def test_targets_are_shown_with_their_health(bench: Bench) -> None:
    source = Told()
    await bench.scraper.apply([], [target(source)])
    (unknown,) = bench.scraper.targets().active
    assert (unknown.health, unknown.last_scrape_ms, unknown.last_error) == (Health.UNKNOWN, None, "")
    await bench.pass_time(10)
    (up,) = bench.scraper.targets().active
    assert (up.health, up.last_scrape_ms, up.samples_scraped) == (Health.UP, bench.times_ms("a")[-1], 1)
    source.error = OperatingError("no such device", retryable=True)
    await bench.pass_time(10)
    (down,) = bench.scraper.targets().active
    assert (down.health, down.last_error) == (Health.DOWN, "no such device")
    assert (bench.values("up"), bench.values("a")) == ([1.0, 1.0, 0.0], [1.0, 1.0, STALE])
    assert bench.count("fenghuo_scrapes_total", job="j", outcome="source") == 1


async def test_a_fault_of_a_source_is_its_own_trouble(bench: Bench) -> None:
    broken, fine = Told(), Told()
    broken.error = ZeroDivisionError("nobody thought of this")
    await bench.scraper.apply([], [target(broken, "broken"), target(fine, "fine")])
    await bench.pass_time(20)

    assert bench.values("up", "broken") == [0.0] * 3
    assert bench.values("up", "fine") == [1.0] * 3
    assert "unexpected fault" in bench.scraper.targets().active[0].last_error
    assert bench.count("fenghuo_unexpected_faults_total", part="scrape") == 3


async def test_a_source_that_takes_too_long_fails_the_scrape_and_is_not_asked_twice(bench: Bench) -> None:
    source = Told()
    source.hold = threading.Event()
    bench.held = True
    await bench.scraper.apply([], [target(source, timeout_s=3)])
    await bench.pass_time(30)
    assert source.asked == 1
    assert bench.values("up") == [0.0] * 4
    assert "has not ended yet" in bench.scraper.targets().active[0].last_error
    assert bench.count("fenghuo_scrapes_total", job="j", outcome="timeout") == 4
    bench.held = False
    source.hold.set()
    await bench.pass_time(10)
    assert bench.values("up")[-1] == 1.0


async def test_a_target_that_goes_is_marked_after_a_while(bench: Bench) -> None:
    await bench.scraper.apply([], [target(Told())])
    await bench.pass_time(10)
    last_ms = bench.times_ms("a")[-1]
    await bench.scraper.apply([], [])
    await bench.pass_time(10)
    assert bench.values("a") == [1.0, 1.0]
    await bench.pass_time(12)

    assert bench.values("a") == [1.0, 1.0, STALE]
    assert bench.values("up") == [1.0, 1.0, STALE]
    assert bench.times_ms("a")[-1] == pytest.approx(last_ms + 10_000, abs=1)
    assert bench.count("fenghuo_scrape_targets", job="j") is None


async def test_a_target_that_is_back_in_time_gets_no_marker(bench: Bench) -> None:
    source = Told("a 1\nb 1\n")
    await bench.scraper.apply([], [target(source)])
    await bench.pass_time(10)
    await bench.scraper.apply([], [])
    await bench.pass_time(5)
    source.text = "a 1\n"
    await bench.scraper.apply([], [target(source)])
    await bench.pass_time(40)

    assert STALE not in bench.values("a")
    assert bench.values("up") == [1.0] * 7
    assert bench.values("b") == [1.0, 1.0, STALE]


async def test_stopping_writes_no_markers(clock: ManualClock, registry: CollectorRegistry) -> None:
    bench = Bench(clock, registry)
    async with bench.scraper:
        await bench.scraper.apply([], [target(Told())])
        await bench.pass_time(10)
    await clock.advance(100)

    assert bench.values("a") == [1.0, 1.0]


async def test_a_reload_that_changes_nothing_leaves_the_loop_alone(bench: Bench) -> None:
    source = Told()
    for _ in range(30):
        await bench.scraper.apply([], [target(source)])
        await bench.pass_time(1)

    assert bench.values("a") == [1.0] * 4
    assert set(np.diff(bench.times_ms("a")[1:])) == {10_000}


async def test_another_interval_keeps_series_and_state(bench: Bench) -> None:
    source = Told()
    await bench.scraper.apply([], [target(source)])
    await bench.pass_time(10)
    await bench.scraper.apply([], [target(source, interval_s=5)])
    assert bench.scraper.targets().active[0].health is Health.UP
    await bench.pass_time(10)

    assert bench.values("a") == [1.0] * 4
    assert len(bench.sink.cohorts) == 1


async def test_a_store_that_is_full_is_shown_and_recovers(bench: Bench) -> None:
    await bench.scraper.apply([], [target(Told())])
    await bench.pass_time(10)
    bench.sink.full = True
    await bench.pass_time(10)
    assert bench.scraper.targets().active[0].last_error == "no space left on device"
    assert bench.count("fenghuo_scrapes_total", job="j", outcome="store") == 1
    bench.sink.full = False
    await bench.pass_time(10)
    assert bench.values("up") == [1.0] * 3


def http_job(**keys: object) -> JobSettings:
    given = {"job_name": "web", "scrape_interval": "10s", "scrape_timeout": "5s", **keys}
    return JobSettings.model_validate(given).under(GlobalSettings())


async def test_over_the_target_limit_nothing_is_scraped(bench: Bench) -> None:
    targets = [{"targets": ["127.0.0.1:1", "127.0.0.1:2"]}]
    await bench.scraper.apply([http_job(static_configs=targets, target_limit=1)])
    await bench.pass_time(10)

    errors = {shown.last_error for shown in bench.scraper.targets().active}
    assert errors == {"target_limit exceeded (number of targets: 2, limit: 1)"}
    assert bench.count("fenghuo_scrapes_total", job="web", outcome="target_limit") == 2


async def test_dropped_targets_are_shown_as_many_as_are_wanted(bench: Bench) -> None:
    rules = [{"source_labels": ["__address__"], "regex": "b.*", "action": "drop"}]
    targets = [{"targets": ["a:1", "b:1", "b:2", "b:3"]}]
    await bench.scraper.apply([http_job(static_configs=targets, relabel_configs=rules, keep_dropped_targets=2)])
    await bench.quiet()
    shown = bench.scraper.targets()

    assert [active.labels["instance"] for active in shown.active] == ["a:1"]
    assert [dropped.discovered["__address__"] for dropped in shown.dropped] == ["b:1", "b:2"]
    assert shown.dropped_counts == {"web": 3}
    assert shown.pools == ["web"]


async def test_metadata_is_told_per_metric_and_per_target(bench: Bench) -> None:
    one, two = (
        Told("# TYPE a gauge\n# HELP a One.\na 1\n"),
        Told("# TYPE a gauge\n# HELP a Two.\na 1\n# TYPE b counter\nb 1\n"),
    )
    await bench.scraper.apply([], [target(one, "one"), target(two, "two")])
    await bench.pass_time(10)
    scraper = bench.scraper

    assert [entry.help for entry in scraper.metadata()["a"]] == ["One.", "Two."]
    assert [entry.help for entry in scraper.metadata(metric="a", limit_per_metric=1)["a"]] == ["One."]
    assert list(scraper.metadata(metric="b")) == ["b"]
    assert scraper.metadata(limit=0) == {}
    assert [(each.target["instance"], each.metric) for each in scraper.target_metadata()] == [
        ("one", "a"),
        ("two", "a"),
        ("two", "b"),
    ]
    assert len(scraper.target_metadata(limit=1)) == 1
