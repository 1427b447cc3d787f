"""Numbers in text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.wire.exposition.values import canonical_bound, float_of, floats_of, format_float


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1.0),
        ("+1.5e-3", 0.0015),
        (".5", 0.5),
        ("5.", 5.0),
        ("00000000000000000000001", 1.0),
        ("Inf", math.inf),
        ("+inf", math.inf),
        ("-Infinity", -math.inf),
        ("", None),
        (".", None),
        ("1e", None),
        ("1_000", None),
        (" 1", None),
        ("1\n", None),
        ("0x10", None),
        ("0x1p-2", None),
        ("1e400", None),
        ("-nan", None),
        ("infinite", None),
        ("१", None),
    ],
)
def test_a_number_is_what_go_takes_for_one(text: str, expected: float | None) -> None:
    assert float_of(text) == expected
    many = floats_of(["1", text])
    assert (many is None) == (expected is None)
    if many is not None:
        assert many.tolist() == [1.0, expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (100000.0, "100000"),
        (999999.0, "999999"),
        (1000000.0, "1e+06"),
        (123456789.0, "1.23456789e+08"),
        (0.0001, "0.0001"),
        (0.00001234, "1.234e-05"),
        (1e-300, "1e-300"),
        (-2.5, "-2.5"),
        (1e23, "1e+23"),
        (120.0, "120"),
        (12.034, "12.034"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_are_printed_as_go_prints_them(value: float, expected: str) -> None:
    assert format_float(value) == expected


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_what_is_printed_reads_back(value: float) -> None:
    assert float_of(format_float(value)) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", "0.0"), ("1", "1.0"), ("-1", "-1.0"), ("0.99", "0.99"), ("5e-1", "0.5"), ("1000000", "1e+06"), ("x", "x")],
)
def test_bounds_have_one_spelling(text: str, expected: str) -> None:
    assert canonical_bound(text) == expected
