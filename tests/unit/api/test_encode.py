"""Results become Prometheus' JSON."""

from __future__ import annotations

import json

import numpy as np

from fenghuo.api.prometheus.encode import encode_result
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
