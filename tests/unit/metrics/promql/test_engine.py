"""The engine: limits, cancellation, kinds of answers, errors of evaluation."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError
from fenghuo.metrics.promql import (
    Engine,
    ExecutionError,
    MatrixResult,
    ParseError,
    QueryCancelledError,
    QueryOptions,
    QueryTimeoutError,
    RangeVectorResult,
    ScalarResult,
    StringResult,
    TooManySamplesError,
    VectorResult,
)
from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.selection import Selection

MINUTE_MS = 60_000


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for job, instance, factor in (("a", "1", 1.0), ("a", "2", 2.0), ("b", "1", 4.0)):
        labels = Labels({"__name__": "x_total", "job": job, "instance": instance})
        store.add(labels, [(minute * MINUTE_MS, minute * factor) for minute in range(11)])
    return store


@pytest.fixture
def engine(store: MemoryStore, clock: ManualClock) -> Engine:
    return Engine(store, clock)


def vector(engine: Engine, expr: str, options: QueryOptions | None = None) -> dict[str, float]:
    """Series and values at ten minutes."""
    result = engine.instant(expr, 10 * MINUTE_MS, options or QueryOptions()).value
    assert isinstance(result, VectorResult)
    return {str(labels): value for labels, value in result.samples()}


@pytest.mark.parametrize(
    ("expr", "kind"),
    [
        ("1 + 1", ScalarResult),
        ('"text"', StringResult),
        ("x_total", VectorResult),
        ("x_total[5m]", RangeVectorResult),
        ("rate(x_total[5m])[5m:1m]", RangeVectorResult),
    ],
)
def test_kinds_of_instant_answers(engine: Engine, expr: str, kind: type) -> None:
    assert isinstance(engine.instant(expr, 10 * MINUTE_MS).value, kind)


def test_range_answers_are_matrices_in_order(engine: Engine) -> None:
    """Series are sorted by labels; a scalar is one series without labels."""
    result = engine.range("-x_total", 0, 10 * MINUTE_MS, 5 * MINUTE_MS).value
    assert isinstance(result, MatrixResult)
    rows = [(str(labels), times.tolist(), values.tolist()) for labels, times, values in result.series()]
    assert rows == [
        ('{instance="1", job="a"}', [0, 300_000, 600_000], [0, -5, -10]),
        ('{instance="1", job="b"}', [0, 300_000, 600_000], [0, -20, -40]),
        ('{instance="2", job="a"}', [0, 300_000, 600_000], [0, -10, -20]),
    ]
    scalar = engine.range("time()", 0, 2 * MINUTE_MS, MINUTE_MS).value
    assert isinstance(scalar, MatrixResult)
    assert [(labels, values.tolist()) for labels, _, values in scalar.series()] == [(Labels(), [0, 60, 120])]


def test_range_queries_have_no_ranges_for_answers(engine: Engine) -> None:
    with pytest.raises(ParseError, match='invalid expression type "range vector" for range query'):
        engine.range("x_total[5m]", 0, 1, 1)


@pytest.mark.parametrize(("end_ms", "step_ms"), [(-1, 1), (10, 0), (10, -5)])
def test_range_queries_have_moments(engine: Engine, end_ms: int, step_ms: int) -> None:
    with pytest.raises(ExecutionError, match="no moments"):
        engine.range("x_total", 0, end_ms, step_ms)


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (
            "x_total * on(instance) x_total",
            'found duplicate series for the match group {instance="1"} on the right hand-side of the operation: '
            '[{__name__="x_total", instance="1", job="a"}, {__name__="x_total", instance="1", job="b"}];many-to-many '
            "matching not allowed: matching labels must be unique on one side",
        ),
        (
            "x_total * on(job) sum by (job) (x_total)",
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        ),
        (
            # What a comparison takes out must have been unambiguous too.
            "x_total > on(job) sum by (job) (x_total) * 100",
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        ),
        (
            "x_total > on(instance) group_left(job) sum by (instance) (x_total) * 100",
            "multiple matches for labels: grouping labels must ensure unique matches",
        ),
        ("limit_ratio(NaN, nothing)", "Ratio value is NaN"),
        ('label_replace(x_total, "job", "", "", "")', None),
        ('label_replace(x_total, "instance", "z", "", "")', "vector cannot contain metrics with the same labelset"),
        ('label_replace(x_total, "a", "$1", "job", "(")', "invalid regular expression in label_replace(): ("),
        ("topk(NaN, x_total)", "Parameter value is NaN"),
        ("1 </ 2", 'operator "</" not allowed for Scalar operations'),
        ("double_exponential_smoothing(x_total[5m], 0, 0.5)", "invalid smoothing factor"),
    ],
)
def test_errors_of_evaluation(engine: Engine, expr: str, message: str | None) -> None:
    if message is None:
        engine.instant('label_replace(x_total, "other", "z", "", "")', 10 * MINUTE_MS)
        return
    with pytest.raises(ExecutionError) as caught:
        engine.instant(expr, 10 * MINUTE_MS)
    assert message in caught.value.message


def test_matching_series_may_take_turns(store: MemoryStore, engine: Engine) -> None:
    """A restarted instance is a new series; as long as the two do not overlap, matching goes on."""
    for version, minutes in (("1", range(5)), ("2", range(10, 16))):
        labels = Labels({"__name__": "info", "job": "b", "version": version})
        store.add(labels, [(minute * MINUTE_MS, 1.0) for minute in minutes])
    result = engine.range('x_total{job="b"} * on(job) group_left(version) info', 0, 10 * MINUTE_MS, 5 * MINUTE_MS).value
    assert isinstance(result, MatrixResult)
    points = {labels["version"]: (times.tolist(), values.tolist()) for labels, times, values in result.series()}
    assert points == {"1": ([0, 300_000], [0.0, 20.0]), "2": ([600_000], [40.0])}


def test_infos_and_warnings(engine: Engine, store: MemoryStore) -> None:
    store.add(Labels({"__name__": "gauge"}), [(9 * MINUTE_MS, 1.0), (10 * MINUTE_MS, 2.0)])
    result = engine.instant("rate(gauge[5m]) + quantile(2, gauge)", 10 * MINUTE_MS)
    assert result.infos == [
        'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "gauge" (1:6)'
    ]
    assert result.warnings == ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:28)"]


@pytest.mark.parametrize(
    ("expr", "infos"),
    [
        ("x_total </ 1", ['incompatible sample types encountered for binary operator "</": float </ float (1:1)']),
        (
            "sum(x_total >/ x_total)",
            ['incompatible sample types encountered for binary operator ">/": float >/ float (1:5)'],
        ),
        ("x_total >/ nothing", []),
    ],
)
def test_nothing_is_left_of_trimmed_floats(engine: Engine, expr: str, infos: list[str]) -> None:
    result = engine.instant(expr, 10 * MINUTE_MS)
    assert isinstance(result.value, VectorResult)
    assert result.value.samples() == []
    assert result.infos == [f"PromQL info: {text}" for text in infos]


def test_buckets_that_fall_are_told_of_in_sum(engine: Engine, store: MemoryStore) -> None:
    """Which buckets, by how much, how often and when, over all histograms of a metric."""
    for le, values in (("1", (9.0, 4.0)), ("2", (5.5, 2.0)), ("+Inf", (10.0, 10.0))):
        for job, value in zip("ab", values, strict=True):
            labels = Labels({"__name__": "h_bucket", "job": job, "le": le})
            store.add(labels, [(minute * MINUTE_MS, value) for minute in range(3)])
    result = engine.range("histogram_quantile(0.5, h_bucket)", 0, 2 * MINUTE_MS, MINUTE_MS)
    assert result.infos == [
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for metric name "
        '"h_bucket", from buckets 2 to 2, with a max diff of 3.5, over 6 samples from 1970-01-01T00:00:00Z to '
        "1970-01-01T00:02:00Z (1:25)"
    ]
    assert engine.instant("histogram_quantile(2, h_bucket)", 0).infos == []


def test_samples_are_limited(engine: Engine) -> None:
    """The samples read, and the values of each selector's answer."""
    options = QueryOptions(samples_max=36)
    assert vector(engine, "x_total offset 1s", options)
    assert engine.range("x_total", 0, 10 * MINUTE_MS, MINUTE_MS, options)
    with pytest.raises(TooManySamplesError):
        engine.instant("x_total[20m]", 10 * MINUTE_MS, QueryOptions(samples_max=32))
    with pytest.raises(TooManySamplesError):
        engine.range("x_total", 0, 10 * MINUTE_MS, 1000, options)


