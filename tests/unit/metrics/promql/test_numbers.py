"""Numbers as texts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.metrics.promql.numbers import format_float, format_general


@pytest.mark.parametrize(
    ("value", "plain", "general"),
    [
        (1.0, "1", "1"),
        (-0.5, "-0.5", "-0.5"),
        (1e21, "1000000000000000000000", "1e+21"),
        (1.5e-7, "0.00000015", "1.5e-07"),
        (123456789012.5, "123456789012.5", "123456789012.5"),
        (1e-4, "0.0001", "0.0001"),
        (math.nan, "NaN", "NaN"),
        (math.inf, "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf"),
        (0.0, "0", "0"),
    ],
)
def test_format(value: float, plain: str, general: str) -> None:
    assert format_float(value) == plain
    assert format_general(value) == general


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_texts_read_back(value: float) -> None:
    assert float(format_float(value)) == value
    assert "e" not in format_float(value)
    assert float(format_general(value)) == value
