"""Functions over ranges: against a slow reference, for every form in which a store may hand out samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.promql import Engine, MatrixResult, matrices, windows
from fenghuo.model.label_table import LabelTable
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import ABSENT_NAN, STALE_NAN
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection
from promql_support.reference import REFERENCE

SERIES = 9
STEPS = 40
INTERVAL_MS = 10_000
Column = list[float | None]
"""One series over the common timestamps; None is no sample, NaN stands for a staleness marker."""


class Blocks:
    """Hands out fixed blocks, cut to the range that is asked for."""

    def __init__(self, table: LabelTable, blocks: Sequence[DenseBlock | RaggedBlock]) -> None:
        self._table = table
        self._blocks = blocks

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        return Selection(self._table, tuple(_cut(block, start_ms, end_ms) for block in self._blocks))


def _cut(block: DenseBlock | RaggedBlock, start_ms: int, end_ms: int) -> DenseBlock | RaggedBlock:
    inside = (block.times_ms >= start_ms) & (block.times_ms <= end_ms)
    if isinstance(block, DenseBlock):
        return DenseBlock(block.series, block.times_ms[inside], np.ascontiguousarray(block.values[:, inside]))
    kept = np.concatenate(([0], np.cumsum(inside)))
    return RaggedBlock(block.series, kept[block.offsets], block.times_ms[inside], block.values[inside])


def _table(size: int) -> LabelTable:
    return LabelTable.of([{"__name__": "x_total", "n": f"{row:03}"} for row in range(size)])


def _times() -> np.ndarray:
    return np.arange(STEPS, dtype=np.int64) * INTERVAL_MS + 3


def _marked(value: float | None) -> float:
    return float(ABSENT_NAN if value is None else STALE_NAN if math.isnan(value) else value)


@pytest.fixture(autouse=True)
def no_table_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables take the way of large ones."""
    monkeypatch.setattr(matrices, "DENSE_ELEMENTS_MIN", 0)
    for module in (matrices, windows):
        monkeypatch.setattr(module, "ROWS_MIN", 1)


def dense(columns: Sequence[Column]) -> Blocks:
    values = np.array([[0.0] * STEPS] * len(columns))
    for row, column in enumerate(columns):
        for step, value in enumerate(column):
            values[row, step] = _marked(value)
    return Blocks(_table(len(columns)), [DenseBlock(np.arange(len(columns)), _times(), values)])


def ragged(columns: Sequence[Column]) -> Blocks:
    sizes, times, values = [0], [], []
    for column in columns:
        held = [step for step, value in enumerate(column) if value is not None]
        times.extend(_times()[held].tolist())
        values.extend(_marked(column[step]) for step in held)
        sizes.append(len(held))
    offsets = np.cumsum(sizes)
    block = RaggedBlock(
        np.arange(len(columns)), offsets, np.array(times, dtype=np.int64), np.array(values, dtype=float)
    )
    return Blocks(_table(len(columns)), [block])


def stacked(columns: Sequence[Column]) -> Blocks:
    """A cohort for each series, three of each offset: too small to be matrices of their own."""
    blocks = []
    for row, column in enumerate(columns):
        times = _times() + offset_ms(stacked, row)
        values = np.array([[_marked(value) for value in column]])
        blocks.append(DenseBlock(np.array([row]), times, values))
    return Blocks(_table(len(columns)), blocks)


def offset_ms(store: Callable[[Sequence[Column]], Blocks], row: int) -> int:
    """How much later than the others a series is sampled."""
    return row % 3 * 4_000 if store is stacked else 0


def random_columns(random: Random) -> list[Column]:
    """Counters that restart, gauges of both signs and constants; in some tables with gaps and staleness markers."""
    holes = random.choice([0.0, 0.0, 0.1, 0.7])
    return [_random_column(random, holes if row % 3 else 0.0) for row in range(SERIES)]


def _random_column(random: Random, holes: float) -> Column:
    kind = random.choice(["counter", "gauge", "constant", "small"])
    value = random.choice([0.0, 3.0, 1e6])
    column: Column = []
    for _ in range(STEPS):
        match kind:
            case "counter":
                value = 0.0 if random.random() < 0.1 else value + random.randrange(50)
            case "gauge":
                value = random.uniform(-1e6, 1e6)
            case "small":
                value = random.randrange(-2, 3)
        missing = random.choice([None, None, math.nan]) if random.random() < holes else float(value)
        column.append(missing)
    return column


def expected(
    columns: Sequence[Column], expr: str, moments: range, range_ms: int, offsets_ms: Sequence[int]
) -> dict[str, dict[int, float]]:
    work = REFERENCE[expr]
    found: dict[str, dict[int, float]] = {}
    for row, column in enumerate(columns):
        samples = [
            (int(time_ms) + offsets_ms[row], value)
            for time_ms, value in zip(_times().tolist(), column, strict=True)
            if value is not None and not math.isnan(value)
        ]
        for moment in moments:
            window = [(time_ms, value) for time_ms, value in samples if moment - range_ms < time_ms <= moment]
            value = work(window, moment - range_ms, moment) if window else None
            if value is not None:
                found.setdefault(f"{row:03}", {})[moment] = float(value)
    return found


