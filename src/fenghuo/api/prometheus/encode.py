"""Query results as Prometheus' JSON. Pure, and CPU-bound for large results: called in worker threads.

The data of an answer are handed on as pieces, in order: a large answer is put together once, with its envelope.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from itertools import compress, islice

import numpy as np
import orjson

from fenghuo.api.prometheus.numbers import (
    are_plain,
    fixed_text,
    seconds_text,
    seconds_texts,
    value_texts,
)
from fenghuo.api.prometheus.points import SLAB_VALUES, Points
from fenghuo.metrics.promql import (
    MatrixResult,
    QueryResult,
    RangeVectorResult,
    ScalarResult,
    StringResult,
    VectorResult,
)
from fenghuo.model.label_table import LabelColumn, LabelTable
from fenghuo.model.sample import Floats

GZIP_FROM_BYTES = 4096
GZIP_LEVEL = 3
"""Answers are repetitive: level 3 takes off nearly what level 9 does, at a fraction of the time."""


PIECE_BYTES = 1 << 18
"""Of a large answer's pieces: what a socket takes at once, more or less."""
FEW_ROWS = 16
"""Up to so many rows each value is written for itself: finding those that are alike takes 8 us a label."""


Item = tuple[bytes | memoryview, ...]
"""What is written of one series, in order."""
Spend = Callable[[int], object]
"""Is told of the bytes of each series; raises when there should be no more."""


def encode_result(result: QueryResult, limit: int = 0, spend: Spend = int) -> tuple[list[bytes], bool]:
    """The pieces of the ``data`` of a query's answer, and whether ``limit`` (0: none) cut series off it."""
    value = result.value
    match value:
        case ScalarResult():
            time, text = seconds_text(int(value.times_ms[0])), fixed_text(float(value.values[0]))
            return [_opening("scalar"), f'[{time},"{text}"]}}'.encode()], False
        case StringResult():
            time, quoted = seconds_text(value.time_ms), orjson.dumps(value.value).decode()
            return [_opening("string"), f"[{time},{quoted}]}}".encode()], False
        case VectorResult():
            return _listed("vector", _vector_items(value), value.labels.size, limit, spend)
        case MatrixResult():
            return _listed("matrix", _matrix_items(value), value.labels.size, limit, spend)
        case RangeVectorResult():
            return _listed("matrix", _range_vector_items(value), value.labels.size, limit, spend)


def _opening(kind: str) -> bytes:
    return f'{{"resultType":"{kind}","result":'.encode()


def _listed(kind: str, items: Iterator[Item], size: int, limit: int, spend: Spend) -> tuple[list[bytes], bool]:
    cut = 0 < limit < size
    pieces = []
    part: list[bytes | memoryview] = [_opening(kind), b"["]
    held = 0
    for number, item in enumerate(islice(items, limit if cut else size)):
        length = sum(map(len, item)) + 1
        spend(length)
        if number:
            part.append(b",")
        part += item
        held += length
        if held >= PIECE_BYTES:
            pieces.append(b"".join(part))
            part, held = [], 0
    return [*pieces, b"".join((*part, b"]}"))], cut


def _vector_items(vector: VectorResult) -> Iterator[Item]:
    time = seconds_text(vector.time_ms).encode()
    for labels, text in zip(label_sets_json(vector.labels), value_texts(vector.values), strict=True):
        yield (b'{"metric":%b,"value":[%b,"%b"]}' % (labels, time, text),)


def _matrix_items(matrix: MatrixResult) -> Iterator[Item]:
    seconds = seconds_texts(matrix.times_ms)
    joints, points = _joints(seconds), Points.at(seconds)
    values, present = np.ascontiguousarray(matrix.values), matrix.present
    common = np.logical_and.reduce(present, axis=1) & are_plain(values)
    labels = label_sets_json(matrix.labels)
    height = max(1, SLAB_VALUES // values.shape[1])
    for top in range(0, len(labels), height):
        is_common = common[top : top + height].tolist()
        rows = points.rows(_chosen(values[top : top + height], is_common)) if points and any(is_common) else None
        for row, plain in enumerate(is_common, start=top):
            if plain and rows:
                yield b'{"metric":', labels[row], b',"values":[', next(rows), b"]}"
            else:
                where = present[row]
                yield _series(labels[row], compress(joints, where.tolist()), value_texts(values[row][where]))


def _chosen(rows: Floats, chosen: list[bool]) -> Floats:
    return rows if all(chosen) else rows[chosen]


def _range_vector_items(vector: RangeVectorResult) -> Iterator[Item]:
    bounds = vector.offsets.tolist()
    for row, labels in enumerate(label_sets_json(vector.labels)):
        part = slice(bounds[row], bounds[row + 1])
        yield _series(labels, _joints(seconds_texts(vector.times_ms[part])), value_texts(vector.values[part]))


def _joints(seconds: Iterable[bytes]) -> list[bytes]:
    """What stands between two values: the end of one point and the beginning of the next."""
    return [b'"],[%b,"' % text for text in seconds]


def _series(labels: bytes, joints: Iterable[bytes], texts: list[bytes]) -> Item:
    parts = [b""] * (2 * len(texts))
    parts[0::2] = joints
    parts[1::2] = texts
    return b'{"metric":', labels, b',"values":[', b"".join(parts)[3:], b'"]]}'


def label_sets_json(table: LabelTable) -> list[bytes]:
    """Each row's label set as a JSON object, its names in order. Every distinct value is written once."""
    if not table.columns:
        return [b"{}"] * table.size
    columns = [_members(name, table.columns[name]) for name in sorted(table.columns)]
    return [b"{" + b"".join(members)[1:] + b"}" for members in zip(*columns, strict=True)]


def _members(name: str, column: LabelColumn) -> list[bytes]:
    """``,"name":"value"`` for each row, nothing where the label is absent."""
    key, values = b"," + orjson.dumps(name) + b":", column.dictionary.values
    if len(column.codes) <= FEW_ROWS:
        return [key + orjson.dumps(values[code]) if code else b"" for code in column.codes.tolist()]
    used, where = np.unique(column.codes, return_inverse=True)
    members = [key + orjson.dumps(values[code]) if code else b"" for code in used.tolist()]
    return [members[index] for index in where.reshape(-1).tolist()]


def compressed(body: bytes) -> bytes:
    return gzip.compress(body, GZIP_LEVEL, mtime=0)
