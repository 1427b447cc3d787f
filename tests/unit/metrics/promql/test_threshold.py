"""What an alerting expression watches, and the number that it is held against."""

from __future__ import annotations

import pytest

from fenghuo.metrics.promql.threshold import watched
from fenghuo.model.reading import Reading, Watched


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("up == 0", Watched("up", "==", 0)),
        ("(node_load1 > 4)", Watched("node_load1", ">", 4)),
        ("100 - avg by (job) (rate(x[5m])) * 100 > 80", Watched("100 - avg by (job) (rate(x[5m])) * 100", ">", 80)),
        ("(1 - a / b) * 100 >= 1.5e2", Watched("(1 - a / b) * 100", ">=", 150)),
        ("80 < (a + b)", Watched("a + b", ">", 80)),
        ("a < -5", Watched("a", "<", -5)),
        ("free_bytes < 2 * 1024 ^ 2", Watched("free_bytes", "<", 2 * 1024**2)),
        ("a > 80 and b < 3", Watched("a", ">", 80)),
        ("(a > 80 unless on (job) silenced) and b", Watched("a", ">", 80)),
        ("a > 80 or b < 3", Watched("a > 80 or b < 3")),
        ("5 < a < 10", Watched("5 < a", "<", 10)),
        ("a > b", Watched("a")),
        ("a > bool 1", Watched("a > bool 1")),
        ("a > 1 / 0", Watched("a")),
        ("vector(1)", Watched("vector(1)")),
        ("absent(up)", None),
        ("absent_over_time(up[5m]) == 1 and on () day", Watched("absent_over_time(up[5m])", "==", 1)),
    ],
)
def test_what_is_watched(expr: str, found: Watched | None) -> None:
    assert watched(expr) == found


@pytest.mark.parametrize("value", [1.5, float("inf"), -0.0])
def test_a_reading_comes_back_from_json(value: float) -> None:
    reading = Reading(value, Watched('up{job="a"}', ">", 3.0))
    assert Reading.of_json(reading.to_json()) == reading
    bare = Reading(value, Watched("x"))
    assert Reading.of_json(bare.to_json()) == bare
