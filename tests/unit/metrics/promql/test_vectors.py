"""Aggregations and binary operators over series that come and go, against the same done step by step."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from random import Random

import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.promql import Engine, ExecutionError, MatrixResult
from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.model.labels import METRIC_NAME, Labels

STEP_MS = 60_000
STEPS = 12
SEEDS = range(15)
Sample = dict[Labels, float]
"""An instant vector."""


def random_store(random: Random) -> MemoryStore:
    """Two metrics; each series is there at some steps only."""
    store = MemoryStore()
    for name in ("left", "right"):
        for job in ("a", "b", "c"):
            for number in range(random.randrange(1, 6)):
                labels = Labels({METRIC_NAME: name, "job": job, "n": str(number)})
                store.add(labels, [(step * STEP_MS, _value(random)) for step in range(STEPS) if random.random() < 0.6])
    return store


def _value(random: Random) -> float:
    return random.choice([float(random.randrange(-3, 4)), random.uniform(-1e3, 1e3), 5.0])


def by_steps(engine: Engine, expr: str) -> list[Sample]:
    """A range query, cut into its steps. With a lookback of a step no sample counts at the next one."""
    result = engine.range(expr, 0, (STEPS - 1) * STEP_MS, STEP_MS).value
    assert isinstance(result, MatrixResult)
    steps: list[Sample] = [{} for _ in range(STEPS)]
    for labels, times, values in result.series():
        for time_ms, value in zip(times.tolist(), values.tolist(), strict=True):
            steps[time_ms // STEP_MS][labels] = value
    return steps


def present(engine: Engine, name: str) -> list[Sample]:
    return by_steps(engine, f"last_over_time({name}[1m])")


def grouped(sample: Sample, names: tuple[str, ...]) -> dict[Labels, list[tuple[Labels, float]]]:
    groups: dict[Labels, list[tuple[Labels, float]]] = {}
    for labels, value in sample.items():
        groups.setdefault(labels.only(names), []).append((labels, value))
    return groups


def same(got: list[Sample], wanted: list[Sample], where: object) -> None:
    for step, (ours, theirs) in enumerate(zip(got, wanted, strict=True)):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9), (where, step)


def quantile(values: list[float], phi: float) -> float:
    ranked = sorted(values)
    rank = phi * (len(ranked) - 1)
    low, weight = int(rank), rank - int(rank)
    return ranked[low] * (1 - weight) + ranked[min(low + 1, len(ranked) - 1)] * weight


AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "count": len,
    "group": lambda values: 1.0,
    "stddev": statistics.pstdev,
    "stdvar": statistics.pvariance,
    "quantile": lambda values: quantile(values, 0.3),
}


@pytest.mark.parametrize("op", list(AGGREGATIONS))
def test_aggregations(op: str) -> None:
    """Each group at each step, of the series that are there."""
    work = AGGREGATIONS[op]
    param = "0.3, " if op == "quantile" else ""
    for seed in SEEDS:
        engine = Engine(random_store(Random(seed)), ManualClock())
        got = by_steps(engine, f"{op} by (job) ({param}last_over_time(left[1m]))")
        wanted = [
            {key: float(work([value for _, value in rows])) for key, rows in grouped(sample, ("job",)).items()}
            for sample in present(engine, "left")
        ]
        same(got, wanted, seed)


@pytest.mark.parametrize("op", ["topk", "bottomk"])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_the_chosen_few(op: str, count: int) -> None:
    """The largest or smallest values of each group at each step; which of equal ones is open."""
    for seed in SEEDS:
        engine = Engine(random_store(Random(seed)), ManualClock())
        got = by_steps(engine, f"{op} by (job) ({count}, last_over_time(left[1m]))")
        for chosen, sample in zip(got, present(engine, "left"), strict=True):
            assert chosen.items() <= sample.items()
            groups = grouped(chosen, ("job",))
            for key, rows in grouped(sample, ("job",)).items():
                ranked = sorted((value for _, value in rows), reverse=op == "topk")
                given = sorted((value for _, value in groups.get(key, [])), reverse=op == "topk")
                assert given == ranked[:count], seed


def joined(left: Sample, right: Sample, names: tuple[str, ...] | None, *, many: bool) -> Sample | None:
    """``left - right``; None when the matching is ambiguous."""
    key = (lambda labels: labels.without([METRIC_NAME])) if names is None else (lambda labels: labels.only(names))
    ones: dict[Labels, float] = {}
    for labels, value in right.items():
        if left and key(labels) in ones:
            return None
        ones[key(labels)] = value
    result: Sample = {}
    for labels, value in left.items():
        if key(labels) in ones:
            out = labels.without([METRIC_NAME]) if many else key(labels)
            if out in result:
                return None
            result[out] = value - ones[key(labels)]
    return result


@pytest.mark.parametrize(
    ("matching", "names", "many"),
    [
        ("", None, False),
        ("on(job, n)", ("job", "n"), False),
        ("on(job)", ("job",), False),
        ("on(n) group_left", ("n",), True),
    ],
)
def test_matching(matching: str, names: tuple[str, ...] | None, many: bool) -> None:
    """Who meets whom, and when it is ambiguous, is what it would be at each step alone."""
    outcomes = set()
    for seed in SEEDS:
        engine = Engine(random_store(Random(seed)), ManualClock())
        right = "last_over_time(right[1m])" if not many else 'last_over_time(right{job="a"}[1m])'
        lefts, rights = present(engine, "left"), by_steps(engine, right)
        wanted = [joined(a, b, names, many=many) for a, b in zip(lefts, rights, strict=True)]
        expr = f"last_over_time(left[1m]) - {matching} {right}"
        outcomes.add(None in wanted)
        if None in wanted:
            with pytest.raises(ExecutionError):
                by_steps(engine, expr)
        else:
            same(by_steps(engine, expr), [one for one in wanted if one is not None], seed)
    assert False in outcomes or matching == "on(job)"


@pytest.mark.parametrize("op", ["and", "or", "unless"])
def test_set_operators(op: str) -> None:
    """By presence at each step, whatever the values."""
    for seed in SEEDS:
        engine = Engine(random_store(Random(seed)), ManualClock())
        got = by_steps(engine, f"last_over_time(left[1m]) {op} on(job, n) last_over_time(right[1m])")
        wanted = []
        for left, right in zip(present(engine, "left"), present(engine, "right"), strict=True):
            lefts = {labels.only(("job", "n")) for labels in left}
            rights = {labels.only(("job", "n")) for labels in right}
            kept = {
                labels: value
                for labels, value in left.items()
                if op == "or" or (labels.only(("job", "n")) in rights) == (op == "and")
            }
            if op == "or":
                kept |= {labels: value for labels, value in right.items() if labels.only(("job", "n")) not in lefts}
            wanted.append(kept)
        same(got, wanted, seed)


def test_classic_histograms_with_missing_buckets() -> None:
    """A bucket that is missing at a step is missing from that step's histogram alone."""
    store = MemoryStore()
    for bound, counts in (("1", [10.0, 10.0]), ("2", [20.0, None]), ("4", [40.0, 40.0]), ("+Inf", [40.0, 40.0])):
        labels = Labels({METRIC_NAME: "b", "le": bound, "job": "x"})
        store.add(labels, [(step * STEP_MS, count) for step, count in enumerate(counts) if count is not None])
    engine = Engine(store, ManualClock())
    got = by_steps(engine, "histogram_quantile(0.5, last_over_time(b[1m]))")
    job = Labels({"job": "x"})
    assert got[0] == {job: 2.0}
    assert got[1] == {job: pytest.approx(1 + 3 * 10 / 30)}
