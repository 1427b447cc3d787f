"""The evaluator against a slow and obvious one, over random expressions and data, in every shape the data may have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from fenghuo.metrics.promql import matrices, parse_expr, summed, windows
from fenghuo.metrics.promql.syntax.ast import preorder
from fenghuo.model.labels import Labels
from promql_support.agreement import Data, check
from promql_support.naive import STALE
from promql_support.naive_windows import WINDOW_FUNCTIONS

SCRAPE_MS = 10_000
SCRAPES = 14


@pytest.fixture(autouse=True)
def no_table_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables take the way of large ones."""
    monkeypatch.setattr(matrices, "DENSE_ELEMENTS_MIN", 0)
    monkeypatch.setattr(summed, "ELEMENTS_MIN", 0)
    monkeypatch.setattr(summed, "ROWS_A_GROUP_MIN", 1)
    monkeypatch.setattr(summed, "COHORT_ROWS_MIN", 1)
    for module in (matrices, windows):
        monkeypatch.setattr(module, "ROWS_MIN", 1)


# --- data -----------------------------------------------------------------------------------------------------------

LABELS = [
    Labels({"__name__": name, "job": job, "instance": instance})
    for name in ("c_total", "g")
    for job, instance in (("a", "1"), ("a", "2"), ("b", "1"))
] + [Labels({"__name__": "b_bucket", "job": "a", "le": le}) for le in ("1", "2.5", "+Inf")]

GAUGES = (1.0, 0.0, -2.5, 3.0, 8.0, 100.5, 0.25, 1.0)
STRANGE = (math.nan, math.inf, -math.inf)
STEPS = (1.0, 0.0, 5.0, 0.25)


def column(codes: bytes, *, counts: bool, finite: bool) -> list[object]:
    """One series over the scrapes: values, None for gaps, staleness markers. A counter grows, and starts anew.

    A byte for each scrape: bytes are drawn quickly, and shrink to a plain series.
    """
    found: list[object] = []
    reached = 0.0
    for code in codes:
        kind, choice = divmod(code, 8)
        if kind >= 29:
            found.append(None)
        elif kind >= 27:
            found.append(STALE)
        elif kind >= 25 and not finite:
            found.append(STRANGE[choice % 3])
        elif counts:
            reached = 0.5 if kind >= 20 else reached + STEPS[choice % 4]
            found.append(reached)
        else:
            found.append(GAUGES[choice])
    return found


@st.composite
def data_sets(draw: st.DrawFn) -> Data:
    """Series scraped together, or each at times of its own."""
    together = draw(st.booleans())
    codes = draw(st.lists(st.binary(max_size=SCRAPES), min_size=len(LABELS), max_size=len(LABELS)))
    data: Data = {}
    for number, (labels, own) in enumerate(zip(LABELS, codes, strict=True)):
        shift_ms = 0 if together else number % 3 * 3_001
        plain = labels.get("le", "+Inf") != "+Inf"
        values = column(own, counts=labels["__name__"] != "g", finite=plain)
        samples = [(at * SCRAPE_MS + shift_ms, value) for at, value in enumerate(values) if value is not None]
        if samples:
            data[labels] = samples
    return data


# --- expressions ----------------------------------------------------------------------------------------------------