def test_moments_count_although_no_sample_is_read(engine: Engine) -> None:
    """Seven gigabytes of ones, were they made."""
    with pytest.raises(TooManySamplesError):
        engine.instant("sum_over_time(vector(1)[10d:1ms])", 10 * MINUTE_MS)
    with pytest.raises(TooManySamplesError):
        engine.instant("max_over_time((time() + vector(0))[100y:1ms])", 10 * MINUTE_MS)


def test_values_that_become_labels_are_counted_before_they_are_laid_out(engine: Engine) -> None:
    def count(samples_max: int) -> MatrixResult:
        options = QueryOptions(samples_max=samples_max)
        result = engine.range('count_values("v", x_total)', 0, 10 * MINUTE_MS, MINUTE_MS, options).value
        assert isinstance(result, MatrixResult)
        return result

    assert count(1000).labels.size == 21
    with pytest.raises(TooManySamplesError):
        count(100)


def test_rows_that_take_turns_are_counted_before_they_are_paired(store: MemoryStore, engine: Engine) -> None:
    for minute in range(11):
        store.add(Labels({"__name__": "turn", "pod": str(minute)}), [(minute * MINUTE_MS, 1.0)])

    def join(samples_max: int) -> MatrixResult:
        options = QueryOptions(samples_max=samples_max, lookback_ms=1)
        result = engine.range("x_total * on() group_left() turn", 0, 10 * MINUTE_MS, MINUTE_MS, options).value
        assert isinstance(result, MatrixResult)
        return result

    assert join(1000).present.all()
    with pytest.raises(TooManySamplesError):
        join(200)


