"""Label sets: equality, order, notation, fingerprints."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.base.errors import InputError
from fenghuo.model.duration import format_duration, parse_duration_ms
from fenghuo.model.fingerprints import fingerprints
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import ABSENT_NAN, STALE_NAN, is_absent, is_stale


def test_an_empty_value_is_no_label() -> None:
    assert Labels({"b": "2", "a": "1", "c": ""}) == Labels([("a", "1"), ("b", "2")])
    assert Labels({"a": ""}) == EMPTY


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({"__name__": "up"}, "up"),
        ({"__name__": "up", "job": "node", "a": "x"}, 'up{a="x", job="node"}'),
        ({"job": 'quo"te\\\n'}, '{job="quo\\"te\\\\\\n"}'),
        ({}, "{}"),
        ({"__name__": "my.metric", "a": "1"}, '{"my.metric", a="1"}'),
        ({"__name__": "up", "my.label": "中"}, 'up{"my.label"="中"}'),
    ],
)
def test_labels_are_written_as_promql_reads_them(labels: dict[str, str], text: str) -> None:
    assert str(Labels(labels)) == text


def test_fingerprints_are_alertmanagers() -> None:
    # FNV-1a 64 of the empty input is its offset basis; of "a\xffb\xff" it was computed with the reference algorithm.
    assert EMPTY.fingerprint() == 0xCBF29CE484222325
    value = 0xCBF29CE484222325
    for byte in b"a\xffb\xff":
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    assert Labels({"a": "b"}).fingerprint() == value


def test_labels_are_merged_and_cut() -> None:
    labels = Labels({"__name__": "up", "job": "node", "instance": "a"})

    assert labels.merged({"job": "", "env": "prod"}) == Labels({"__name__": "up", "instance": "a", "env": "prod"})
    assert labels.without(["__name__", "job"]) == Labels({"instance": "a"})
    assert labels.only(["job", "nothing"]) == Labels({"job": "node"})


def test_a_table_gives_its_rows_back() -> None:
    rows = [Labels({"__name__": "up", "job": "a"}), Labels({"__name__": "up"}), Labels({"x": "1"})]
    table = LabelTable.of(rows)

    assert list(table.rows()) == rows
    assert table.row(1) == rows[1]
    assert list(table.take(np.array([2, 0])).rows()) == [rows[2], rows[0]]
    assert next(table.without(["__name__"]).rows()) == Labels({"job": "a"})


@pytest.mark.parametrize(
    ("op", "pattern", "value", "expected"),
    [
        (MatchOp.EQUAL, "a", "a", True),
        (MatchOp.NOT_EQUAL, "", "a", True),
        (MatchOp.REGEX, "a|b", "ab", False),
        (MatchOp.REGEX, "a.*", "a\nb", True),
        (MatchOp.NOT_REGEX, "x.*", "", True),
        (MatchOp.REGEX, "", "", True),
    ],
)
def test_matchers_see_the_whole_value(op: MatchOp, pattern: str, value: str, expected: bool) -> None:
    assert Matcher("l", op, pattern).matches(value) is expected


def test_a_bad_regular_expression_is_told_at_once() -> None:
    with pytest.raises(InputError, match=r"bad regular expression '\('"):
        Matcher("l", MatchOp.REGEX, "(")


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("0", 0), ("15s", 15_000), ("1h30m", 5_400_000), ("500ms", 500), ("1y", 31_536_000_000), ("1m5ms", 60_005)],
)
def test_durations(text: str, milliseconds: int) -> None:
    assert parse_duration_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "15", "1m1h", "-5s", "1.5h", "5 m", "300y", "1h1h", "٣s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InputError):
        parse_duration_ms(text)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0s"), (90_000, "1m30s"), (604_800_000, "1w"), (691_200_000, "8d"), (1500, "1s500ms")],
)
def test_durations_are_written(milliseconds: int, text: str) -> None:
    assert format_duration(milliseconds) == text


def test_the_special_nans_are_told_apart() -> None:
    values = np.array([STALE_NAN, ABSENT_NAN, np.nan, 1.0])

    assert is_stale(values).tolist() == [True, False, False, False]
    assert is_absent(values).tolist() == [False, True, False, False]
    assert np.isnan(values).tolist() == [True, True, True, False]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=40), max_size=4), max_size=60))
def test_fingerprints_of_many_are_those_of_each(pairs: list[dict[str, str]]) -> None:
    sets = [Labels(each) for each in [*pairs, {"long": "é" * 3000}, {}]]
    assert fingerprints(sets) == [labels.fingerprint() for labels in sets]
    assert fingerprints(sets * 20) == [labels.fingerprint() for labels in sets] * 20
