"""A body is read the same whether the one before it is known or not, however the two differ.

Real bodies, changed as exporters change them (values, timestamps, exemplars, series that come and go) and as broken
networks and programs do (bytes flipped, put in, cut out; lines swapped, doubled, torn).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.wire.exposition import Parsed, parse_text, pieces

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

GO = r"""# HELP go_gc_duration_seconds A summary of the pause duration of garbage collection cycles.
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0"} 4.4393e-05
go_gc_duration_seconds{quantile="0.5"} NaN
go_gc_duration_seconds{quantile="1"} 0.000209391
go_gc_duration_seconds_sum 0.009
go_gc_duration_seconds_count 117
# HELP go_info Information about the Go environment.
# TYPE go_info gauge
go_info{version="go1.19.8"} 1
# TYPE http_seconds histogram
http_seconds_bucket{handler="/",le="0.1"} 3
http_seconds_bucket{handler="/",le="1"} 3
http_seconds_bucket{handler="/",le="+Inf"} 4
http_seconds_sum{handler="/"} 12.25
http_seconds_count{handler="/"} 4

# a comment
node_disk_info{device="sda",path="a \"b\" \\ c",model="Samsung SSD"} 1
node_load1 0.21
pushed{job="烽火"} 7 1700000000000
gauge{a="b"}-3
""".encode()
PYTHON = b"""# HELP requests Requests.
# TYPE requests counter
requests_total{path="/a"} 10.0 # {trace_id="abc"} 0.5 1700000000.125
requests_total{path="/b"} 11.0
requests_created{path="/a"} 1.7e+09
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
latency_seconds_bucket{le="0.5"} 1
latency_seconds_bucket{le="+Inf"} 2 1700000000
latency_seconds_count 2
latency_seconds_sum 0.75
# TYPE feature stateset
feature{feature="a"} 1
# EOF
"""

BARE = [
    "NaN",
    "nan",
    "-NaN",
    "+Inf",
    "-inf",
    "Infinity",
    "1e999",
    "0x10",
    "1_0",
    "",
    "+5",
    "-0",
    ".5",
    "5.",
    "1e5",
    "٣",
]
BLANKS = [
    " ",
    "1 ",
    " 1",
    "1\t",
    "\r",
    "1\0",
    "1\x1f",
    "1 2",
    "1 1700000000001",
    '5 # {t="x"} 1',
    '5 1.5 # {t="y"} 2 3.5',
]
VALUES = st.one_of(st.floats().map(repr), st.integers(0, 10**18).map(str), st.sampled_from(BARE + BLANKS))


@st.composite
def changes(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Something that happens to a body from one scrape to the next."""
    kind, at = draw(st.sampled_from(sorted(KINDS))), draw(st.integers(0, 10_000))
    text = draw(VALUES).encode()
    return lambda body: KINDS[kind](body, at, text)


def _value(body: bytes, at: int, text: bytes) -> bytes:
    lines = body.split(b"\n")
    number = at % len(lines)
    head, blank, _ = lines[number].rpartition(b" ")
    lines[number] = head + blank + text
    return b"\n".join(lines)


def _line(body: bytes, at: int, text: bytes) -> bytes:
    lines = body.split(b"\n")
    lines.insert(at % len(lines), b'more{n="%d"} ' % (at % 3) + text)
    return b"\n".join(lines)


def _without_line(body: bytes, at: int, text: bytes) -> bytes:
    lines = body.split(b"\n")
    del lines[at % len(lines)]
    return b"\n".join(lines)


def _swapped(body: bytes, at: int, text: bytes) -> bytes:
    lines = body.split(b"\n")
    one, other = at % len(lines), (at * 7 + 1) % len(lines)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _flipped(body: bytes, at: int, text: bytes) -> bytes:
    changed = bytearray(body)
    if changed:
        changed[at % len(changed)] ^= 1 << at % 8
    return bytes(changed)


def _put_in(body: bytes, at: int, text: bytes) -> bytes:
    at %= len(body) + 1
    return body[:at] + text + body[at:]


def _cut_out(body: bytes, at: int, text: bytes) -> bytes:
    at %= len(body) + 1
    return body[:at] + body[at + len(text) :]


def _torn(body: bytes, at: int, text: bytes) -> bytes:
    return body[: at % (len(body) + 1)]


KINDS: dict[str, Callable[[bytes, int, bytes], bytes]] = {
    "value": _value,
    "another value": _value,
    "line": _line,
    "without line": _without_line,
    "swapped": _swapped,
    "flipped": _flipped,
    "put in": _put_in,
    "cut out": _cut_out,
    "torn": _torn,
}


def assert_same(again: Parsed, fresh: Parsed) -> None:
    # The same line is bad; what was expected there may be said in other words.
    assert (again.problem or "").split(":")[0] == (fresh.problem or "").split(":")[0]
    assert again.layout.series == fresh.layout.series
    assert again.layout.metadata == fresh.layout.metadata
    assert again.values.tobytes() == fresh.values.tobytes()
    assert again.exemplars == fresh.exemplars
    assert (again.times_ms is None) is (fresh.times_ms is None)
    if again.times_ms is not None and fresh.times_ms is not None:
        np.testing.assert_array_equal(again.times_ms, fresh.times_ms)


@pytest.mark.parametrize(("first", "content_type"), [(GO, TEXT), (PYTHON, OPENMETRICS), (PYTHON, TEXT)])
@pytest.mark.parametrize("piece_bytes", [30, 1 << 18])
@settings(deadline=None, max_examples=150)
@given(rounds=st.lists(st.lists(changes(), max_size=3), min_size=1, max_size=6), keep=st.booleans())
def test_what_came_before_never_changes_what_is_read(
    first: bytes, content_type: str, piece_bytes: int, rounds: list[list[Callable[[bytes], bytes]]], keep: bool
) -> None:
    """``keep``: like the scraper, which compares with the last body that could be read; else with the last of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", piece_bytes)
        body, last = first, parse_text(first, content_type)
        for changed in rounds:
            before = body
            for change in changed:
                body = change(body)
            again, fresh = parse_text(body, content_type, last), parse_text(body, content_type)
            assert_same(again, fresh)
            if again.problem is None or not keep:
                last = again
            if again.problem is not None:
                body = before


def test_unchanged_bodies_share_their_layout_whatever_they_hold() -> None:
    for body, content_type in ((GO, TEXT), (PYTHON, OPENMETRICS)):
        first = parse_text(body, content_type)
        again = parse_text(body, content_type, first)
        assert again.problem is None
        assert_same(again, first)
        assert again.layout is first.layout


@pytest.mark.parametrize("text", BARE + BLANKS)
@pytest.mark.parametrize(("first", "content_type"), [(GO, TEXT), (PYTHON, OPENMETRICS)])
def test_every_oddity_in_every_line_is_read_as_if_it_came_first(first: bytes, content_type: str, text: str) -> None:
    last = parse_text(first, content_type)
    for number in range(first.count(b"\n")):
        body = _value(first, number, text.encode())
        assert_same(parse_text(body, content_type, last), parse_text(body, content_type))
