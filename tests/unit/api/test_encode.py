"""Results become Prometheus' JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.api.prometheus import encode
from fenghuo.api.prometheus.encode import encode_result
from fenghuo.api.prometheus.numbers import seconds_text, value_text
from fenghuo.api.prometheus.points import Points
from fenghuo.metrics.promql import MatrixResult, QueryResult, RangeVectorResult, VectorResult
from fenghuo.metrics.promql.result import Answer
from fenghuo.model.label_table import LabelTable

TABLE = LabelTable.of([{"__name__": "x", "b": '"é\n'}, {"a": "1", "b": "2"}, {}])


def written(value: Answer, limit: int = 0) -> str:
    return b"".join(encode_result(QueryResult(value), limit)[0]).decode()


def test_a_matrix_leaves_out_what_is_not_there() -> None:
    values = np.array([[1, 2.5, -0.0], [np.nan, 1e-7, 7], [1e20, np.inf, 3]])
    present = np.array([[True, True, True], [False, True, True], [True, True, True]])
    matrix = MatrixResult(TABLE, np.array([1000, 1500, 2000]), values, present)
    assert written(matrix) == (
        '{"resultType":"matrix","result":['
        '{"metric":{"__name__":"x","b":"\\"é\\n"},"values":[[1,"1"],[1.500,"2.5"],[2,"-0"]]},'
        '{"metric":{"a":"1","b":"2"},"values":[[1.500,"1e-07"],[2,"7"]]},'
        '{"metric":{},"values":[[1,"100000000000000000000"],[1.500,"+Inf"],[2,"3"]]}]}'
    )


def test_absent_places_may_hold_anything() -> None:
    values = np.array([[np.nan, 2.0]])
    matrix = MatrixResult(LabelTable(1, {}), np.array([1000, 2000]), values, np.array([[False, True]]))
    assert json.loads(written(matrix))["result"] == [{"metric": {}, "values": [[2, "2"]]}]


def test_a_vector_and_its_limit() -> None:
    vector = VectorResult(TABLE, 1500, np.array([0.1, 2.0, 3.0]))
    assert json.loads(written(vector))["result"][1] == {"metric": {"a": "1", "b": "2"}, "value": [1.5, "2"]}
    assert len(json.loads(written(vector, 2))["result"]) == 2
    assert encode_result(QueryResult(vector), 2)[1]
    assert not encode_result(QueryResult(vector), 3)[1]


def test_an_empty_vector() -> None:
    assert written(VectorResult(LabelTable(0, {}), 0, np.zeros(0))) == '{"resultType":"vector","result":[]}'


def test_a_range_vector_has_times_of_its_own() -> None:
    vector = RangeVectorResult(
        LabelTable.of([{"a": "1"}, {"a": "2"}]),
        np.array([0, 2, 3]),
        np.array([1000, 2500, 1700]),
        np.array([1.0, 2.0, np.nan]),
    )
    assert json.loads(written(vector))["result"] == [
        {"metric": {"a": "1"}, "values": [[1, "1"], [2.5, "2"]]},
        {"metric": {"a": "2"}, "values": [[1.7, "NaN"]]},
    ]


sizes = st.one_of(
    st.floats(), st.integers(-1000, 1000).map(float), st.sampled_from([0.0, -0.0, 1e-5, 9e14, 0.1, 10.0, 100.5, 1e15])
)
clocks = st.tuples(
    st.sampled_from([0, 1_000, 999_999_000, 9_999_990_000, 1_763_700_000_000, 1_763_700_000_250]),
    st.sampled_from([1, 500, 1_000, 15_000, 86_400_000, 10**12]),
)


@given(st.data(), st.integers(1, 5), st.integers(1, 7), clocks, st.integers(1, 20))
def test_every_point_is_written_as_if_it_were_alone(
    data: st.DataObject, rows: int, steps: int, clock: tuple[int, int], slab: int
) -> None:
    times = clock[0] + np.arange(steps, dtype=np.int64) * clock[1]
    some = data.draw(st.sampled_from([sizes, st.integers(0, 30).map(float), st.floats(0.01, 1e6)]))
    values = np.array(data.draw(st.lists(some, min_size=rows * steps, max_size=rows * steps))).reshape(rows, steps)
    present = np.array(
        data.draw(st.lists(st.integers(0, 9).map(bool), min_size=rows * steps, max_size=rows * steps))
    ).reshape(rows, steps)
    present[:, -1] = True
    table = LabelTable.of([{"n": str(row)} for row in range(rows)])
    series = [
        ",".join(
            f'[{seconds_text(ms)},"{value_text(value)}"]'
            for ms, value, there in zip(times.tolist(), own.tolist(), where.tolist(), strict=True)
            if there
        )
        for own, where in zip(values, present, strict=True)
    ]
    items = ",".join(f'{{"metric":{{"n":"{row}"}},"values":[{points}]}}' for row, points in enumerate(series))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "SLAB_VALUES", slab)
        patch.setattr(encode, "PIECE_BYTES", 50)
        assert written(MatrixResult(table, times, values, present)) == (f'{{"resultType":"matrix","result":[{items}]}}')


@pytest.mark.parametrize(
    ("seconds", "fits"),
    [
        ([b"1763700000", b"1763700015"], True),
        ([b"1763700000.250", b"1763999999.250"], True),
        ([b"1763700000.250", b"1763700000.750"], True),
        ([b"1763700000"], True),
        ([b"999999999", b"1000000000"], False),
        ([b"1063700000.250", b"1963700000.750"], False),
        ([b"1", b"2"], False),
    ],
)
def test_moments_that_differ_in_few_digits_are_written_together(seconds: list[bytes], fits: bool) -> None:
    assert (Points.at(seconds) is not None) == fits
