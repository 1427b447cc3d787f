"""The test language itself: what passes, what fails and why, and which files are broken."""

from __future__ import annotations

import pytest

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql.memory import MemoryStore
from fenghuo.metrics.promql.script.run import run_script
from fenghuo.metrics.promql.script.series import parse_series_line
from fenghuo.model.labels import Labels

DATA = """
load 1m
  x_total{job="a"} 0+60x10
  x_total{job="b"} 0+120x10
  old 1 2 stale _x3 4
  gauge 1x10
"""


def failures(evals: str, data: str = DATA) -> list[str]:
    return [failure.reason for failure in run_script(f"{data}\n{evals}\n", "f.test", MemoryStore()).failures]


@pytest.mark.parametrize(
    "evals",
    [
        "eval instant at 5m sum(x_total)\n  {} 900",
        "eval instant at 5m 0x10 + 1\n  17",
        "eval instant at 5m 1 / 0\n  +Inf",
        'eval instant at 0 "a\\x41"\n  expect string "aA"',
        "eval instant at 0 `a`\n  expect string `a`",
        "eval range from 0 to 2m step 1m old\n  old 1 2 _",
        "eval range from 0 to 2m step 1m old\n  old 1 2",
        "eval range from 0 to 1m step 1m 1\n  {} 1 1",
        "EVAL INSTANT AT 1m nothing",
        "eval instant at 5m topk(2, x_total)\n  expect ordered\n  x_total{job='b'} 600\n  x_total{job='a'} 300",
        "eval_ordered instant at 5m topk(2, x_total)\n  x_total{job='b'} 600\n  x_total{job='a'} 300",
        "eval instant at 5m x_total + on() x_total\n  expect fail regex: duplicate series .* left|right",
        "eval_fail instant at 5m topk(NaN, x_total)\n  expected_fail_message Parameter value is NaN",
        "eval_fail instant at 5m topk(NaN, x_total)\n  expected_fail_regexp is N.N",
        "eval instant at 5m rate(gauge[5m])\n  expect info regex: might not be a counter\n  expect no_warn\n  {} 0",
        "eval_warn instant at 5m quantile(2, x_total)\n  {} +Inf",
        "eval instant at 1m old[1m1s]\n  expect range vector from 0 to 1m step 1m\n  old 1 2",
        "eval range from 0 to 1m step 1m x_total[1m]\n  expect fail",
        "# a comment ends a block\neval instant at 0 1\n  1\n# like this\n\neval instant at 0 2\n  2",
        "clear\n\neval instant at 5m x_total",
        # Counters that say since when they count: the second sample began anew, the first one within the window.
        "load 1m\n  c_total@st -30s -30s _\n  c_total 5 7 9\n\neval instant at 2m resets(c_total[5m])\n  {} 1",
        "load 1m\n  c_total@st _ -30s -90s\n  c_total _ 7 9\n\neval instant at 2m increase(c_total[1m31s])\n  {} 9",
        "load 1m\n  c_total@st _ -30s\n  c_total 1 7\n\neval instant at 90s start_timestamp(c_total)\n  {} 30",
    ],
)
def test_what_passes(evals: str) -> None:
    assert failures(evals) == []