@pytest.mark.parametrize("store", [dense, ragged, stacked], ids=["dense", "ragged", "stacked"])
@pytest.mark.parametrize("expr", list(REFERENCE))
def test_range_functions(
    expr: str, store: Callable[[Sequence[Column]], Blocks], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every function gives in every form what its definition says, to 1e-9 of the numbers that go in."""
    if store is stacked:
        monkeypatch.setattr(matrices, "DENSE_ELEMENTS_MIN", 4 * STEPS)
    for seed in range(8):
        check_function(expr, store, seed)


def check_function(expr: str, store: Callable[[Sequence[Column]], Blocks], seed: int) -> None:
    random = Random(seed)
    columns = random_columns(random)
    step_ms, range_ms = random.choice([10_000, 7_000, 45_000]), random.choice([30_000, 95_000])
    moments = range(20_000, 380_000, step_ms)
    query = expr.replace("W", f"{range_ms}ms")
    result = Engine(store(columns), ManualClock()).range(query, moments.start, moments[-1], step_ms).value
    assert isinstance(result, MatrixResult)
    got = {
        labels["n"]: dict(zip(times.tolist(), values.tolist(), strict=True))
        for labels, times, values in result.series()
    }
    wanted = expected(columns, expr, moments, range_ms, [offset_ms(store, row) for row in range(SERIES)])
    assert {name: list(points) for name, points in got.items()} == {
        name: list(points) for name, points in wanted.items()
    }
    size = max(
        (abs(value) for column in columns for value in column if value is not None and value == value), default=1.0
    )
    scale = size * size if "stdvar" in expr else size
    for name, points in wanted.items():
        for moment, value in points.items():
            assert got[name][moment] == pytest.approx(value, rel=1e-9, abs=1e-9 * max(scale, 1.0)), (seed, name, moment)


def test_sums_keep_what_cancels() -> None:
    """Neumaier's summation: small addends survive between huge ones that cancel."""
    column: Column = [1.0, 1e100, 1.0, -1e100] * (STEPS // 4)
    for store in (dense, ragged):
        result = Engine(store([column] * SERIES), ManualClock()).instant("sum_over_time(x[40s])", 30_003)
        assert [value for _, value in result.value.samples()] == [2.0] * SERIES  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "total", "mean"),
    [
        ([math.inf, 1.0], math.inf, math.inf),
        ([-math.inf, 1.0], -math.inf, -math.inf),
        ([math.inf, -math.inf], math.nan, math.nan),
        ([1.7e308, 1.7e308], math.inf, 1.7e308),
    ],
)
def test_sums_beyond_the_finite(values: list[float], total: float, mean: float) -> None:
    """Infinities stay in their windows, and a mean may exist where the sum overflows."""
    column: Column = [*values, *[1.0] * (STEPS - len(values))]
    engine = Engine(dense([column] * SERIES), ManualClock())
    for expr, wanted in (("sum_over_time(x[20s])", total), ("avg_over_time(x[20s])", mean)):
        samples = engine.instant(expr, 10_003).value.samples()  # type: ignore[union-attr]
        assert samples[0][1] == pytest.approx(wanted, nan_ok=True)
        later = engine.instant(expr, 60_003).value.samples()  # type: ignore[union-attr]
        assert math.isfinite(later[0][1])


def test_windows_are_open_on_the_left() -> None:
    """A sample exactly one range before the moment does not count, one at the moment does."""
    engine = Engine(ragged([[float(step) for step in range(STEPS)]]), ManualClock())
    result = engine.instant("count_over_time(x[20s])", 50_003)
    assert result.value.samples()[0][1] == 2.0  # type: ignore[union-attr]
    lookback = engine.instant("x", 390_003 + 300_000).value
    assert lookback.samples() == []  # type: ignore[union-attr]
    assert len(engine.instant("x", 390_003 + 299_999).value.samples()) == 1  # type: ignore[union-attr]


def test_series_end_at_their_staleness_marker() -> None:
    column: Column = [1.0] * 10 + [math.nan] + [None] * (STEPS - 11)
    for store in (dense, ragged):
        engine = Engine(store([column] * SERIES), ManualClock())
        assert len(engine.instant("x", 99_000).value.samples()) == SERIES  # type: ignore[union-attr]
        assert engine.instant("x", 100_003).value.samples() == []  # type: ignore[union-attr]
        counts = engine.instant("count_over_time(x[5m])", 200_000).value.samples()  # type: ignore[union-attr]
        assert {value for _, value in counts} == {10.0}


@pytest.mark.parametrize("top", [math.inf, 1e17])
@pytest.mark.parametrize("expr", ["increase(x_total[60s])", "increase(x_total[60s] anchored)"])
def test_a_reset_from_far_up_leaves_no_trace_in_later_windows(expr: str, top: float) -> None:
    """Windows are cut from sums over the whole series; what fell before a window must not blur it."""
    values = [1, 2, top, 1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 1, 2]
    times = np.arange(len(values), dtype=np.int64) * 15_000
    block = DenseBlock(np.zeros(1, np.int64), times, np.array([values], dtype=np.float64))
    engine = Engine(Blocks(_table(1), [block]), ManualClock())
    last_ms = int(times[-1])
    result = engine.range(expr, 0, last_ms, 15_000).value
    assert isinstance(result, MatrixResult)
    # A query for one moment alone sees nothing of the earlier samples.
    alone = [engine.instant(expr, moment).value for moment in range(105_000, last_ms + 1, 15_000)]
    assert result.values[0, 7:] == pytest.approx([one.values[0] for one in alone], rel=1e-12)  # type: ignore[union-attr]
    assert (result.values[0, 7:] > 0).all()
