"""Files of samples are read piece by piece, wherever the pieces end."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.metrics.receive import texts
from fenghuo.metrics.receive.texts import BadLine, Batch, ExpositionLines, JsonLines, LineReader, Lines
from fenghuo.model.labels import Labels
from fenghuo.wire.exposition import NO_TIME, Format

OPENMETRICS = b"""# HELP http_requests Requests.
# TYPE http_requests counter
http_requests_total{code="200"} 1021 1565133713.989
http_requests_total{code="400"} 1 1565133714.989 # {trace_id="a"} 1 1565133714.1
# TYPE latency histogram
latency_bucket{le="1"} 5 1565133713.989
latency_bucket{le="+Inf"} 9 1565133713.989
# EOF
"""


def read(reader: LineReader, data: bytes, size: int) -> list[Batch | BadLine]:
    lines = Lines(reader)
    found: list[Batch | BadLine] = []
    for start in range(0, len(data), size):
        found += lines.feed(data[start : start + size])
    return [*found, *lines.finish()]


def samples(found: Iterable[Batch | BadLine]) -> list[tuple[Labels, int, float]]:
    return [
        (each.series[owner], time_ms, value)
        for each in found
        if isinstance(each, Batch)
        for owner, time_ms, value in zip(
            each.owners.tolist(), each.times_ms.tolist(), each.values.tolist(), strict=True
        )
    ]


def problems(found: Iterable[Batch | BadLine]) -> list[str]:
    return [each.text for each in found if isinstance(each, BadLine)]


@given(size=st.integers(1, 400), piece=st.integers(1, 400))
def test_openmetrics_says_the_same_however_it_is_cut(size: int, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "PIECE_BYTES", piece)
        found = read(ExpositionLines(Format.OPENMETRICS), OPENMETRICS, size)
    assert problems(found) == []
    assert samples(found) == [
        (Labels({"__name__": "http_requests_total", "code": "200"}), 1565133713989, 1021.0),
        (Labels({"__name__": "http_requests_total", "code": "400"}), 1565133714989, 1.0),
        # A bound is spelled as Prometheus 3 spells it, also where the TYPE line stood in an earlier piece.
        (Labels({"__name__": "latency_bucket", "le": "1.0"}), 1565133713989, 5.0),
        (Labels({"__name__": "latency_bucket", "le": "+Inf"}), 1565133713989, 9.0),
    ]
    exemplars = [exemplar for each in found if isinstance(each, Batch) for _, exemplar in each.exemplars]
    assert [(each.labels, each.value, each.time_ms) for each in exemplars] == [
        (Labels({"trace_id": "a"}), 1.0, 1565133714100)
    ]


SERIES = [
    "a",
    "b_total",
    'a{x="1"}',
    'a{x="1",le="5"}',
    'a{x="b c"}',
    'a{x="} 1"}',
    'a{x="1",x="2"}',
    '{"odd",x="1"}',
    "a{}",
]
VALUES = ["1", "-0", "1e5", "NaN", "+Inf", "1_0", "0x1", "", "one"]
TIMES = ["1700000000", "1700000000.123", "5", "-1.5", "1_0", "", "١", "99999999999999999999", "nan"]
line_texts = st.one_of(
    st.tuples(st.sampled_from(SERIES), st.sampled_from(VALUES), st.sampled_from(TIMES)).map(" ".join),
    st.tuples(st.sampled_from(SERIES), st.just("2"), st.just("1700000000")).map(" ".join),
    st.sampled_from(
        ["# TYPE a histogram", "# TYPE a gauge", "# HELP a b", "", "\r", "a  1 5", 'a 1 5 # {x="1"} 1', "é"]
    ),
)


@pytest.mark.parametrize("dialect", list(Format))
@given(lines=st.lists(line_texts, max_size=12))
def test_the_quick_way_reads_what_the_careful_one_reads(dialect: Format, lines: list[str]) -> None:
    body = "\n".join([*lines, ""]).encode()
    quick = read(ExpositionLines(dialect), body, len(body) + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts.TimedReader, "read", lambda *_: None)
        careful = read(ExpositionLines(dialect), body, len(body) + 1)
    assert [repr(each) for each in samples(quick)] == [repr(each) for each in samples(careful)]
    assert problems(quick) == problems(careful)


@pytest.mark.parametrize("dialect", list(Format))
@pytest.mark.parametrize("piece", [10, 40, 100_000])
def test_bad_lines_are_named_and_the_others_are_taken(
    dialect: Format, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", piece)
    lines = [b"# TYPE a gauge"] + [b"a%d 1 5" % number for number in range(50)]
    lines[3], lines[40] = b'b{x="1" 1 5', b"c nonsense 5"
    found = read(ExpositionLines(dialect), b"\n".join(lines), 7)
    assert len(samples(found)) == 48
    assert [text.partition(":")[0] for text in problems(found)] == ["line 4", "line 41"]


def test_samples_without_a_time_say_so() -> None:
    (batch,) = read(ExpositionLines(Format.TEXT), b"a 1\nb 2 5\n", 100)
    assert isinstance(batch, Batch)
    assert batch.times_ms.tolist() == [NO_TIME, 5]


def test_json_lines_are_series() -> None:
    data = (
        b'{"metric":{"__name__":"up","job":"a","none":null},"values":[1,null,"Infinity","-Infinity"],"timestamps":[1,2,3,4]}\n\n'
        b'{"metric":{"__name__":"down"},"values":[],"timestamps":[]}'
    )
    up, down = read(JsonLines(), data, 50)
    assert isinstance(up, Batch)
    assert isinstance(down, Batch)
    assert up.series == [Labels({"__name__": "up", "job": "a"})]
    assert up.times_ms.tolist() == [1, 2, 3, 4]
    assert np.array_equal(up.values, [1, np.nan, np.inf, -np.inf], equal_nan=True)
    assert len(down.values) == 0


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"nonsense",
        b"{}",
        b'{"metric":[],"values":[1],"timestamps":[1]}',
        b'{"metric":{},"values":[1,2],"timestamps":[1]}',
        b'{"metric":{},"values":[1],"timestamps":["x"]}',
        b'{"metric":{},"values":[true],"timestamps":[1]}',
        b'{"metric":{},"values":[{}],"timestamps":[1]}',
        b'{"metric":{},"values":["many"],"timestamps":[1]}',
        b'{"metric":{},"values":[1],"timestamps":[99999999999999999999]}',
        b'{"metric":{},"values":[1],"timestamps":[null]}',
        b'{"metric":{},"values":[1],"timestamps":[1.5]}',
        b'{"metric":{},"values":[1],"timestamps":5}',
    ],
)
def test_json_lines_that_are_no_series_are_named(line: bytes) -> None:
    found = read(JsonLines(), b'{"metric":{"__name__":"up"},"values":[1],"timestamps":[1]}\n' + line + b"\n", 1000)
    assert len(samples(found)) == 1
    assert [text.partition(":")[0] for text in problems(found)] == ["line 2"]


def test_a_line_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 100)
    monkeypatch.setattr(texts, "LINE_BYTES_MAX", 1000)
    found = read(ExpositionLines(Format.TEXT), b"a 1 5\n" + b"x" * 5000 + b"\nb 1 5\n", 64)
    assert len(samples(found)) == 2
    assert "longer than" in problems(found)[0]


def test_the_end_of_a_line_that_was_given_up_is_no_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 100)
    monkeypatch.setattr(texts, "LINE_BYTES_MAX", 1000)
    found = read(ExpositionLines(Format.TEXT), b"# HELP a " + b"word 1 " * 1000 + b"\nb 1 5\nc d\n", 63)
    assert samples(found) == [(Labels({"__name__": "b"}), 5, 1.0)]
    assert [text.partition(":")[0] for text in problems(found)] == ["line 1", "line 3"]


@given(st.binary(max_size=300), st.sampled_from([*Format, None]))
def test_random_bytes_are_lines_that_are_bad_or_good(data: bytes, kind: Format | None) -> None:
    reader: LineReader = JsonLines() if kind is None else ExpositionLines(kind)
    for each in read(reader, data, 37):
        assert isinstance(each, BadLine) or len(each.values) == len(each.times_ms) == len(each.owners)