@pytest.mark.parametrize(
    ("evals", "reason"),
    [
        ("eval instant at 5m sum(x_total)\n  {} 900.01", "expected 900.01 for {}, got 900.0"),
        ("eval instant at 5m sum(x_total)", "unexpected series {} with value 900.0"),
        ("eval instant at 5m sum(nothing)\n  {} 1", "missing series {} with value 1.0"),
        ("eval instant at 5m sum(x_total)\n  900", "got a result of another kind: VectorResult"),
        ("eval instant at 5m nothing\n  900", "got a result of another kind: VectorResult"),
        ("eval instant at 5m nothing\n  expect string 'a'", "got a result of another kind: VectorResult"),
        ("eval range from 0 to 1m step 1m nothing\n  900", "got a result of another kind: MatrixResult"),
        ("eval instant at 0 'a'\n  1", "got a result of another kind: StringResult"),
        ("eval instant at 5m 1\n  {} 1", "got a result of another kind: ScalarResult"),
        ("eval instant at 0 `a`\n  expect string `b`", "expected 'b', got the string 'a'"),
        ("eval range from 0 to 1m step 1m old\n  old 1", "expected points of old at [0], got them at [0, 60000]"),
        ("eval range from 0 to 1m step 1m old\n  old 1 3", "expected 3.0 for old at 60000 ms, got 2.0"),
        ("eval instant at 5m x_total(", "did not parse: 1:9: parse error: unclosed left parenthesis"),
        ("eval instant at 5m x_total + on() x_total", "failed: found duplicate series"),
        ("eval instant at 5m x_total + on() x_total\n  expect fail msg: no", "expected failure 'no'"),
        ("eval instant at 5m 1\n  expect fail", "succeeded, and was expected to fail"),
        ("eval instant at 5m quantile(2, x_total)\n  expect no_warn\n  {} +Inf", "unexpected warning"),
        ("eval instant at 5m 1\n  expect info\n  1", "expected info 'of any text', got []"),
        (
            "eval instant at 5m bottomk(2, x_total)\n  expect ordered\n  x_total{job='b'} 600\n  x_total{job='a'} 300",
            "expected the order",
        ),
        # Subnormal numbers are no zeros.
        ("eval instant at 0 1e-300\n  0", "expected 0.0, got 1e-300"),
    ],
)
def test_what_fails(evals: str, reason: str) -> None:
    (given,) = failures(evals)
    assert given.startswith(reason)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("evaluate 1", "is not a command"),
        ("eval instant at 1m x\n  x 1 2", "has 2 values; an instant query gives one"),
        ("eval range from 0 to 1m step 1m x\n  x 1 2 3", "has 3 values for 2 steps"),
        ("eval range from 0 to 1m step 1m x\n  expect ordered", "promises no order"),
        ("eval instant at 0 x\n  expect fail\n  expect fail", "stands twice"),
        ("eval instant at 0 x\n  expect warn\n  expect no_warn", "stand together"),
        ("eval instant at 0 x\n  1\n  x 1", "must be the last line"),
        ("eval instant at 0 x\n  x 1\n  1", "a number and series stand together"),
        ("load 1m\n  x 1 stalex2", "is not a value in series notation"),
        ("load 1m\n  x@st -1m\n  x 1 2", "as many positions"),
        ("load 1m\n  x@st -1m", "no samples below"),
        ("load 1m\n  x@st soon\n  x 1", "is not a start timestamp"),
    ],
)
def test_broken_files(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run_script(f"clear\n\n{text}\n", "f.test", MemoryStore())
    assert caught.value.place == "f.test:3"


@pytest.mark.parametrize(
    ("text", "labels", "items"),
    [
        ("x 1 _ -2+4x2 _x2 3x1", {"__name__": "x"}, [1, None, -2, 2, 6, None, None, 3, 3]),
        ("x 0x3", {"__name__": "x"}, [0, 0, 0, 0]),
        ("x 1-.5x2 1_000 2. 1e3 +Inf -inf", {"__name__": "x"}, [1, 0.5, 0, 1000, 2, 1000, float("inf"), -float("inf")]),
        ("{\"a b\", 'c d'=`e\\f`} 1", {"__name__": "a b", "c d": "e\\f"}, [1]),
        ("by {a = 'b'} 1", {"__name__": "by", "a": "b"}, [1]),
    ],
)
def test_series_notation(text: str, labels: dict[str, str], items: list[float | None]) -> None:
    line = parse_series_line(text)
    assert line.labels == Labels(labels)
    assert list(line.items) == items


def test_what_depends_on_the_moment_of_asking_is_found() -> None:
    """An instant query is asked again, pinned to its moment, at other moments: the answer must be the same."""

    class Forgetful(MemoryStore):
        """Has nothing for whoever asks from before the data."""

        asked_ms = 0

        def select(self, matchers, start_ms, end_ms):  # type: ignore[no-untyped-def]
            self.asked_ms += 1
            return super().select(matchers, start_ms, end_ms if self.asked_ms < 4 else start_ms)

    report = run_script(f"{DATA}\neval instant at 5m sum(x_total)\n  {{}} 900\n", "f.test", Forgetful())
    (failure,) = report.failures
    assert failure.reason.startswith("as 'sum(x_total @ 300.000)' at -3000000 ms: as a range query")
