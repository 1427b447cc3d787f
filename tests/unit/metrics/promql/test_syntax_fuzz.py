"""Random text never breaks the parser, and random expressions of the whole language survive printing and mutilation."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.api.prometheus.tree import tree_view
from fenghuo.metrics.promql import ParseError, normalized, parse_expr, pretty

WORDS = (
    "x", "sum", "rate", "by", "without", "on", "ignoring", "offset", "bool", "5m", "1e3", "0x1f", "1_000", "and",
    "unless", "atan2", "==", "=~", "group_left", "group_right", "start()", "end()", "step()", "range()", "min_of(",
    "max_of(", '"s"', "`r`", "nan", "Inf", "\\\\", "é", "中", "_1", "info", "info(x, {a=~'b'})", "fill(",
    "fill_left(0)", "fill_right(-1)", "[5m]", "[5m:]", "[step()]", "{a='b'}", '{"a b", "c d"=`e`}', "anchored",
    "smoothed", "@ 1.5", "limitk(", "limit_ratio(0.5,", "mad_over_time(", "sort_by_label(", "start_timestamp(x)",
    "histogram_quantiles(", "__type__", "1h30m", "-1w", "</", ">/", "\x00", "\ud800",
)  # fmt: skip
pieces = st.sampled_from([*"()[]{},:@+-*/%^=<>!~'\"`#.5 \n", *WORDS])
texts = st.lists(pieces, max_size=14).map(" ".join) | st.lists(pieces, max_size=14).map("".join) | st.text(max_size=20)


def parses(text: str) -> bool:
    """Whether it does; a refusal says where."""
    with contextlib.suppress(ParseError):
        parse_expr(text)
        return True
    with pytest.raises(ParseError, match=r"^\d+:\d+: parse error: ."):
        parse_expr(text)
    return False


def check_forms(text: str) -> None:
    """The forms in which it is shown parse, and mean the same."""
    shown = normalized(text)
    assert normalized(shown) == shown
    assert normalized(pretty(parse_expr(text))) == shown
    assert tree_view(parse_expr(text))


@settings(max_examples=600)
@given(texts)
def test_any_text_parses_or_is_refused(text: str) -> None:
    if parses(text):
        check_forms(text)


# --- what parses ----------------------------------------------------------------------------------------------------

names = st.sampled_from(["x", "a:b", "sum", "offset", "fill", "start", "step", '"a b"', "_"])
labels = st.sampled_from(["job", "le", '"a b"', "by", "step", '"中"'])
strings = st.sampled_from(['"v"', "'it''s'".replace("''", "\\'"), "`raw\\d`", '""', '"\\u4e2d\\n"'])
numbers = st.sampled_from(["1", "-2.5", ".5", "1e-9", "0x1F", "1_000.5", "Inf", "-inf", "NaN", "5m", "-1h30m", "07"])
matchers = st.builds("{}{}{}".format, labels, st.sampled_from(["=", "!=", "=~", "!~"]), strings)
braces = st.lists(matchers, max_size=3).map(lambda found: f"{{{','.join([*found, 'always=`here`'])}}}")
durations = st.recursive(
    st.sampled_from(["5m", "90", "1h30m", "step()", "range()", "0.5", "1y"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/%^"), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min_of", "max_of"]), inner, inner),
        st.builds("-({})".format, inner),
    ),
    max_leaves=3,
)
positive = durations.filter(lambda text: not text.startswith("-"))
modes = st.sampled_from(["", "", " anchored", " smoothed"])
moments = st.sampled_from(["", "", " @ 1.5", " @ -3e2", " @ start()", " @ end()"])
offsets = st.just("") | durations.map(lambda text: f" offset {text}")
plain_selectors = st.builds(str.__add__, names.filter(lambda name: name[0] != '"'), braces) | braces
selectors = st.builds("{}{}{}{}".format, plain_selectors, modes, moments, offsets)
ranges = st.builds("{}[{}]{}{}{}".format, plain_selectors, positive, modes, offsets, moments)
label_lists = st.lists(labels, max_size=3).map(", ".join)
groupings = st.one_of(st.just(""), st.builds("{} ({})".format, st.sampled_from(["by", "without"]), label_lists))
fills = st.sampled_from(["", "", " fill(0)", " fill_left(-1.5)", " fill_right(Inf)", " fill_left(1) fill_right(2)"])
joins = st.sampled_from(["", " group_left()", " group_right ()", " group_left (other)"])
matchings = st.one_of(
    st.just(""),
    st.builds("{} (job){}{}".format, st.sampled_from([" on", " ignoring"]), joins, fills),
    fills,
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bracketed = inner.map("({})".format)
    subqueries = st.builds("({})[{}:{}]{}{}".format, inner, positive, st.just("") | positive, moments, offsets)
    ranged = ranges | subqueries
    one = st.sampled_from(["sum", "AVG", "group", "stdvar", "Count"])
    two = st.sampled_from(["topk", "limitk", "limit_ratio", "quantile"])
    over = st.sampled_from(["rate", "mad_over_time", "ts_of_max_over_time", "first_over_time", "absent_over_time"])
    arithmetic = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2", "== bool", "<", ">=", "!="])
    return st.one_of(
        bracketed,
        st.builds("{}{}".format, st.sampled_from("+-"), inner),
        st.builds("{}({})".format, over, ranged),
        st.builds("{} {}({})".format, one, groupings, inner),
        st.builds("{}({}) {}".format, one, inner, groupings),
        st.builds("{} {}({}, {})".format, two, groupings, numbers, inner),
        st.builds("count_values {}({}, {})".format, groupings, strings, inner),
        st.builds("{} {}{} {}".format, bracketed, arithmetic, matchings, bracketed),
        st.builds("{} {} {}".format, bracketed, st.sampled_from(["and", "OR", "unless on(job)"]), bracketed),
        st.builds("({}) {} {}".format, inner, arithmetic, numbers),
        st.builds("info({}, {})".format, inner, braces),
        st.builds('label_replace({}, "a", {}, "b", ".*")'.format, inner, strings),
        st.builds("sort_by_label({}, {})".format, inner, strings),
        st.builds('histogram_quantiles({}, "q", {}, max_of(1, step()))'.format, inner, numbers),
        st.builds("start_timestamp({}) # said so\n".format, inner),
    )


expressions = st.recursive(selectors, _compound, max_leaves=5)


@settings(max_examples=400, deadline=None)
@given(expressions)
def test_expressions_of_the_language_parse_and_print(text: str) -> None:
    parse_expr(text)
    check_forms(text)


@settings(max_examples=400, deadline=None)
@given(expressions, st.data())
def test_mutilated_expressions_parse_or_are_refused(text: str, data: st.DataObject) -> None:
    """A piece cut out, put in or doubled: what a slip of the hand leaves."""
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 6)))
    changed = text[:start] + data.draw(pieces | st.just("") | st.just(text[start:end] * 2)) + text[end:]
    if parses(changed):
        check_forms(changed)
