"""Samples as scrape targets have them: a target's series share their timestamps, and each target has its own offset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

INTERVAL_MS = 15_000
HOUR_MS = 3_600_000
SEED = 1
METHODS = ("GET", "POST", "PUT", "PATCH")


@dataclass(frozen=True)
class Target:
    """One scrape target's history."""

    key: str
    series: list[dict[str, str]]
    times_ms: Ints
    """int64[samples], strictly increasing."""
    values: Floats
    """float64[series, samples]."""

    @property
    def samples(self) -> int:
        return self.values.size


@dataclass(frozen=True)
class Span:
    """When there are scrapes: ``rounds`` of them up to ``end_ms``."""

    end_ms: int
    rounds: int
    interval_ms: int = INTERVAL_MS

    def times_ms(self, target: int) -> Ints:
        """The target's own moment within each interval. Never on a whole second, where queries are evaluated: at a
        window's edge the versions of the language differ."""
        offset_ms = 1 + target * 7919 % (self.interval_ms - 1)
        offset_ms += offset_ms % 1000 == 0
        first_ms = self.end_ms - self.rounds * self.interval_ms
        return first_ms + offset_ms + np.arange(self.rounds, dtype=np.int64) * self.interval_ms


def names(metric: str, target: int, **more: str) -> dict[str, str]:
    """The labels of one series of a target: ten jobs."""
    return {
        "__name__": metric,
        "job": f"job{target % 10}",
        "instance": f"10.0.{target // 250}.{target % 250}:9100",
    } | more


def counters(metric: str, targets: int, per_target: int, span: Span) -> list[Target]:
    """Counters of requests: a third moves in each interval by some dozens, a hundredth restarts once."""
    chance, found = np.random.default_rng(SEED), []
    for number in range(targets):
        series = [names(metric, number, path=f"/api/{i // 4}", method=METHODS[i % 4]) for i in range(per_target)]
        steps = chance.integers(0, 50, (per_target, span.rounds)) * (chance.random((per_target, span.rounds)) < 0.34)
        steps[::3] += chance.integers(1, 20, steps[::3].shape)  # Busy ones move always.
        values = np.cumsum(steps, axis=1).astype(np.float64) + chance.integers(0, 1_000_000, (per_target, 1))
        values[5::100, span.rounds // 2 :] -= values[5::100, span.rounds // 2 : span.rounds // 2 + 1]
        found.append(Target(f"{metric}/{number}", series, span.times_ms(number), values))
    return found


def gauges(metric: str, targets: int, per_target: int, span: Span) -> list[Target]:
    """Temperatures, loads: a random walk with two digits behind the point."""
    chance, found = np.random.default_rng(SEED), []
    for number in range(targets):
        series = [names(metric, number, sensor=str(i)) for i in range(per_target)]
        values = 50 + np.cumsum(chance.normal(0, 0.5, (per_target, span.rounds)), axis=1).round(2)
        found.append(Target(f"{metric}/{number}", series, span.times_ms(number), values.round(2)))
    return found


def health(targets: int, span: Span) -> list[Target]:
    """``up`` and the companions that every scrape writes, of small targets; one in fifty is down now and then."""
    chance, found = np.random.default_rng(SEED), []
    companions = ("scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling")
    for number in range(targets):
        series = [names(metric, number) for metric in ("up", *companions, "scrape_series_added")]
        values = np.zeros((5, span.rounds))
        values[0] = chance.random(span.rounds) > 0.1 if number % 50 == 0 else 1.0
        values[1] = chance.random(span.rounds).round(9) * 0.01
        values[2:4] = 1.0
        found.append(Target(f"health/{number}", series, span.times_ms(number), values))
    return found


BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5", "7.5", "10",
          "15", "30", "60", "120", "300", "+Inf")  # fmt: skip


def histograms(metric: str, targets: int, per_target: int, span: Span) -> list[Target]:
    """``per_target`` histograms of twenty buckets on each target."""
    chance, found = np.random.default_rng(SEED), []
    for number in range(targets):
        series = [names(metric, number, path=f"/api/{i}", le=bound) for i in range(per_target) for bound in BOUNDS]
        seen = chance.poisson(chance.random((per_target, len(BOUNDS), 1)) * 3, (per_target, len(BOUNDS), span.rounds))
        values = seen.cumsum(axis=2).cumsum(axis=1).astype(np.float64).reshape(-1, span.rounds)
        found.append(Target(f"{metric}/{number}", series, span.times_ms(number), values))
    return found


def total(targets: Iterable[Target]) -> int:
    """How many samples they have."""
    return sum(target.samples for target in targets)


def series_of(targets: Sequence[Target]) -> int:
    """How many series they have."""
    return sum(len(target.series) for target in targets)