def test_runs_of_digits_of_any_length_sort_as_numbers(store: MemoryStore, engine: Engine) -> None:
    for text in ("a10", "a9", "a" + "9" * 5000, "a09", "b"):
        store.add(Labels({"__name__": "n", "of": text}), [(10 * MINUTE_MS, 1.0)])
    result = engine.instant('sort_by_label(n, "of")', 10 * MINUTE_MS).value
    assert isinstance(result, VectorResult)
    assert [labels["of"][:3] for labels, _ in result.samples()] == ["a09", "a9", "a10", "a99", "b"]


def test_lookback(engine: Engine) -> None:
    """How old a series' newest sample may be is the query's to say."""
    at_ms = 13 * MINUTE_MS
    assert len(engine.instant("x_total", at_ms).value.samples()) == 3  # type: ignore[union-attr]
    brief = QueryOptions(lookback_ms=2 * MINUTE_MS)
    assert engine.instant("x_total", at_ms, brief).value.samples() == []  # type: ignore[union-attr]


def test_cancelled_queries_end(engine: Engine) -> None:
    cancel = threading.Event()
    options = QueryOptions(cancel=cancel)
    assert vector(engine, "x_total", options)
    cancel.set()
    with pytest.raises(QueryCancelledError):
        engine.instant("x_total", 0, options)


