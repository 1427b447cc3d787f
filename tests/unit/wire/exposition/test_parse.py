"""One body at a time: what is read, what is refused, and when the layout stays the same object."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.model.labels import Labels
from fenghuo.model.sample import NAN_BITS, Exemplar, Metadata
from fenghuo.wire.exposition import NO_TIME, Format, Parsed, format_of, parse_text, pieces

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def read(body: str | bytes, content_type: str = "text/plain") -> Parsed:
    return parse_text(body if isinstance(body, bytes) else body.encode(), content_type)


def series(parsed: Parsed) -> list[tuple[str, float]]:
    assert parsed.problem is None
    return [(str(labels), value) for labels, value in zip(parsed.layout.series, parsed.values.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a 1\n", [("a", 1.0)]),
        ("a 1", [("a", 1.0)]),
        ("\n \t\n  a\t1  \n", [("a", 1.0)]),
        ("a{} 1", [("a", 1.0)]),
        ('a{b="c",d="e"} 2', [('a{b="c", d="e"}', 2.0)]),
        ('a{d="e",b="c",} 2', [('a{b="c", d="e"}', 2.0)]),
        ('a { d = "e" b="c" , } 2', [('a{b="c", d="e"}', 2.0)]),
        ('a{b="c"}2', [('a{b="c"}', 2.0)]),
        ("a-1", [("a", -1.0)]),
        ('a{b="} 1"} 3', [('a{b="} 1"}', 3.0)]),
        ('a{b="x y"} 1 5', [('a{b="x y"}', 1.0)]),
        ('a{b=""} 1', [("a", 1.0)]),
        ('a{b="\\"\\\\\\n\\z"} 1', [('a{b="\\"\\\\\\n\\\\z"}', 1.0)]),
        ('a{b="烽火"} 1', [('a{b="烽火"}', 1.0)]),
        ('{"a.b","c d"="e"} 1', [('{"a.b", "c d"="e"}', 1.0)]),
        ('{x="y","a.b"} 1', [('{"a.b", x="y"}', 1.0)]),
        ('a{b="one\ntwo"} 1\nc 2', [('a{b="one\\ntwo"}', 1.0), ("c", 2.0)]),
        (
            'a{b="1\n2\n3",c="\n"} 1\nd 2\ne{f="g"} 3',
            [('a{b="1\\n2\\n3", c="\\n"}', 1.0), ("d", 2.0), ('e{f="g"}', 3.0)],
        ),
        ("a 1\na 2", [("a", 1.0), ("a", 2.0)]),
        ("#HELP a b\n# anything {\na 1", [("a", 1.0)]),
        ("", []),
    ],
)
def test_text_is_read_as_prometheus_reads_it(body: str, expected: list[tuple[str, float]]) -> None:
    assert series(read(body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a", "line 1: expected a value, got the end of the line in 'a'"),
        ("a 1\nb 1_0\nc", "line 2: expected a number, got '1_0' in 'b 1_0'"),
        ("# TYPE a gauge\n\na x", "line 3: expected a number, got 'x' in 'a x'"),
        ("a 1\r\n", "line 1: expected a number, got '1\\r' in 'a 1\\r'"),
        ("a 1e999", "line 1: expected a number, got '1e999' in 'a 1e999'"),
        ("a -NaN", "line 1: expected a number, got '-NaN' in 'a -NaN'"),
        ("a ١", "line 1: expected a number, got '١' in 'a ١'"),
        ("a 1 9223372036854775808", "line 1: timestamp 9223372036854775808 is out of range in"),
        ('a{b="1",b="2"} 1', "line 1: label name 'b' is not unique in"),
        ('a{"b"="1"} 1\n{"x","y"} 1', "line 2: the metric name stands twice: 'x' and 'y' in"),
        ('a{""="1"} 1', "line 1: a label name is empty in"),
        ('{""} 1', "line 1: the metric name is missing in"),
        ('a{b="c} 1\nd 1', "line 1: expected the value of label 'b' in double quotes, got '\"c} 1"),
        ("# TYPE a strange", "line 1: invalid metric type 'strange' in '# TYPE a strange'"),
        (b"a 1\n# HELP a \xff", "line 2: HELP text is not valid UTF-8 in '# HELP a \\xff'"),
        (b'a{b="\xff"} 1', "line 1: label 'b' is not valid UTF-8 in 'a{b=\"\\xff\"} 1'"),
        ("<html><body>It works!</body></html>", "line 1: expected a metric name, got '<html>"),
    ],
)
def test_the_first_bad_line_is_named_and_nothing_else_is_returned(body: str | bytes, expected: str) -> None:
    parsed = read(body)
    assert parsed.problem is not None
    assert parsed.problem.startswith(expected)
    assert parsed.values.size == 0


def test_of_a_bad_body_the_series_before_the_bad_line_are_told() -> None:
    """A bad value stands before a line that cannot be read at all, wherever the parser noticed which."""
    assert [labels.metric_name for labels in read("a 1\nb 2\nc\nd 1\n").layout.series] == ["a", "b"]
    assert [labels.metric_name for labels in read("a 1\nb x\nc\n").layout.series] == ["a"]


def test_bytes_that_are_not_utf8_are_fine_in_a_comment() -> None:
    assert series(read(b"# \xff\na 1")) == [("a", 1.0)]


def test_every_nan_has_the_bits_of_an_ordinary_one() -> None:
    values = read("a NaN\nb nan\nc 1\n").values
    assert values.view(np.int64).tolist()[:2] == [NAN_BITS, NAN_BITS]


def test_timestamps_are_milliseconds_in_text_and_seconds_in_openmetrics() -> None:
    times = read("a 1 1500\nb 2\n").times_ms
    assert times is not None
    assert times.tolist() == [1500, NO_TIME]
    times = read("a 1 1.5\nb 2\nc 3 1e30\n# EOF\n", OPENMETRICS).times_ms
    assert times is not None
    assert times.tolist() == [1500, NO_TIME, (1 << 63) - 1]
    assert read("a 1\n").times_ms is None


def test_exemplars_come_with_the_index_of_their_series() -> None:
    parsed = read('x 1\na_bucket{le="1"} 2 # {trace_id="} x"} 0.5 1.25\nb_total 3 7 # {} 4\n# EOF', OPENMETRICS)
    assert parsed.problem is None
    assert parsed.exemplars == [
        (1, Exemplar(Labels({"trace_id": "} x"}), 0.5, 1250)),
        (2, Exemplar(Labels(), 4.0, None)),
    ]


def test_metadata_is_kept_by_family() -> None:
    body = (
        '# HELP a_seconds how \\"long\\"\\n\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n'
        '# TYPE "b.c" info\n# EOF'
    )
    assert read(body, OPENMETRICS).layout.metadata == {
        "a_seconds": Metadata("counter", 'how "long"\n', "seconds"),
        "b.c": Metadata("info"),
    }
    text = read('# TYPE a untyped\n# HELP a say \\"x\\" \\\\').layout.metadata
    assert text == {"a": Metadata("unknown", 'say \\"x\\" \\')}


def test_bounds_are_spelled_in_one_way_under_their_type_only() -> None:
    body = """\
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="1e6"} 1
h_bucket{le="inf"} 1
h_bucket{ le="0.50"} 1
h_bucket{quantile="1"} 1
# TYPE s summary
s{quantile="1"} 1
# TYPE g gauge
g{le="1"} 1
"""
    found = [labels.get("le") or labels["quantile"] for labels in read(body).layout.series]
    assert found == ["1.0", "1e+06", "+Inf", "0.5", "1", "1.0", "1"]


BODY = '# TYPE a gauge\na{x="1"} 1\na{x="2"} 2\n# just so\nb 3\n'


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (BODY, True),
        (BODY.replace("} 2", "} NaN"), True),
        (BODY.replace("b 3", "b -1.5e-7"), True),
        (BODY.replace("b 3", "b 3 1700000000000"), True),
        (BODY.removesuffix("\n"), True),
        (BODY.replace("gauge", "counter"), False),
        (BODY.replace("just so", "just as"), False),
        (BODY.replace('x="2"', 'x="3"'), False),
        (BODY + "c 4\n", False),
        (BODY.replace("b 3\n", ""), False),
        (BODY.replace("b 3", "1"), False),
        (BODY.replace("b 3", "bb 3"), False),
        (BODY.replace("b 3", "b \t3"), True),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 20, 1 << 18])
def test_the_layout_is_the_same_object_while_only_values_change(
    changed: str, same: bool, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the pieces are in which the body is worked."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", piece_bytes)
    last = read(BODY)
    parsed = parse_text(changed.encode(), "text/plain", last)
    assert (parsed.layout is last.layout) is same
    fresh = read(changed)
    assert parsed.problem == fresh.problem
    assert parsed.layout.series == fresh.layout.series
    np.testing.assert_array_equal(parsed.values, fresh.values)


@pytest.mark.parametrize(
    "body",
    [
        "a 1\nb 2",
        "\n\na 1\n\n\nb 2\n\n",
        '# HELP 烽 火\na{b="烽火"} 1\nc{d="x\ny"} 2\n',
        b'a 1\n# \xff\nb{c="\xe7\x83\xbd"} 2\n',
        b'a 1\nb{c="\xff"} 2\nd 3\n',
        "a 1\nb 2\nc\nd x\n",
    ],
)
def test_the_size_of_the_pieces_does_not_matter(body: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(body)
    for piece_bytes in range(1, 12):
        monkeypatch.setattr(pieces, "PIECE_BYTES", piece_bytes)
        parsed = read(body)
        assert parsed.problem == whole.problem
        assert parsed.layout.series == whole.layout.series
        np.testing.assert_array_equal(parsed.values, whole.values)


def test_a_body_of_many_pieces_keeps_its_layout() -> None:
    def body(start: int) -> str:
        return "".join(f'# HELP m{n} x\nm{n}{{a="{"b" * 90}"}} {start + n}\n' for n in range(4000))

    first = read(body(0))
    again = parse_text(body(7).encode(), "text/plain", first)
    assert again.layout is first.layout
    assert again.values.tolist() == [float(7 + n) for n in range(4000)]
    assert again.values.tolist() == read(body(7)).values.tolist()


def test_exemplars_and_timestamps_are_read_on_the_fast_path_too() -> None:
    first = read('a_total{x="1"} 1 # {t="1"} 1\nb 1\n# EOF\n', OPENMETRICS)
    parsed = parse_text(b'a_total{x="1"} 2 3 # {t="9"} 2\nb 5\n# EOF\n', OPENMETRICS, first)
    assert parsed.layout is first.layout
    assert parsed.values.tolist() == [2.0, 5.0]
    assert parsed.exemplars == [(0, Exemplar(Labels({"t": "9"}), 2.0))]


def test_a_bad_value_in_a_known_layout_is_still_named() -> None:
    parsed = parse_text(BODY.replace("b 3", "b 3_0").encode(), "text/plain", read(BODY))
    assert parsed.problem == "line 5: expected a number, got '3_0' in 'b 3_0'"


def test_a_series_under_another_type_is_not_taken_from_the_last_layout() -> None:
    last = read('# TYPE h gauge\nh{le="1"} 1\n')
    parsed = parse_text(b'# TYPE h histogram\nh{le="1"} 1\n', "text/plain", last)
    assert parsed.layout.series[0]["le"] == "1.0"


def test_a_new_series_leaves_the_labels_of_the_others_as_they_were() -> None:
    last = read(BODY)
    parsed = parse_text(f'{BODY}c{{d="e"}} 1\n'.encode(), "text/plain", last)
    assert parsed.layout.series[0] is last.layout.series[0]


@pytest.mark.parametrize(
    ("body", "next_body", "expected"),
    [
        ('a{b="1\n2"} 1\n', 'a{b="1\n2"} 2\n', [('a{b="1\\n2"}', 2.0)]),
        ("a-1\n", "a1 5\n", [("a1", 5.0)]),
        ('a{b="c"}1\n', 'a{b="c"} 5\n', [('a{b="c"}', 5.0)]),
    ],
)
def test_oddly_written_bodies_are_read_anew_each_time(
    body: str, next_body: str, expected: list[tuple[str, float]]
) -> None:
    assert series(parse_text(next_body.encode(), "text/plain", read(body))) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", Format.OPENMETRICS),
        ("text/plain; version=0.0.4; escaping=values", Format.TEXT),
        ("text/plain", Format.TEXT),
        ("text/html", None),
        ("", None),
    ],
)
def test_the_content_type_chooses_the_format(content_type: str, expected: Format | None) -> None:
    assert format_of(content_type) is expected


PIECES = st.sampled_from(
    [
        "a",
        "b_total",
        "{",
        "}",
        '"',
        "=",
        ",",
        " ",
        "\n",
        "# ",
        "HELP ",
        "TYPE ",
        "EOF",
        "1",
        "NaN",
        "\\",
        "x",
        "le",
        "\xff",
        "#",
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES, max_size=40).map("".join), st.booleans())
def test_no_body_makes_it_raise_and_the_last_layout_never_changes_what_is_read(
    body: str, last: str, openmetrics: bool
) -> None:
    content_type = OPENMETRICS if openmetrics else "text/plain"
    for encoding in ("utf-8", "latin-1"):
        fresh = parse_text(body.encode(encoding), content_type)
        for known in (parse_text(last.encode(encoding), content_type), fresh):
            again = parse_text(body.encode(encoding), content_type, known)
            # The same line is bad; what was expected there may be said in other words.
            assert (again.problem or "").split(":")[0] == (fresh.problem or "").split(":")[0]
            assert again.layout.series == fresh.layout.series
            np.testing.assert_array_equal(again.values, fresh.values)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    assert read(body).values.ndim == 1


def test_a_quote_that_is_never_closed_costs_no_more_than_the_body() -> None:
    """Each of these lines holds a quote that could close the first one's, and does not."""

    def cost_s(lines: int) -> float:
        body = b'a{b="x\n' + b'\\"\n' * lines
        start_s = time.thread_time()
        problem = read(body).problem
        spent_s = time.thread_time() - start_s
        assert problem is not None
        assert problem.startswith("line 1: expected the value of label 'b' in double quotes")
        return spent_s

    # Eight times the lines cost some eight times as much, not 64 times; generous, for busy machines.
    assert cost_s(40_000) < 24 * max(cost_s(5_000), 0.005)


def test_an_exemplar_that_is_not_utf8_is_a_bad_line() -> None:
    parsed = read(b'# TYPE a counter\na_total 1 # {t="\xff"} 1\n# EOF\n', OPENMETRICS)

    assert parsed.problem is not None
    assert parsed.problem.startswith("line 2: label 't' is not valid UTF-8")
    assert parsed.exemplars == []
