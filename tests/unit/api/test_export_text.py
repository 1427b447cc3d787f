"""Exported text: times that read back exactly, values bit for bit, markers as far as the format has a word."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.api.prometheus.export_text import json_lines, openmetrics_lines
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels
from fenghuo.model.sample import ABSENT_NAN, STALE_NAN
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection

NAMES = [Labels({"__name__": "a", "x": '1"\n'}), Labels({"__name__": "b"})]
table = LabelTable.of(NAMES)


def dense(times_ms: list[int], values: list[list[float]]) -> Selection:
    rows = np.arange(len(values), dtype=np.int64)
    return Selection(table, (DenseBlock(rows, np.array(times_ms, dtype=np.int64), np.array(values)),))


def test_both_formats() -> None:
    piece = dense(
        [-1500, 0, 1_700_000_000_123], [[1.0, float(ABSENT_NAN), float(STALE_NAN)], [float("nan"), -0.0, 1e300]]
    )
    assert b"".join(openmetrics_lines(piece)).decode() == (
        'a{x="1\\"\\n"} 1 -1.5\nb NaN -1.5\nb -0 0.0\nb 1e+300 1700000000.123\n'
    )
    last_ms = 1_700_000_000_123
    assert [json.loads(line) for line in json_lines(piece)] == [
        {"metric": {"__name__": "a", "x": '1"\n'}, "values": [1.0, "StaleNaN"], "timestamps": [-1500, last_ms]},
        {"metric": {"__name__": "b"}, "values": ["NaN", -0.0, 1e300], "timestamps": [-1500, 0, last_ms]},
    ]


def test_series_of_their_own_times() -> None:
    block = RaggedBlock(
        np.array([1, 0]), np.array([0, 2, 3]), np.array([5, 6, 7]), np.array([float("inf"), float("-inf"), 2.5])
    )
    piece = Selection(table, (block,))
    assert [json.loads(line)["values"] for line in json_lines(piece)] == [["Infinity", "-Infinity"], [2.5]]
    assert b"".join(openmetrics_lines(piece)) == b'b +Inf 0.005\nb -Inf 0.006\na{x="1\\"\\n"} 2.5 0.007\n'


@given(st.lists(st.integers(-(1 << 43), 1 << 43), min_size=1, max_size=50, unique=True).map(sorted))
def test_times_survive_readers_that_multiply_and_cut(times_ms: list[int]) -> None:
    text = b"".join(openmetrics_lines(dense(times_ms, [[1.0] * len(times_ms)])))
    assert [int(float(line.split()[-1]) * 1000) for line in text.splitlines()] == times_ms


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=50))
def test_values_read_back_bit_for_bit(values: list[float]) -> None:
    piece = dense(list(range(len(values))), [values])
    bits = np.array(values).view(np.int64).tolist()
    text = [float(line.split()[-2]) for line in b"".join(openmetrics_lines(piece)).splitlines()]
    assert np.array(text).view(np.int64).tolist() == bits
    (line,) = json_lines(piece)
    found = [float(value) for value in json.loads(line)["values"]]
    assert np.array(found).view(np.int64).tolist() == bits
