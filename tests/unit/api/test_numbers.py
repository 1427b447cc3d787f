"""Numbers stand in answers as Prometheus writes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.api.prometheus.numbers import fixed_text, seconds_text, seconds_texts, value_text, value_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e22, "1.5e+22"),
        (1.234e-5, "0.00001234"),
        (1e-6, "0.000001"),
        (1e-7, "1e-07"),
        (-1e-300, "-1e-300"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_values(value: float, text: str) -> None:
    assert value_text(value) == text


@given(st.floats(allow_nan=False))
def test_a_value_reads_back_as_itself(value: float) -> None:
    assert float(value_text(value)) == value


@given(st.lists(st.one_of(st.floats(), st.integers(-(10**17), 10**17).map(float), st.sampled_from([-0.0, 1e15, 1e-5]))))
def test_many_values_are_written_like_each_alone(values: list[float]) -> None:
    assert value_texts(np.array(values, dtype=np.float64)) == [value_text(value).encode() for value in values]


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [(0, "0"), (1_435_781_451_781, "1435781451.781"), (1_435_781_451_000, "1435781451"), (-1500, "-1.500")],
)
def test_times(time_ms: int, text: str) -> None:
    assert seconds_text(time_ms) == text


@given(st.lists(st.integers(-(10**13), 10**13)), st.integers(0, 999))
def test_many_times_are_written_like_each_alone(times_ms: list[int], rest_ms: int) -> None:
    alike = [time_ms // 1000 * 1000 + rest_ms for time_ms in times_ms]
    for some in (times_ms, alike, [abs(time_ms) for time_ms in alike]):
        assert seconds_texts(np.array(some, dtype=np.int64)) == [seconds_text(each).encode() for each in some]


@pytest.mark.parametrize(
    ("value", "text"), [(1e21, "1" + "0" * 21), (-2.5, "-2.5"), (1e-7, "0.0000001"), (0.0, "0"), (math.inf, "+Inf")]
)
def test_scalars_have_no_exponent(value: float, text: str) -> None:
    assert fixed_text(value) == text