class Countdown(threading.Event):
    """Is set once it has been asked so many times."""

    def __init__(self, questions: int) -> None:
        super().__init__()
        self.left = questions

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize(
    "call",
    [
        "quantile_over_time(0.5, {})", "stddev_over_time({})", "mad_over_time({})", "deriv({})",
        "predict_linear({}, 60)", "double_exponential_smoothing({}, 0.5, 0.5)", "ts_of_max_over_time({})",
    ],
)  # fmt: skip
def test_long_work_over_few_series_can_be_cancelled(engine: Engine, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """All is one tile of three series here; the functions that look at each window look up in between."""
    monkeypatch.setattr("fenghuo.metrics.promql.kernels.spread._LAID_OUT_MAX", 100)
    expr = call.format("x_total[10m:10s]")
    patient, impatient = Countdown(10_000), Countdown(20)
    engine.range(expr, 0, 10 * MINUTE_MS, 10_000, QueryOptions(cancel=patient))
    assert patient.left < 10_000 - 30
    with pytest.raises(QueryCancelledError):
        engine.range(expr, 0, 10 * MINUTE_MS, 10_000, QueryOptions(cancel=impatient))


def test_queries_end_at_their_deadline(store: MemoryStore, clock: ManualClock) -> None:
    class Slow:
        """Takes a minute of the clock for each question."""

        def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
            clock._move_to(clock.monotonic_s() + 60)
            return store.select(matchers, start_ms, end_ms)

    engine = Engine(Slow(), clock)
    engine.instant("x_total", 10 * MINUTE_MS, QueryOptions(timeout_s=61))
    with pytest.raises(QueryTimeoutError):
        engine.instant("x_total + x_total offset 1m", 10 * MINUTE_MS, QueryOptions(timeout_s=61))


@pytest.mark.parametrize(
    ("expr", "answer"),
    [
        ("topk(1, x_total)", {'x_total{instance="1", job="b"}': 40.0}),
        ("sum(bottomk by (job) (1, x_total))", {"{}": 50.0}),
        ("sum without (instance) (x_total)", {'{job="a"}': 30.0, '{job="b"}': 40.0}),
        ("count(x_total > 15) by (job)", {'{job="a"}': 1.0, '{job="b"}': 1.0}),
        ("x_total and on(job) x_total > 30", {'x_total{instance="1", job="b"}': 40.0}),
        ('count(x_total{job="b"} or x_total{instance="2"})', {"{}": 2.0}),
        ('x_total unless x_total{job="a"}', {'x_total{instance="1", job="b"}': 40.0}),
        ("sum(x_total @ 300)", {"{}": 35.0}),
        ('absent(nope{a="b", c=~"d"})', {'{a="b"}': 1.0}),
        ('absent(nope{a!="c", a="b", e="f", e="g"})', {'{a="b"}': 1.0}),
        ("max_over_time(sum(x_total)[5m:1m])", {"{}": 70.0}),
    ],
)
def test_answers(engine: Engine, expr: str, answer: dict[str, float]) -> None:
    assert vector(engine, expr) == answer


def test_chains_of_operators_may_be_long(engine: Engine) -> None:
    """Ten thousand terms are many, not deep."""
    assert vector(engine, " + ".join(["x_total{job='b'}"] * 10_000)) == {'{instance="1", job="b"}': 400_000.0}
    assert vector(engine, " or ".join(["x_total @ 300"] * 1_000))
    scalar = engine.instant(" + ".join(["1"] * 10_000), 0).value
    assert isinstance(scalar, ScalarResult)
    assert scalar.values.tolist() == [10_000.0]


def test_queries_are_counted(store: MemoryStore, clock: ManualClock) -> None:
    """Every query is timed by kind; failures are told apart; samples are added up."""
    registry = CollectorRegistry()
    engine = Engine(store, clock, registry)
    engine.instant("x_total", 10 * MINUTE_MS)
    engine.range("x_total", 0, 10 * MINUTE_MS, MINUTE_MS)
    failing = {
        "parse": ("x_total{", QueryOptions()),
        "execution": ("x_total * on(instance) x_total", QueryOptions()),
        "too_many_samples": ("x_total", QueryOptions(samples_max=1)),
    }
    for expr, options in failing.values():
        with pytest.raises(InputError):
            engine.instant(expr, 10 * MINUTE_MS, options)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("fenghuo_query_duration_seconds_count", kind="instant") == 4
    assert value("fenghuo_query_duration_seconds_count", kind="range") == 1
    assert [value("fenghuo_query_failures_total", reason=reason) for reason in failing] == [1, 1, 1]
    assert value("fenghuo_query_failures_total", reason="timeout") == 0
    assert value("fenghuo_query_samples_total") == 15 + 33
    assert value("fenghuo_queries_running") == 0
