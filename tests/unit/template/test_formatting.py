"""Go's fmt, verb by verb. The expectations were read off Go's documentation and playground."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fenghuo.template.formatting import shortest
from fenghuo.template.gotime import Duration
from fenghuo.template.printf import printf


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("%d|%5d|%-5d|%05d|%+d|% d", (42, 42, 42, 42, 42, 42), "42|   42|42   |00042|+42| 42"),
        ("%d %05d", (-7, -42), "-7 -0042"),
        ("%x %X %#x %o %#o %b %O", (255, 255, 255, 8, 8, 5, 8), "ff FF 0xff 10 010 101 0o10"),
        ("%c %q %U", (65, 65, 0x4E2D), "A 'A' U+4E2D"),
        ("%.5d|%8.3d|%08.3d", (42, 7, 7), "00042|     007|     007"),
        (
            "%f|%.2f|%8.2f|%-8.2f|%08.2f|%+.1f",
            (1.5, 2.345, 3.14159, 2.5, -2.5, 1.0),
            "1.500000|2.35|    3.14|2.50    |-0002.50|+1.0",
        ),
        ("%e %E %.2e", (1234.5, 0.00012, 1e10), "1.234500e+03 1.200000E-04 1.00e+10"),
        ("%g %g %g %.3g %G", (1e6, 0.0001, 100000.0, 1234.5, 1e-7), "1e+06 0.0001 100000 1.23e+03 1E-07"),
        ("%v %v %v", (1e20, 1e21, 123456789.0), "1e+20 1e+21 1.23456789e+08"),
        ("%f %5.1f %v %+v", (math.inf, math.nan, -math.inf, math.inf), "+Inf   NaN -Inf +Inf"),
        ("%s|%10s|%-10s|%.2s", ("中文", "中文", "中文", "中文字"), "中文|        中文|中文        |中文"),
        ("%q %#q %x % x %X", ('a"b', "ab", "ab", "ab", "中"), '"a\\"b" `ab` 6162 61 62 E4B8AD'),
        ("%t %v %5t", (True, False, True), "true false  true"),
        ("%v %s %d", ([1, 2], ["a", "b"], [1, 2]), "[1 2] [a b] [1 2]"),
        ("%v %q", ({"b": 1, "a": 2}, ["a"]), 'map[a:2 b:1] ["a"]'),
        ("%v %s %d", (Duration(90_000_000_000),) * 3, "1m30s 1m30s 90000000000"),
        ("%#v %#v %#v", ("a", ["b"], {"c": 1}), '"a" []interface {}{"b"} map[string]interface {}{"c":1}'),
        ("%T %T %T %T %T", (1, 1.0, "a", None, [1]), "int float64 string <nil> []interface {}"),
        ("%v%%", (5,), "5%"),
        ("%*d|%-*d|%.*f", (5, 1, 4, 2, 2, 3.14159), "    1|2   |3.14"),
        ("%[2]d %[1]d", (1, 2), "2 1"),
        ("%[1]d %[1]q", (65,), "65 'A'"),
        # Mistakes print; they do not fail.
        ("%d", ("hi",), "%!d(string=hi)"),
        ("%s %s", ("a",), "a %!s(MISSING)"),
        ("%s", ("a", 1, None), "a%!(EXTRA int=1, <nil>)"),
        ("%z %d", (1, 2.5), "%!z(int=1) %!d(float64=2.5)"),
        ("%s %v %d", (None, None, None), "%!s(<nil>) <nil> %!d(<nil>)"),
        ("100%", (), "100%!(NOVERB)"),
        ("%[5]d", (1,), "%!d(BADINDEX)"),
        ("%*d", ("x", 1), "%!(BADWIDTH)1"),
        ("%9999999d", (1,), "%!(BADWIDTH)1"),
        ("%t", (1,), "%!t(int=1)"),
    ],
)
def test_printf(template: str, values: tuple[Any, ...], expected: str) -> None:
    assert printf(template, values) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (100000.0, "100000"),
        (1000000.0, "1e+06"),
        (1353755652.0, "1.353755652e+09"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (123456.789, "123456.789"),
        (-2.5e-10, "-2.5e-10"),
        (5e-324, "5e-324"),
    ],
)
def test_shortest(value: float, expected: str) -> None:
    assert shortest(value) == expected
