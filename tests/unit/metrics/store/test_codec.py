"""Rows of blocks and WAL records come back bit for bit, and damaged ones never as values."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fenghuo.metrics.store import records
from fenghuo.metrics.store.arrays import spread
from fenghuo.metrics.store.codec import RowKind, UnpackError, pack_ints, pack_row, unpack_ints, unpack_row, unpack_rows
from fenghuo.metrics.store.loose import Flat, Run, gather, joined_runs, merged
from fenghuo.model.labels import Labels
from fenghuo.model.sample import ABSENT_NAN, STALE_NAN, Exemplar, Floats

special = st.sampled_from([0.0, -0.0, 1.5, 0.1, 1e300, np.inf, -np.inf, np.nan, float(STALE_NAN), float(ABSENT_NAN)])
anything = st.integers(-(1 << 63), (1 << 63) - 1).map(lambda bits: float(np.int64(bits).view(np.float64)))
decimals = st.integers(-(10**9), 10**9).map(lambda number: number / 1000)


def rows() -> st.SearchStrategy[Floats]:
    cell = st.one_of(special, anything, decimals)
    return st.lists(cell, min_size=1, max_size=60).map(lambda cells: np.array(cells, dtype=np.float64))


@given(rows())
def test_a_row_comes_back_bit_for_bit(values: Floats) -> None:
    kind, data = pack_row(values)
    out = np.empty_like(values)
    unpack_row(kind, data, out)
    assert np.array_equal(out.view(np.int64), values.view(np.int64))


@given(st.lists(rows().map(lambda row: np.resize(row, 40)), max_size=12), st.integers(0, 39), st.integers(0, 40))
def test_rows_come_back_together_as_they_do_one_by_one(matrix: list[Floats], first: int, end: int) -> None:
    end = max(first, end)
    packed = [(place, *pack_row(row)) for place, row in enumerate(matrix)]
    out = np.full((len(matrix), end - first), 77.0)
    assert unpack_rows(packed, 40, first, end, out) == {}
    for row, got in zip(matrix, out, strict=True):
        assert np.array_equal(got.view(np.int64), row[first:end].view(np.int64))


def test_rows_that_mean_nothing_are_named_and_the_others_are_unpacked() -> None:
    row = np.arange(20.0)
    bad = [(0, RowKind.DECIMALS, b""), (2, RowKind.CONSTANT, b"123"), (3, 9, b"x"), (4, RowKind.FLOATS, b"nothing")]
    out = np.zeros((6, 20))
    flaws = unpack_rows([*bad[:1], (1, *pack_row(row)), *bad[1:], (5, *pack_row(row / 3))], 20, 0, 20, out)
    assert set(flaws) == {0, 2, 3, 4}
    assert np.array_equal(out[[1, 5]], [row, row / 3])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.full(100, ABSENT_NAN), RowKind.EMPTY),
        (np.full(100, np.nan), RowKind.CONSTANT),
        (np.arange(100.0), RowKind.DECIMALS),
        (np.arange(100) / 1000, RowKind.DECIMALS),
        (np.where(np.arange(100) % 3, 1 / 3, 2 / 3), RowKind.FLOATS),
        (np.where(np.arange(100) % 7, np.arange(100.0), ABSENT_NAN), RowKind.SPARSE),
    ],
)
def test_a_row_is_packed_by_its_nature(values: Floats, kind: RowKind) -> None:
    found, data = pack_row(values)
    assert found == kind
    assert len(data) < values.nbytes / 2


@given(st.integers(0, 255), st.binary(max_size=80), st.integers(1, 40))
def test_bytes_that_are_no_row_are_an_error_or_floats(kind: int, data: bytes, size: int) -> None:
    with contextlib.suppress(UnpackError):
        unpack_row(kind, data, np.empty(size))


@given(hnp.arrays(np.int64, st.integers(1, 50)))
def test_integers_come_back(values: np.ndarray) -> None:
    assert np.array_equal(unpack_ints(pack_ints(values), len(values)), values)
    with pytest.raises(UnpackError):
        unpack_ints(pack_ints(values), len(values) + 1)


def payload(record: bytes) -> memoryview:
    length, kind, guard, crc = records.HEADER.unpack_from(record)
    body = memoryview(record)[records.HEADER.size :]
    assert len(body) == length
    assert records.guard(length, kind) == guard
    assert records.checksum(kind, body) == crc
    return body


@given(rows(), rows())
def test_a_scrape_record_comes_back_whole_or_as_changes(before: Floats, after: Floats) -> None:
    size = min(len(before), len(after))
    before, after = before[:size], np.where(np.arange(size) % 3, before[:size], after[:size])
    record = records.encode_scrape_again(7, -5, after, before)
    body = payload(record)
    cohort, time_ms, count = records.decode_scrape_head(body)
    assert (cohort, time_ms, count) == (7, -5, size)
    if record[4] == records.Kind.SCRAPE_CHANGES:
        got = records.decode_scrape_changes(body, before)
    else:
        got = records.decode_scrape_values(body, count)
    assert np.array_equal(got.view(np.int64), after.view(np.int64))


def test_the_other_records_come_back() -> None:
    labels = [Labels({"__name__": "a", "path": "/\n\0烽火"}), Labels()]
    series = records.decode_series(
        payload(records.encode_series(np.array([3, 1 << 30]), [["__name__", "a", "path", "/\n\0烽火"], []]))
    )
    assert (series.sids.tolist(), series.labels) == ([3, 1 << 30], labels)
    sids = np.array([4, 5], dtype=np.int32)
    cohort = records.decode_cohort(payload(records.encode_cohort(9, 2, "k/烽", sids)))
    assert (cohort.cohort, cohort.first_row, cohort.key, cohort.sids.tolist()) == (9, 2, "k/烽", [4, 5])
    rows, values = records.decode_scrape(
        payload(records.encode_scrape(1, 2, np.array([1, 0]), np.array([0.5, STALE_NAN]))), 2
    )
    assert rows.tolist() == [1, 0]
    assert values.view(np.int64).tolist() == np.array([0.5, STALE_NAN]).view(np.int64).tolist()
    loose = records.decode_loose(payload(records.encode_loose(sids, np.array([-1, 2]), np.array([0.0, 1.0]))))
    assert (loose.sids.tolist(), loose.times_ms.tolist(), loose.values.tolist()) == ([4, 5], [-1, 2], [0.0, 1.0])
    exemplars = [(labels[0], Exemplar(Labels({"trace_id": "x"}), float("inf"), 12))]
    assert records.decode_exemplars(payload(records.encode_exemplars(exemplars))) == exemplars


def test_spread() -> None:
    assert spread(np.array([5, 9, 2]), np.array([2, 0, 3])).tolist() == [5, 6, 2, 3, 4]


samples = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), unique=True, max_size=30)


@given(st.lists(samples, max_size=20), st.sets(st.integers(0, 6)), st.integers(-1, 21), st.integers(-1, 21))
def test_runs_join_and_answer_like_a_dictionary(
    batches: list[list[tuple[int, int]]], wanted: set[int], start: int, end: int
) -> None:
    """Of several samples at one time the earliest given stays."""
    runs, known = [], {}
    for number, batch in enumerate(batches):
        sids, times = (np.array(column) for column in zip(*sorted(batch), strict=True)) if batch else (np.empty(0),) * 2
        runs.append(Run(sids.astype(np.int32), times.astype(np.int64), np.full(len(batch), float(number))))
        for key in batch:
            known.setdefault(key, float(number))
    joined = joined_runs(runs)
    keys = zip(joined.sids.tolist(), joined.times_ms.tolist(), strict=True)
    assert dict(zip(keys, joined.values.tolist(), strict=True)) == known
    order = sorted(wanted, reverse=True)
    flat: Flat = merged(gather(runs, np.array(order, dtype=np.int64), start, end)) if order else Flat.empty()
    got = {
        (order[row], time): value
        for row, time, value in zip(flat.rows.tolist(), flat.times_ms.tolist(), flat.values.tolist(), strict=True)
    }
    assert got == {key: value for key, value in known.items() if key[0] in wanted and start <= key[1] <= end}
    assert sorted(zip(flat.rows.tolist(), flat.times_ms.tolist(), strict=True)) == list(
        zip(flat.rows.tolist(), flat.times_ms.tolist(), strict=True)
    )