selectors = st.sampled_from(
    ["c_total", "g", 'c_total{job="a"}', '{__name__=~"c_total|g"}', 'g{instance!="1"}', "nothing", "b_bucket"]
)
modifiers = st.sampled_from(
    ["", "", "", " offset 15s", " offset -20s", " @ 60", " @ start()", " @ end() offset 10s", " @ 45.5"]
)
lengths = st.sampled_from(["15s", "20s", "35s", "1m", "2m"])
scalars = st.sampled_from(["0", "1", "2", "-0.5", "0.5", "Inf", "NaN", "time()", "scalar(g)"])
phis = st.sampled_from(["0", "0.5", "0.9", "1", "-1", "2", "NaN"])
counts = st.sampled_from(["0", "1", "2", "5", "-1"])
window_functions = st.sampled_from(sorted(WINDOW_FUNCTIONS))
groupings = st.sampled_from(
    ["", "by (job) ", "by (instance, job) ", "without (instance) ", "without () ", "by (none) "]
)
matchings = st.sampled_from(
    ["", "on(job) ", "on(job, instance) ", "ignoring(instance) ", "ignoring(le) ", "on() ",
     "on(job) group_left() ", "on(job) group_right() ", "ignoring(instance) group_left(instance) ",
     "on(job) group_left(instance) ", "on(instance) group_right(job) "]
)  # fmt: skip
set_matchings = st.sampled_from(["", "on(job) ", "ignoring(instance) ", "on() "])
operators = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", "<=", ">", ">="])
comparisons = st.sampled_from(["== bool", "!= bool", "< bool", "<= bool", "> bool", ">= bool"])
reducers = st.sampled_from(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"])

instants = st.builds("{}{}".format, selectors, modifiers)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ranges = st.builds("{}[{}]{}".format, selectors, lengths, modifiers)
    subqueries = st.builds(
        "({})[{}:{}]{}".format, inner, lengths, st.sampled_from(["", "10s", "15s", "25s"]), modifiers
    )
    ranged = st.one_of(ranges, ranges, subqueries)
    return st.one_of(
        st.builds("{}({})".format, window_functions, ranged),
        st.builds("quantile_over_time({}, {})".format, phis, ranged),
        st.builds("predict_linear({}, {})".format, ranged, st.sampled_from(["0", "30", "-10"])),
        st.builds("{} {}({})".format, reducers, groupings, inner),
        st.builds("quantile {}({}, {})".format, groupings, phis, inner),
        # Of equal values the first series is chosen; which one that is, is only known of selectors.
        st.builds("{} {}({}, {})".format, st.sampled_from(["topk", "bottomk"]), groupings, counts, instants),
        # Values become labels, so that they must be equal to the last bit.
        st.builds('count_values {}("v", {})'.format, groupings, instants),
        st.builds("({}) {} {}({})".format, inner, operators, matchings, inner),
        st.builds("({}) {} {}({})".format, inner, comparisons, matchings, inner),
        st.builds("({}) {} {}({})".format, inner, st.sampled_from(["and", "or", "unless"]), set_matchings, inner),
        st.builds("({}) {} {}".format, inner, st.one_of(operators, comparisons), scalars),
        st.builds("{} {} ({})".format, scalars, st.one_of(operators, comparisons), inner),
        st.builds("{}({})".format, st.sampled_from(["-", "abs", "absent", "timestamp"]), inner.map("({})".format)),
        st.builds("histogram_quantile({}, {})".format, phis, st.sampled_from(["b_bucket", "rate(b_bucket[1m])"])),
        st.builds("vector(scalar({}))".format, inner),
    )


expressions = st.recursive(instants, _compound, max_leaves=4)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_expressions_over_random_data(data: st.DataObject) -> None:
    text = data.draw(expressions, label="expression")
    series = data.draw(data_sets(), label="series")
    start_ms = data.draw(st.sampled_from([0, 40_000, 95_000, 130_001]), label="start")
    step_ms = data.draw(st.sampled_from([5_000, 10_000, 17_000, 60_000]), label="step")
    steps = data.draw(st.integers(1, 8), label="steps")
    for node in preorder(parse_expr(text)):
        event(type(node).__name__)
    with np.errstate(all="ignore"):
        check(text, series, start_ms, step_ms, steps)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize("function", [*sorted(WINDOW_FUNCTIONS), "quantile_over_time", "predict_linear"])
def test_every_function_over_ranges(function: str, data: st.DataObject) -> None:
    ranged = f"g[{data.draw(lengths, label='length')}]{data.draw(modifiers, label='modifier')}"
    args = {"quantile_over_time": f"0.3, {ranged}", "predict_linear": f"{ranged}, 20"}.get(function, ranged)
    text = f"{function}({args})"
    check(text, data.draw(data_sets(), label="series"), 40_000, 15_000, 6)
