"""Sums of rates: added up before or after the rate is taken, the answer is the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.promql import Engine, MatrixResult, summed
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.selection import DenseBlock, Selection
from promql_support.agreement import Data, check
from promql_support.naive import STALE

SCRAPE_MS = 10_000
SCRAPES = 12


@pytest.fixture(autouse=True)
def no_cohort_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summed, "ELEMENTS_MIN", 0)
    monkeypatch.setattr(summed, "ROWS_A_GROUP_MIN", 1)
    monkeypatch.setattr(summed, "COHORT_ROWS_MIN", 1)


# --- against the definitions ------------------------------------------------------------------------------------------

BASES = (0.0, 1.0, 3.0, 40.0, 1e3, 1e6, 1e15)
STEPS = (0.0, 1.0, 0.25, 7.0, 100.0, 0.0, 1.0, 5.0)
FLAWS = (None, STALE, math.nan, math.inf, -math.inf, 0.0, 0.5, -3.0)
"""What may stand in place of a sample: nothing, a series' end, and what makes a counter fall."""


@st.composite
def counters(draw: st.DrawFn) -> Data:
    """Mostly sound counters of a few targets, each scraped at its own moments."""
    data: Data = {}
    for target in range(draw(st.integers(1, 3))):
        for number in range(draw(st.integers(1, 4))):
            labels = Labels({"__name__": "c_total", "job": f"j{number % 2}", "i": str(target), "n": str(number)})
            grown = np.cumsum([STEPS[code % 8] for code in draw(st.binary(min_size=SCRAPES, max_size=SCRAPES))])
            values: list[object] = (draw(st.sampled_from(BASES)) + grown).tolist()
            if draw(st.integers(0, 3)) == 0:
                values[draw(st.integers(0, SCRAPES - 1))] = draw(st.sampled_from(FLAWS))
            times = range(target * 3_001, SCRAPES * SCRAPE_MS, SCRAPE_MS)
            data[labels] = [(ms, value) for ms, value in zip(times, values, strict=False) if value is not None]
    return data


texts = st.builds(
    "{} {}({}(c_total[{}]{}))".format,
    st.sampled_from(["sum", "avg", "count", "group", "max", "stddev"]),
    st.sampled_from(["", "by (job) ", "by (i) ", "without (n) ", "without () "]),
    st.sampled_from(["rate", "increase"]),
    st.sampled_from(["15s", "20s", "35s", "1m", "3m"]),
    st.sampled_from(["", "", " offset 15s", " offset -20s", " @ 60", " @ end() offset 10s"]),
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts, counters(), st.sampled_from([0, 40_000, 95_000]), st.sampled_from([5_000, 10_000, 17_000]))
def test_sums_of_rates_are_what_the_definitions_say(text: str, data: Data, start_ms: int, step_ms: int) -> None:
    with np.errstate(all="ignore"):
        check(text, data, start_ms, step_ms, 7)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(counters(), st.sampled_from(["sum by (job) (rate((c_total)[1m:10s]))", "avg(increase((c_total + 1)[40s:5s]))"]))
def test_sums_over_subqueries(data: Data, text: str) -> None:
    with np.errstate(all="ignore"):
        check(text, data, 40_000, 15_000, 5)


# --- what goes which way ----------------------------------------------------------------------------------------------


class Held:
    """A store of one selection."""

    def __init__(self, *cohorts: np.ndarray, names: tuple[str, ...] = ("c_total",)) -> None:
        """Each cohort is float64[n, T], scraped every ten seconds, a tenth of a second after the one before."""
        tops = np.cumsum([0, *(len(values) for values in cohorts)])
        self.selection = Selection(
            LabelTable.of([self._labels(row, names) for row in range(int(tops[-1]))]),
            tuple(
                DenseBlock(
                    np.arange(top, top + len(values)), np.arange(values.shape[1]) * 10_000 + number * 100, values
                )
                for number, (top, values) in enumerate(zip(tops.tolist(), cohorts, strict=False))
            ),
        )

    @staticmethod
    def _labels(row: int, names: tuple[str, ...]) -> Labels:
        return Labels({"__name__": names[row % len(names)], "n": f"{row:03d}", "g": str(row * 7 % 5)})

    def select(self, matchers: object, start_ms: int, end_ms: int) -> Selection:
        return self.selection


def steady(rows: int, samples: int = 31) -> np.ndarray:
    """Counters far from zero that grow by their number and one."""
    return 1e6 + np.arange(1.0, rows + 1)[:, None] * np.arange(samples)


def rates(store: Held, text: str) -> tuple[np.ndarray, list[str]]:
    answer = Engine(store, ManualClock()).range(text, 100_000, 300_000, 20_000)
    assert isinstance(answer.value, MatrixResult)
    assert answer.value.present.all()
    return answer.value.values, answer.infos


@pytest.fixture
def aside(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many series went the usual way, call by call."""
    seen: list[int] = []
    usual = summed.kernel_slabs

    def counted(argument, kernel, context):  # type: ignore[no-untyped-def]
        seen.append(sum(len(block.series) for block in argument.selection.blocks))
        return usual(argument, kernel, context)

    monkeypatch.setattr(summed, "kernel_slabs", counted)
    return seen


def test_steady_counters_are_added_up_before(aside: list[int]) -> None:
    values, _ = rates(Held(steady(40), steady(7)), "sum(rate(c_total[1m]))")
    assert values == pytest.approx((40 * 41 + 7 * 8) / 2 / 10)
    assert aside == []


@pytest.mark.parametrize(
    ("sample", "value"),
    [(20, 0.0), (20, math.nan), (30, math.inf), (0, math.inf), (0, -math.inf), (0, 5.0), (30, 1e300)],
    ids=["falls", "no number", "infinite at last", "infinite at first", "minus infinity", "young", "huge"],
)
def test_a_counter_that_is_not_is_set_aside(aside: list[int], sample: int, value: float) -> None:
    values = steady(40)
    values[3, sample] = value
    given = rates(Held(values), "sum(rate(c_total[1m]))")[0]
    assert aside == [1]
    each = rates(Held(values), "rate(c_total[1m])")[0]
    np.testing.assert_allclose(given[0], each.sum(axis=0), rtol=1e-12)


def test_small_increments_beside_large_counters() -> None:
    """Increments are added up, not counters: beside one at 1e15 nothing is lost of the others."""
    values = steady(40)
    values[:20] += 1e15
    values[20:] = 1e3 + np.arange(31) * 2.0**-30
    given = rates(Held(values[20:]), "sum(increase(c_total[1m]))")[0]
    assert given == pytest.approx(20 * 6 * 2.0**-30, rel=1e-12)
    both = rates(Held(values), "sum(increase(c_total[1m]))")[0]
    assert both == pytest.approx(6 * (sum(range(1, 21)) + 20 * 2.0**-30), rel=1e-12)


def test_a_burst_leaves_no_trace_in_later_windows() -> None:
    values = 1.0 + np.arange(31) * np.full((40, 1), 2.0**-20) + 1e7
    values[:, 5:] += 1e9
    given = rates(Held(values), "sum(increase(c_total[1m]))")[0]
    each = rates(Held(values), "increase(c_total[1m])")[0]
    np.testing.assert_allclose(given[0], each.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("elements", [64, 300, 1 << 15])
@pytest.mark.parametrize("text", ["sum by (g) ({})", "avg by (g) ({})", "count({})", "sum by (n) ({})"])
def test_groups_lie_scattered_over_cohorts_and_tiles(
    monkeypatch: pytest.MonkeyPatch, aside: list[int], text: str, elements: int
) -> None:
    cohorts = [steady(37), steady(3), steady(1), steady(50), steady(20, samples=29)]
    cohorts[1][1, 7] = 3.0
    monkeypatch.setattr(summed, "TILE_ELEMENTS", elements)
    given = rates(Held(*cohorts), text.format("rate(c_total[1m])"))[0]
    assert aside == [1]
    monkeypatch.setattr(summed, "ELEMENTS_MIN", 1 << 20)
    one_by_one = rates(Held(*cohorts), text.format("rate(c_total[1m])"))[0]
    assert aside == [1, 111]
    np.testing.assert_allclose(given, one_by_one, rtol=1e-12)


def test_metrics_that_do_not_look_like_counters_are_named(aside: list[int]) -> None:
    told = rates(Held(steady(40), names=("up",)), "sum(rate(up[1m]))")[1]
    assert [text.split('"')[1] for text in told] == ["up"]
    assert aside == []
    # Of several metrics those are named that have values: their series are looked at one by one.
    told = rates(Held(steady(40), names=("a_total", "up", "down")), "sum(rate({n=~'.+'}[1m]))")[1]
    assert [text.split('"')[1] for text in told] == ["up", "down"]
